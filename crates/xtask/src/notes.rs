//! `cargo xtask notes TAG`: what a release says of itself, once all that it is made of agrees on its version.

use crate::{release, run};
use anyhow::{Context, Result, bail};
use serde_norway::Value;

/// Charts that are released with the program.
const CHARTS: [&str; 2] = ["aztec-network", "aztec-chaos"];
/// Images of our own, by their keys in the chart's values.
const IMAGES: [&str; 2] = ["aznetNode", "pxe"];

/// Prints the changelog's section of a tag; fails if something has another version, or the chart's release is not noted.
pub(crate) fn print(tag: &str) -> Result<()> {
    let version = tag
        .strip_prefix('v')
        .with_context(|| format!("tag {tag}: expected vMAJOR.MINOR.PATCH"))?;
    agree(version, &versions()?)?;
    release::is_noted()?;
    let changelog = read("CHANGELOG.md")?;
    println!("{}", section(&changelog, version)?);
    Ok(())
}

/// What has a version of its own, and which.
fn versions() -> Result<Vec<(String, String)>> {
    let mut found = vec![(
        "the program (Cargo.toml)".to_owned(),
        env!("CARGO_PKG_VERSION").to_owned(),
    )];
    for chart in CHARTS {
        let file = format!("helm-charts/{chart}/Chart.yaml");
        let version = text_at(&file, &["version"])?;
        found.push((file, version));
    }
    let values = "helm-charts/aztec-network/values.yaml";
    for image in IMAGES {
        let reference = text_at(values, &["images", image, "image"])?;
        let (_, tag) = reference
            .rsplit_once(':')
            .with_context(|| format!("{values}: {reference} has no tag"))?;
        found.push((format!("images.{image}.image ({values})"), tag.to_owned()));
    }
    Ok(found)
}

fn agree(version: &str, found: &[(String, String)]) -> Result<()> {
    let others = found.iter().filter(|(_, other)| other != version);
    let others: Vec<String> = others
        .map(|(what, other)| format!("\n  {what}: {other}"))
        .collect();
    if !others.is_empty() {
        bail!("not of version {version}:{}", others.concat());
    }
    Ok(())
}

fn read(file: &str) -> Result<String> {
    std::fs::read_to_string(run::root().join(file)).with_context(|| format!("reading {file}"))
}

fn text_at(file: &str, keys: &[&str]) -> Result<String> {
    let document: Value =
        serde_norway::from_str(&read(file)?).with_context(|| format!("reading {file}"))?;
    let mut value = &document;
    for key in keys {
        value = &value[*key];
    }
    let text = value.as_str();
    let text = text.with_context(|| format!("{file}: no text at {}", keys.join(".")))?;
    Ok(text.to_owned())
}

/// What stands below the title of a version.
fn section<'a>(changelog: &'a str, version: &str) -> Result<&'a str> {
    let is_title = |line: &str| {
        let name = line.strip_prefix("## ").unwrap_or_default();
        let name = name.split_whitespace().next().unwrap_or_default();
        name.trim_matches(['[', ']']) == version
    };
    let mut at = 0;
    let (mut start, mut end) = (None, changelog.len());
    for line in changelog.split_inclusive('\n') {
        let next = at + line.len();
        match start {
            None if is_title(line) => start = Some(next),
            Some(_) if line.starts_with("## ") => {
                end = at;
                break;
            }
            _ => {}
        }
        at = next;
    }
    let text = start.map(|start| changelog[start..end].trim());
    text.filter(|text| !text.is_empty())
        .with_context(|| format!("CHANGELOG.md has nothing under `## {version}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANGELOG: &str = "# Changelog\n\n## Unreleased\n\n- new\n\n## 0.2.0 – 2026-12-01\n\n- a\n- b\n\n## [0.1.0]\n\n- first\n\n## 0.0.9\n";

    #[test]
    fn a_section_ends_where_the_next_begins() {
        assert_eq!(section(CHANGELOG, "0.2.0").expect("there"), "- a\n- b");
        assert_eq!(section(CHANGELOG, "0.1.0").expect("there"), "- first");
    }

    #[test]
    fn a_version_of_which_nothing_is_said_is_refused() {
        for version in ["0.0.9", "0.3.0", "0.2"] {
            let error = section(CHANGELOG, version).expect_err(version);
            assert!(error.to_string().contains(version), "{error}");
        }
    }

    #[test]
    fn whatever_has_another_version_is_named() {
        let found = [("a", "0.1.0"), ("b", "0.2.0"), ("c", "0.1.1")]
            .map(|(what, version)| (what.to_owned(), version.to_owned()));
        let error = agree("0.1.0", &found).unwrap_err().to_string();
        assert_eq!(error, "not of version 0.1.0:\n  b: 0.2.0\n  c: 0.1.1");
    }

    #[test]
    fn the_versions_of_the_working_tree_agree() {
        let found = versions().expect("versions");
        assert_eq!(found.len(), 1 + CHARTS.len() + IMAGES.len());
        agree(env!("CARGO_PKG_VERSION"), &found).expect("one version");
    }
}
