//! This machine: whether it can run clusters, what it lacks, what it has to give.

pub mod capacity;
pub mod doctor;
pub mod finding;
pub mod install;
pub mod ports;
pub mod process;
pub mod programs;

pub(crate) mod mounts;
pub(crate) mod space;

mod kernel;
