//! Cells of the matrix on the tier's network, and one that is interrupted.

use super::chaos::no_faults;
use super::checks::expect;
use super::machine::{CLUSTER, Checked, Machine, NETWORK, aznet, tail, until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Each stands for an attack that no scenario makes: an eclipse, a split, all validators at once, the L1 and the blob store.
const CONDITIONS: [&str; 6] = [
    "node-eclipsed",
    "split-committee",
    "validators-killed",
    "l1-paused",
    "l1-offline",
    "blob-store-slow",
];
/// Is in force for long enough to be interrupted.
const INTERRUPTED: &str = "validator-offline";

const MATRIX: [&str; 5] = ["test", "--matrix", "--attach", NETWORK, "--disruptive"];

/// Tokens move under each.
pub(crate) fn conditions_are_survived(_: &Machine) -> Checked {
    let named = CONDITIONS.iter().flat_map(|name| ["--condition", name]);
    let place = ["--cluster", CLUSTER, "--no-fail-fast"];
    let args: Vec<&str> = MATRIX.into_iter().chain(named).chain(place).collect();
    let output = aznet(&args)?;
    let said = tail(&String::from_utf8_lossy(&output.stderr), 60)
        + &tail(&String::from_utf8_lossy(&output.stdout), 40);
    let passed = format!(
        "{} tests run: {} passed",
        CONDITIONS.len(),
        CONDITIONS.len()
    );
    expect(
        output.status.success() && said.contains(&passed),
        &passed,
        &said,
    )?;
    no_faults()
}

/// Ctrl-C under a fault: the fault is lifted, and there is a whole report.
pub(crate) fn interrupted(_: &Machine) -> Checked {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let report = folder.path().join("report");
    let mut run = Command::new(env!("CARGO_BIN_EXE_aznet"))
        .args(MATRIX)
        .args(["--condition", INTERRUPTED, "--cluster", CLUSTER, "--report"])
        .arg(&report)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("aznet could not be started: {error}"))?;
    let injected = until(
        "the fault in the status",
        Duration::from_mins(6),
        |status| {
            status["faults"][0]["name"] == INTERRUPTED && status["faults"][0]["says"] == "injected"
        },
    );
    let pid = i32::try_from(run.id()).map_err(|error| error.to_string())?;
    kill(Pid::from_raw(pid), Signal::SIGINT).map_err(|error| error.to_string())?;
    let ended = run.wait().map_err(|error| error.to_string())?;
    injected?;
    expect(ended.code() == Some(130), "exit code 130", &ended)?;
    let junit = std::fs::read_to_string(report.join("junit.xml"));
    let junit = junit.map_err(|error| format!("junit.xml: {error}"))?;
    expect(
        junit.trim_end().ends_with("</testsuites>"),
        "a whole junit.xml",
        &junit,
    )?;
    no_faults()?;
    until("well after the fault", Duration::from_mins(3), |status| {
        status["ready"] == true
    })
    .map(drop)
}
