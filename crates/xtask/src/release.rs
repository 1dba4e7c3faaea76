//! The chart's version: raised once what is in the chart differs from what was last released under it.
//!
//! `helm-charts/released.json` notes version and content of the last release, so that the check needs no history.

use crate::run;
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::Path;

const CHART: &str = "helm-charts/aztec-network";
const RECORD: &str = "helm-charts/released.json";
/// Not part of a packaged chart.
const IGNORED: [&str; 1] = ["ci"];

/// What was released last.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    /// The chart's version; `None` before its first release.
    version: Option<String>,
    /// SHA-256 over the chart's files.
    digest: Option<String>,
}

/// Notes that the chart is released as it stands; fails if its version was not raised.
pub(crate) fn note() -> Result<()> {
    let (record, now) = (released()?, current()?);
    compare(&record, &now)?;
    let text = serde_json::to_string_pretty(&now)?;
    let path = run::root().join(RECORD);
    std::fs::write(&path, text + "\n").with_context(|| format!("writing {}", path.display()))?;
    println!("noted: {CHART} {}", now.version.unwrap_or_default());
    Ok(())
}

/// Fails when the chart was changed since its release and has its old version still, or when nobody was told.
pub(crate) fn verify() -> Result<()> {
    let (record, now) = (released()?, current()?);
    compare(&record, &now)?;
    if record.digest != now.digest {
        let path = run::root().join("CHANGELOG.md");
        let text = std::fs::read_to_string(&path).context("reading CHANGELOG.md")?;
        told(&text, now.version.as_deref().unwrap_or_default())?;
    }
    Ok(())
}

/// Fails unless the chart as it stands was noted as released.
pub(crate) fn is_noted() -> Result<()> {
    if released()? != current()? {
        bail!(
            "{CHART} is not noted in {RECORD} as it stands: run `cargo xtask release` and commit what it writes"
        );
    }
    Ok(())
}

fn compare(record: &Record, now: &Record) -> Result<()> {
    let (Some(old), Some(new)) = (&record.version, &now.version) else {
        return Ok(());
    };
    if record.digest != now.digest && numbers(new)? <= numbers(old)? {
        bail!(
            "{CHART} differs from its release {old}, and its version is {new}: raise `version` in Chart.yaml above {old}"
        );
    }
    Ok(())
}

/// Whether the changelog has a line for what is not released yet.
fn told(changelog: &str, version: &str) -> Result<()> {
    let titles = [
        "## [Unreleased]".to_owned(),
        "## Unreleased".to_owned(),
        format!("## [{version}]"),
    ];
    let mut lines = changelog
        .lines()
        .skip_while(|line| !titles.iter().any(|title| line.starts_with(title.as_str())))
        .skip(1)
        .take_while(|line| !line.starts_with("## "));
    if lines.any(|line| line.starts_with("- ")) {
        return Ok(());
    }
    bail!(
        "the chart was changed since its release: say what changed under `## [Unreleased]` in CHANGELOG.md"
    )
}

/// `1.2.3` as numbers.
fn numbers(version: &str) -> Result<Vec<u32>> {
    let number = |part: &str| {
        part.parse()
            .with_context(|| format!("chart version {version}: expected MAJOR.MINOR.PATCH"))
    };
    version.split('.').map(number).collect()
}

fn released() -> Result<Record> {
    let path = run::root().join(RECORD);
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("reading {}", path.display()))
}

fn current() -> Result<Record> {
    let chart = run::root().join(CHART);
    let path = chart.join("Chart.yaml");
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let version = text.lines().find_map(|line| line.strip_prefix("version: "));
    let version = version.with_context(|| format!("{}: no line `version: …`", path.display()))?;
    Ok(Record {
        version: Some(version.trim().to_owned()),
        digest: Some(digest(&chart)?),
    })
}

/// Over names and contents; the version itself does not count.
fn digest(chart: &Path) -> Result<String> {
    let mut hasher = Sha256::new();
    for file in aznet_kit::files::list(chart)? {
        let name = file.strip_prefix(chart)?.to_string_lossy().into_owned();
        if IGNORED
            .iter()
            .any(|folder| name.starts_with(&format!("{folder}/")))
        {
            continue;
        }
        let text = std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
        let text = if name == "Chart.yaml" {
            without_version(&text)
        } else {
            text
        };
        for part in [name.as_bytes(), &text] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
    }
    Ok(run::hex(&hasher.finalize()))
}

fn without_version(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    let lines = text.lines().filter(|line| !line.starts_with("version: "));
    lines.collect::<Vec<_>>().join("\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(version: &str, digest: &str) -> Record {
        Record {
            version: Some(version.to_owned()),
            digest: Some(digest.to_owned()),
        }
    }

    #[test]
    fn a_changed_chart_needs_a_higher_version() {
        let old = record("0.9.0", "a");
        assert!(compare(&old, &record("0.9.0", "a")).is_ok());
        assert!(compare(&old, &record("0.10.0", "b")).is_ok());
        let error = compare(&old, &record("0.9.0", "b")).unwrap_err();
        assert!(error.to_string().contains("raise `version`"), "{error}");
        assert!(compare(&old, &record("0.8.9", "b")).is_err());
        let never = Record {
            version: None,
            digest: None,
        };
        assert!(compare(&never, &record("0.1.0", "b")).is_ok());
    }

    #[test]
    fn the_changelog_must_tell() {
        assert!(
            told(
                "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- X.\n\n## [0.1.0]\n",
                "0.2.0"
            )
            .is_ok()
        );
        assert!(told("## [0.2.0] - 2026-01-01\n\n- X.\n", "0.2.0").is_ok());
        assert!(told("## [Unreleased]\n\n## [0.1.0]\n- Old.\n", "0.2.0").is_err());
    }

    #[test]
    fn the_digest_is_of_content_and_names() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).expect("written");
        };
        write("Chart.yaml", "name: x\nversion: 1.0.0\n");
        write("values.yaml", "a: 1\n");
        let first = digest(folder.path()).expect("read");
        write("Chart.yaml", "name: x\nversion: 1.0.1\n");
        assert_eq!(digest(folder.path()).expect("read"), first);
        write("values.yaml", "a: 2\n");
        assert_ne!(digest(folder.path()).expect("read"), first);
    }
}
