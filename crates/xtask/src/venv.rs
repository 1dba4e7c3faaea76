//! Python packages, pinned with their hashes, in virtual environments.

use crate::{cache, run};
use anyhow::{Context, Result};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Lies in an environment that is complete: one can't be moved to its place when it is.
const COMPLETE: &str = "complete";

/// A virtual environment below aznet's cache.
pub(crate) struct Venv {
    folder: PathBuf,
}

impl Venv {
    /// That of a file of pins in pip's format, relative to the workspace's root; installed unless it is there.
    pub(crate) fn ensure(pins: &str) -> Result<Self> {
        let cache = cache::folder()?;
        let name = cache::name(&[run::root().join(pins)])?;
        let folder = cache.join(format!("python-{name}"));
        let lock = cache.join("python.lock");
        let lock = File::create(&lock).with_context(|| format!("creating {}", lock.display()))?;
        lock.lock().context("waiting for another installation")?;
        if !folder.join(COMPLETE).is_file() {
            if folder.exists() {
                fs::remove_dir_all(&folder)
                    .with_context(|| format!("removing {}", folder.display()))?;
            }
            make(&folder, pins)?;
            File::create(folder.join(COMPLETE))?;
        }
        Ok(Self { folder })
    }

    /// A program that its packages install.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.folder.join("bin").join(name)
    }
}

/// Makes an environment of what a file pins, and of nothing else.
pub(crate) fn make(folder: &Path, pins: &str) -> Result<()> {
    let path = |path: &Path| path.to_string_lossy().into_owned();
    let made = || {
        run::check("python3", &["-m", "venv", &path(folder)])?;
        run::check(
            folder.join("bin/pip"),
            &[
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--no-deps",
                "--only-binary=:all:",
                "--require-hashes",
                "--requirement",
                &path(&run::root().join(pins)),
            ],
        )
    };
    made()
        .with_context(|| format!("installing {pins} by pip (Debian: apt-get install python3-venv)"))
}
