//! The file of settings, `.config/aznet.toml` in the working directory or above it.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use aznet_kit::files;
use aznet_runner::{Profile, Profiles};

const FILE: &str = ".config/aznet.toml";

/// The profile called so.
pub(super) fn profile(name: &str) -> anyhow::Result<Profile> {
    let here = std::env::current_dir().context("looking for the working directory")?;
    let file = nearest(&here);
    let text = file.as_deref().map(files::read).transpose()?;
    let shown = file.map(|file| file.display().to_string());
    let profiles = Profiles::read(shown.as_deref().zip(text.as_deref()))?;
    Ok(profiles.get(name)?)
}

fn nearest(here: &Path) -> Option<PathBuf> {
    let places = here.ancestors().map(|folder| folder.join(FILE));
    places.into_iter().find(|file| file.is_file())
}
