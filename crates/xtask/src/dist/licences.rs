//! What is linked into the program, and under which licence.

use super::linked::linked;
use crate::run;
use anyhow::{Context, Result};
use cargo_metadata::Metadata;
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;

/// A table of all packages that `aznet` is made of, its own crates aside. cargo-deny sees to it that the licences allow this.
pub(super) fn page(metadata: &Metadata) -> Result<String> {
    let mut text = String::from(
        "# Licences\n\naznet is licensed under Apache-2.0 (LICENSE). It contains:\n\n| package | version | licence | source |\n|---|---|---|---|\n",
    );
    let linked = linked(metadata)?;
    let mut packages: Vec<_> = metadata
        .packages
        .iter()
        .filter(|package| linked.contains(&package.id) && package.source.is_some())
        .collect();
    packages.sort_by_key(|package| (package.name.to_string(), package.version.clone()));
    for package in packages {
        let licence = package
            .license
            .as_deref()
            .with_context(|| format!("{} names no licence", package.name))?;
        let source = package.repository.as_deref().unwrap_or_default();
        let (name, version) = (&package.name, &package.version);
        let _ = writeln!(text, "| {name} | {version} | {licence} | {source} |");
    }
    text += &scripts()?;
    Ok(text)
}

/// What HTML pages are drawn with: packages of npm.
fn scripts() -> Result<String> {
    let path = run::root().join("crates/aznet-page/web/package-lock.json");
    let lock = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
    let lock: Value = serde_json::from_slice(&lock)?;
    let packages = lock["packages"].as_object().context("it locks nothing")?;
    let mut text = String::new();
    for (place, package) in packages {
        let Some(name) = place.strip_prefix("node_modules/") else {
            continue;
        };
        let field = |field| {
            package[field]
                .as_str()
                .with_context(|| format!("{name} names no {field}"))
        };
        let (version, licence) = (field("version")?, field("license")?);
        let _ = writeln!(text, "| {name} (npm) | {version} | {licence} | |");
    }
    Ok(text)
}
