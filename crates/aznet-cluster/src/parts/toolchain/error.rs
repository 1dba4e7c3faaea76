//! What can go wrong with the toolchain.

use std::path::PathBuf;

use aznet_kit::files::FileError;
use aznet_kit::lock::LockError;
use aznet_kit::process::ProcessError;

use super::download::DownloadError;
use super::pin::PinError;
use super::programs::Group;
use crate::machine::space;

/// Why a program is not there.
#[derive(Debug, thiserror::Error)]
pub enum ToolchainError {
    /// A mode that does not exist.
    #[error("AZNET_TOOLCHAIN is `{0}`; expected download, build or auto")]
    UnknownMode(String),
    /// A pin cannot be read.
    #[error(transparent)]
    Pin(#[from] PinError),
    /// Go is too old.
    #[error("{group} needs Go {needed} or newer, found {found}; install it from https://go.dev/dl")]
    OldGo {
        /// What was to be built.
        group: Group,
        /// The `go` line of its module file.
        needed: String,
        /// What `go env GOVERSION` says.
        found: String,
    },
    /// Neither Go nor a release to download.
    #[error(
        "{group} has to be built and `go` is not on the PATH; install Go {needed} or newer from https://go.dev/dl"
    )]
    NoGo {
        /// What was to be built.
        group: Group,
        /// The `go` line of its module file.
        needed: String,
    },
    /// Not enough space.
    #[error("building {group} needs about {} in {}, {} are free; free some or set AZNET_CACHE", space::human(*needed), path.display(), space::human(*free))]
    DiskFull {
        /// What was to be built.
        group: Group,
        /// Where.
        path: PathBuf,
        /// Bytes needed.
        needed: u64,
        /// Bytes free.
        free: u64,
    },
    /// A compiler failed.
    #[error(transparent)]
    Command(#[from] ProcessError),
    /// A download failed.
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// A file is out of reach.
    #[error(transparent)]
    File(#[from] FileError),
    /// Another run holds the cache.
    #[error(transparent)]
    Lock(#[from] LockError),
}
