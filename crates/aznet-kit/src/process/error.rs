//! Why a program did not run, or failed.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use crate::files::last_lines;
use crate::time::Seconds;

/// How many lines an error shows.
const SHOWN_LINES: usize = 20;

/// A program did not run, or failed.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// There is no such program.
    #[error("program `{program}` not found on the PATH; `aznet doctor` says which package has it")]
    NotFound {
        /// Its name.
        program: String,
    },
    /// It could not be started or watched.
    #[error("could not run `{program}`")]
    Spawn {
        /// Its name.
        program: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It ended with a failure.
    #[error("`{command}` failed ({status}); its last lines:\n{}", last_lines(&format!("{stdout}\n{stderr}"), SHOWN_LINES))]
    Failed {
        /// The command line.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// What it printed.
        stdout: String,
        /// Its errors.
        stderr: String,
    },
    /// It took too long and was stopped.
    #[error("`{command}` did not end within {} and was stopped; its last lines:\n{}", Seconds(*after), last_lines(output, SHOWN_LINES))]
    TimedOut {
        /// The command line.
        command: String,
        /// How long it was given.
        after: Duration,
        /// What it had printed.
        output: String,
    },
    /// The caller gave up; the program was stopped.
    #[error("interrupted while running `{program}`")]
    Cancelled {
        /// Its name.
        program: String,
    },
}

impl ProcessError {
    /// Whether the program failed for want of disk space.
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::Failed { stdout, stderr, .. } => [stdout, stderr]
                .iter()
                .any(|text| text.to_lowercase().contains("no space left")),
            _ => false,
        }
    }
}
