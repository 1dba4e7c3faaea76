//! What every crate needs and none should write twice: waits with a deadline and a name, processes that end, files that
//! are whole or not there, locks with a known holder, and errors in one line.

pub mod error;
pub mod files;
pub mod lock;
pub mod process;
pub mod time;
pub mod wait;
