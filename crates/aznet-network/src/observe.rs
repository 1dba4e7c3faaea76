//! What is seen of a network; nothing here changes it.

pub mod capacity;
pub mod disruption;
pub mod endpoints;
pub mod evidence;
pub mod image;
pub mod instances;
pub mod logs;
pub(crate) mod memory;
mod messages;
pub mod pods;
pub mod release;
pub mod status;
pub mod summary;
pub mod telemetry;
pub mod timing;
pub mod usage;
pub mod watch;
