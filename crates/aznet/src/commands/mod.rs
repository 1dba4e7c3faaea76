//! The verbs: one file each, which holds its arguments and what it does with them.

pub mod adopt;
pub mod bundle;
pub mod chaos;
pub mod charts;
pub mod cluster;
pub mod completions;
pub mod dashboards;
pub mod deploy;
pub mod doctor;
pub mod down;
pub mod env;
pub mod forward;
pub mod images;
pub mod join;
pub mod list;
pub mod logs;
pub mod plan;
pub mod preflight;
pub mod report;
pub mod status;
pub mod test;
pub mod up;
pub mod validators;
