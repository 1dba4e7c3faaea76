//! What the higher tiers use: the machine's packages, the toolchain, the images.

use anyhow::{Context, Result, bail};
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

/// Makes them with the program under test; what it says goes to `log`, since tests talk at the same time.
pub(super) fn make(aznet: &Path, log: &Path) -> Result<()> {
    let log = File::create(log).with_context(|| format!("creating {}", log.display()))?;
    for words in [
        ["doctor", "--fix"].as_slice(),
        &["images", "build", "--telemetry"],
    ] {
        let status = Command::new(aznet)
            .args(words)
            .current_dir(crate::run::root())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log.try_clone()?)
            .status()
            .context("aznet could not be started")?;
        if !status.success() {
            bail!("`aznet {}` failed: {status}", words.join(" "));
        }
    }
    Ok(())
}
