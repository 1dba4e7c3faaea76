//! The command line as people and scripts see it: exit code, stdout and stderr of the real program, for everything
//! that needs no cluster.

mod bad_input;
mod documented;
mod help;
mod listed;
mod preflight;
mod recorded;
mod releases;
#[path = "../documented/mod.rs"]
mod shown;
mod support;
