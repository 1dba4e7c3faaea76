//! What can go wrong with images.

use std::path::{Path, PathBuf};

use aznet_kit::files::FileError;
use aznet_kit::lock::LockError;
use aznet_kit::process::ProcessError;
use aznet_kit::wait::WaitError;

use crate::machine::space;

/// Why an image is not there.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// Not enough space.
    #[error("{what} needs about {} in {}, {} are free; free some or set AZNET_CACHE", space::human(*needed), path.display(), space::human(*free))]
    DiskFull {
        /// What was to be made.
        what: String,
        /// Where.
        path: PathBuf,
        /// Bytes needed.
        needed: u64,
        /// Bytes free.
        free: u64,
    },
    /// Images are built and pushed by root only.
    #[error("{what} images needs root: run it with sudo")]
    NotRoot {
        /// What was to be done with them.
        what: &'static str,
    },
    /// A registry did not take an image, or is out of reach.
    #[error("cannot push {target}")]
    NotPushed {
        /// What it was to be called there.
        target: String,
        /// What buildah said.
        #[source]
        source: ProcessError,
    },
    /// A file that a tool wrote is not as it should be.
    #[error("{} is damaged: {problem}; remove it and try again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A tool failed.
    #[error("cannot make {what}")]
    Command {
        /// What was to be made.
        what: String,
        /// Which tool, and what it said.
        #[source]
        source: ProcessError,
    },
    /// The containerd that imports images did not come up.
    #[error("containerd does not answer")]
    Containerd(#[from] WaitError),
    /// A file is out of reach.
    #[error(transparent)]
    File(#[from] FileError),
    /// Another run holds the cache.
    #[error(transparent)]
    Lock(#[from] LockError),
}

impl ImageError {
    /// For `map_err` on tools: says what was to be made, and finds out whether the disk is full.
    pub(crate) fn making(
        what: &str,
        path: &Path,
        needed: u64,
    ) -> impl FnOnce(ProcessError) -> Self + use<> {
        let (what, path) = (what.to_owned(), path.to_owned());
        move |source| {
            if source.is_disk_full() {
                let free = space::free_bytes(&path).unwrap_or(0);
                return Self::DiskFull {
                    what,
                    path,
                    needed,
                    free,
                };
            }
            Self::Command { what, source }
        }
    }
}
