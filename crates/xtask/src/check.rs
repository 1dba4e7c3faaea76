//! `cargo xtask check`: what a reviewer should not have to look for.

use crate::{generate, release, run};
use anyhow::Result;

/// Formatting, lints, generated files, the chart's version.
pub(crate) fn run() -> Result<()> {
    run::check("cargo", &["fmt", "--all", "--check"])?;
    run::check(
        "cargo",
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ],
    )?;
    generate::verify()?;
    release::verify()?;
    println!("check: formatted, no lint, generated files current, chart version right");
    Ok(())
}
