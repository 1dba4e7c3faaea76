//! What developer tasks install, below aznet's cache: a folder for each content of the pins.

use crate::run;
use anyhow::{Context, Result};
use aznet_cluster::paths::Paths;
use sha2::{Digest, Sha256};
use std::path::PathBuf;

/// The folder below which it all is.
pub(crate) fn folder() -> Result<PathBuf> {
    let cache = Paths::from_env()?.cache().join("checkers");
    std::fs::create_dir_all(&cache).with_context(|| format!("creating {}", cache.display()))?;
    Ok(cache)
}

/// The name of what these files pin.
pub(crate) fn name(files: &[PathBuf]) -> Result<String> {
    let mut hasher = Sha256::new();
    for file in files {
        let text = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
        hasher.update(text);
    }
    let mut name = run::hex(&hasher.finalize());
    name.truncate(12);
    Ok(name)
}
