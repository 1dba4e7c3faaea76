//! What every crate needs and none should write twice: waits with a deadline and a name, processes that end, files that
//! are whole or not there, locks with a known holder, calls with a deadline, and errors in one line.

pub mod error;
pub mod files;
pub mod lock;
pub mod process;
#[cfg(feature = "http")]
pub mod rpc;
pub mod time;
pub mod wait;
