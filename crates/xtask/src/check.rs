//! `cargo xtask check`: what a reviewer should not have to look for.

use crate::{generate, run};
use anyhow::Result;

/// Formatting, lints, generated files.
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
    println!("check: formatted, no lint, generated files current");
    Ok(())
}
