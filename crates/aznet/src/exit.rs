//! Exit codes: a contract that scripts rely on.

use std::process::ExitCode;

/// How a run of `aznet` ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// Something nobody foresaw.
    Unexpected = 1,
    /// The command line is wrong, or names something that does not exist.
    Usage = 2,
    /// The values describe no network that could run here.
    InvalidValues = 3,
    /// The filters select no test.
    NoTest = 4,
    /// The cluster can't be made or reached.
    Cluster = 20,
    /// The network can't be deployed.
    Deploy = 21,
    /// The network runs but is not healthy.
    Unhealthy = 22,
    /// A fault was not done, did not bite, or was not undone.
    Fault = 23,
    /// At least one test failed.
    TestsFailed = 100,
    /// Stopped by Ctrl-C.
    Interrupted = 130,
}

impl Exit {
    /// The process's exit status.
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
