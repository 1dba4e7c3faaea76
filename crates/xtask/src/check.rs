//! `cargo xtask check`: what a reviewer should not have to look for.

mod circles;
mod imports;
mod lints;
mod python;
mod tools;
mod workflows;

use crate::{generate, release, run, support};
use anyhow::Result;
use jiff::Zoned;
pub(crate) use tools::GoProgram;
use tools::Tools;

/// What cargo-deny looks at without a network. The database of advisories is a Git repository: see [`run`].
const OFFLINE: [&str; 3] = ["bans", "licenses", "sources"];

/// Formatting, spelling, dependencies and their arrows, workflows, Python, import circles, lints, generated files, the chart's version;
/// the quick ones first. Warns of pins that are no longer maintained.
pub(crate) fn run(advisories: bool) -> Result<()> {
    run::check("cargo", &["fmt", "--all", "--check"])?;
    let tools = Tools::ensure()?;
    run::check(tools.typos(), &[])?;
    let mut deny = vec!["--log-level", "error", "check"];
    deny.extend(OFFLINE);
    if advisories {
        deny.push("advisories");
    }
    run::check(tools.cargo_deny(), &deny)?;
    workflows::verify(&tools)?;
    python::verify(&tools)?;
    circles::verify()?;
    lints::verify()?;
    generate::verify()?;
    release::verify()?;
    support::warn(Zoned::now().date())?;
    println!(
        "check: formatted, spelled, dependencies allowed, workflows and Python sound, no import circle, no lint, generated files current, chart version right"
    );
    if !advisories {
        println!(
            "check: NOT checked: security advisories of the dependencies; `cargo xtask check --advisories` fetches them from GitHub"
        );
    }
    Ok(())
}
