//! Attacks: every scenario passes, and fails where its attack is only gone through.

use super::checks::expect;
use super::machine::{CLUSTER, Checked, Machine, NETWORK};
use aznet_runner::event::Kind;
use aznet_runner::{Event, Verdict};
use std::collections::BTreeMap;
use std::process::Command;

/// With it set, attacks are only gone through.
const DUD: &str = "AZNET_DUD_ATTACKS";
/// Scenarios there are at least.
const FEWEST: usize = 17;

/// Each attack is refused, and the network goes on.
pub(crate) fn are_survived(_: &Machine) -> Checked {
    let others = others(&[], |verdict| *verdict == Verdict::Passed)?;
    expect(others.is_empty(), "every attack survived", &others)
}

/// What a scenario looks for comes of its attack: without that it is not seen, and nothing else fails the test.
pub(crate) fn are_missed(_: &Machine) -> Checked {
    let missed = |verdict: &Verdict| matches!(verdict, Verdict::Failed { .. });
    let others = others(&[(DUD, "1")], missed)?;
    expect(
        others.is_empty(),
        "every scenario to miss its attack",
        &others,
    )
}

/// Runs every attack; the verdicts that are not `wanted`.
fn others(
    environment: &[(&str, &str)],
    wanted: impl Fn(&Verdict) -> bool,
) -> Result<BTreeMap<String, Verdict>, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let report = folder.path().join("report");
    let output = Command::new(env!("CARGO_BIN_EXE_aznet"))
        .args([
            "test",
            "-E",
            "tag(attack)",
            "--attach",
            NETWORK,
            "--cluster",
            CLUSTER,
        ])
        .args(["--disruptive", "--no-fail-fast", "--report"])
        .arg(&report)
        .envs(environment.iter().copied())
        .output()
        .map_err(|error| format!("aznet could not be started: {error}"))?;
    let events = std::fs::read_to_string(report.join("events.jsonl"));
    let events = events.map_err(|error| {
        format!(
            "no events: {error}; {}",
            String::from_utf8_lossy(&output.stderr)
        )
    })?;
    let verdicts: BTreeMap<String, Verdict> = events
        .lines()
        .filter_map(|line| serde_json::from_str::<Event>(line).ok())
        .filter_map(|event| match event.kind {
            Kind::TestFinished { test, verdict, .. } => Some((test.to_string(), verdict)),
            _ => None,
        })
        .collect();
    expect(verdicts.len() >= FEWEST, "attacks", &verdicts)?;
    Ok(verdicts
        .into_iter()
        .filter(|(_, verdict)| !wanted(verdict))
        .collect())
}
