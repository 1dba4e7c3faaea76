//! `cargo xtask check`: what a reviewer should not have to look for.

use crate::{generate, release, run, support};
use anyhow::Result;
use jiff::Zoned;

/// Formatting, lints, generated files, the chart's version; warns of pins that are no longer maintained.
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
    support::warn(Zoned::now().date())?;
    println!("check: formatted, no lint, generated files current, chart version right");
    Ok(())
}
