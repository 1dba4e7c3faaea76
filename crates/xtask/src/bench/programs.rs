//! The program that is measured, and those of its toolchain.

use crate::cargo;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// A program of the toolchain.
pub(crate) fn pinned(program: &str) -> Result<PathBuf> {
    let home = std::env::var("HOME").context("no $HOME")?;
    let toolchain = PathBuf::from(home).join(".cache/aznet/toolchain");
    std::fs::read_dir(&toolchain)?
        .flatten()
        .map(|group| group.path().join("bin").join(program))
        .find(|path| path.is_file())
        .with_context(|| format!("no {program} below {}", toolchain.display()))
}

/// Asked of cargo once: the bench polls by it.
pub(crate) fn program() -> Result<&'static PathBuf> {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    if let Some(program) = PROGRAM.get() {
        return Ok(program);
    }
    let found = cargo::aznet()?;
    Ok(PROGRAM.get_or_init(|| found))
}

/// Runs the program; stdout as JSON if it is JSON.
pub(crate) fn aznet(args: &[&str]) -> Result<Value> {
    let output = Command::new(program()?)
        .args(args)
        .env("AZNET_MEMORY", "24GiB")
        .stdin(Stdio::null())
        .output()
        .context("aznet could not be started")?;
    if !output.status.success() {
        bail!(
            "`aznet {}`: {}\n{}",
            args.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(serde_json::from_slice(&output.stdout).unwrap_or(Value::Null))
}
