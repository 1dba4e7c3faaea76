//! Why nothing was measured.

use std::io;

use aznet_kit::wait::WaitError;
use thiserror::Error;

/// Why nothing was measured.
#[derive(Debug, Error)]
pub(crate) enum ProbeError {
    /// A socket does not do its work.
    #[error("can't {doing}")]
    Socket {
        /// What was tried.
        doing: &'static str,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The kernel's own account can't be read.
    #[error("can't read {path}")]
    Read {
        /// The file.
        path: &'static str,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The kernel's own account is not where it may be, or not as it may be.
    #[error("no figures of {what} in any of {}", places.join(", "))]
    NoFigures {
        /// What of.
        what: &'static str,
        /// Where they were looked for.
        places: &'static [&'static str],
    },
    /// Nobody tells the time.
    #[error("nothing here tells the time over HTTP: {}", said.join("; "))]
    NoClock {
        /// What was said, port by port.
        said: Vec<String>,
    },
    /// Time did not pass.
    #[error(transparent)]
    Wait(#[from] WaitError),
    /// The result can't be printed.
    #[error("can't print what was measured")]
    Print(#[source] io::Error),
}

pub(super) fn socket(doing: &'static str) -> impl FnOnce(io::Error) -> ProbeError {
    move |source| ProbeError::Socket { doing, source }
}
