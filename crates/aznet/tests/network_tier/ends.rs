//! Faults that end though nobody ends them, and that come back to pods that have lost them.

use super::chaos::{in_namespace, no_faults};
use super::checks::{expect, number};
use super::faults::{begun, namespace};
use super::machine::{CLUSTER, Checked, Machine, NETWORK, json, kubectl, status, succeeds, until};
use serde_json::{Value, json};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// What marks the Jobs that take faults back, and all that is theirs.
const RESTORERS: &str = "app.kubernetes.io/component=restore";
/// From when a pod's containers run until it has the fault again.
const AGAIN: Duration = Duration::from_secs(5);

/// A setting of a node and an L1 that is paused are taken back at the end of their time, though `apply` was killed.
pub(crate) fn by_themselves(_: &Machine) -> Checked {
    let experiments = json!({
        "silent": {
            "pods": {"roles": ["validator"], "names": ["validator-2"]},
            "duration": "20s",
            "protocol": {"action": "withhold-checkpoints"},
        },
        "halted": {"pods": {"roles": ["anvil"]}, "duration": "20s", "l1": {"action": "paused"}},
    });
    let file = values(&json!({"experiments": experiments}))?;
    let path = file.path().to_string_lossy().into_owned();
    killed_once_injected(begun(&["-f", &path])?)?;
    let listed = json(&["chaos", "list", NETWORK, "--cluster", CLUSTER])?;
    let listed = listed.as_array().map(Vec::as_slice).unwrap_or_default();
    expect(
        listed.len() == 2 && listed.iter().all(|one| one["until"].is_string()),
        "two faults, each with its end",
        &listed,
    )?;
    // At most a minute and a half after their time.
    until(
        "both taken back",
        Duration::from_secs(20 + 90 + 30),
        |status| {
            let faults = status["faults"].as_array().map(Vec::as_slice);
            let faults = faults.unwrap_or_default();
            faults.len() == 2 && faults.iter().all(|one| one["says"] == "recovered")
        },
    )?;
    let before = number(&status()?["tips"]["checkpointed"]);
    until(
        "checkpoints, without `clear`",
        Duration::from_mins(3),
        |status| number(&status["tips"]["checkpointed"]) > before,
    )?;
    let log = kubectl(&[
        "logs",
        "-n",
        &namespace()?,
        "validator-2",
        "-c",
        "validator",
    ])?;
    let told = |value: &str| {
        let mut lines = log.lines();
        lines.any(|line| {
            line.contains("Updated sequencer config")
                && line.contains("skipPublishingCheckpointsPercent")
                && line.contains(value)
        })
    };
    expect(
        told("100"),
        "the setting in the log of validator-2",
        &log.len(),
    )?;
    succeeds(&["chaos", "clear", NETWORK, "--cluster", CLUSTER])?;
    no_faults()?;
    nothing_is_left()
}

/// No Job, pod or NetworkPolicy of those that take faults back.
pub(super) fn nothing_is_left() -> Checked {
    let kinds = "jobs,pods,networkpolicies";
    let left = kubectl(&[
        "get",
        kinds,
        "-n",
        &namespace()?,
        "-l",
        RESTORERS,
        "-o",
        "name",
    ])?;
    expect(
        left.trim().is_empty(),
        "nothing that takes faults back",
        &left,
    )
}

/// A validator that is killed under a partition comes back partitioned.
pub(crate) fn follows_identity(_: &Machine) -> Checked {
    let pod = "validator-1";
    let what = json!({
        "pods": {"roles": ["validator"], "names": [pod]},
        "duration": "120s",
        "network": {"action": "partition", "direction": "both", "target": {"roles": ["boot-node", "full-node"]}},
    });
    let apply = injected(&json!({"cut-off": what}))?;
    let namespace = namespace()?;
    kubectl(&["delete", "pod", "-n", &namespace, pod, "--grace-period=1"])?;
    let started = until_started(&namespace, pod)?;
    let rules = until_cut(pod, AGAIN)?;
    expect(
        rules.contains("DROP"),
        &format!(
            "packets of {pod} dropped, {} s after it started",
            started.elapsed().as_secs()
        ),
        &rules,
    )?;
    let told = ended(apply)?;
    let again = told.as_array().into_iter().flatten().any(|one| {
        let measured = one["pods"][0]["measured"].as_str().unwrap_or_default();
        one["stage"] == "biting" && measured.ends_with("done again to pods that had lost it")
    });
    expect(again, "a second biting, of the pod that came back", &told)?;
    no_faults()
}

/// Waits until a pod of this name runs that was made after this was called.
fn until_started(namespace: &str, pod: &str) -> Result<Instant, String> {
    let path = "jsonpath={.status.containerStatuses[0].state.running.startedAt}";
    let begin = Instant::now();
    until(
        "a validator that runs again",
        Duration::from_mins(1),
        |_| {
            let started = kubectl(&["get", "pod", "-n", namespace, pod, "-o", path]);
            started.is_ok_and(|started| {
                let at = started.trim().parse::<jiff::Timestamp>();
                // Told in whole seconds.
                let asked = jiff::Timestamp::now() - begin.elapsed() - Duration::from_secs(1);
                at.is_ok_and(|at| at >= asked)
            })
        },
    )?;
    Ok(Instant::now())
}

/// What drops packets in a pod, within a time.
fn until_cut(pod: &str, within: Duration) -> Result<String, String> {
    let begin = Instant::now();
    loop {
        let rules = in_namespace(pod, "iptables -w 5 -S")?;
        if rules.contains("DROP") || begin.elapsed() > within {
            return Ok(rules);
        }
        super::machine::pause();
    }
}

/// `apply` dies once all it was to do is done.
fn killed_once_injected(mut apply: Child) -> Checked {
    let injected = until(
        "the faults in the status",
        Duration::from_mins(2),
        |status| {
            let faults = status["faults"].as_array().map(Vec::as_slice);
            let faults = faults.unwrap_or_default();
            !faults.is_empty() && faults.iter().all(|one| one["says"] == "injected")
        },
    );
    apply.kill().map_err(|error| error.to_string())?;
    apply.wait().map_err(|error| error.to_string())?;
    injected.map(drop)
}

/// `apply`, once its faults are injected.
pub(super) fn injected(experiments: &Value) -> Result<(Child, tempfile::NamedTempFile), String> {
    // Its images may have to be made.
    succeeds(&["chaos", "install", "--cluster", CLUSTER])?;
    let file = values(&json!({"experiments": experiments}))?;
    let path = file.path().to_string_lossy().into_owned();
    let apply = begun_aloud(&["-f", &path])?;
    until(
        "the fault in the status",
        Duration::from_mins(2),
        |status| status["faults"][0]["says"] == "injected",
    )?;
    Ok((apply, file))
}

/// What `apply` told.
pub(super) fn ended((apply, _file): (Child, tempfile::NamedTempFile)) -> Result<Value, String> {
    let output = apply
        .wait_with_output()
        .map_err(|error| error.to_string())?;
    serde_json::from_slice(&output.stdout)
        .map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned())
}

/// `apply`, whose output is kept.
pub(super) fn begun_aloud(args: &[&str]) -> Result<Child, String> {
    let mut apply = std::process::Command::new(env!("CARGO_BIN_EXE_aznet"));
    apply
        .args([
            "chaos",
            "apply",
            NETWORK,
            "--cluster",
            CLUSTER,
            "-o",
            "json",
        ])
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("aznet could not be started: {error}"))
}

/// A values file.
pub(super) fn values(all: &Value) -> Result<tempfile::NamedTempFile, String> {
    let mut file = tempfile::NamedTempFile::new().map_err(|error| error.to_string())?;
    std::io::Write::write_all(&mut file, all.to_string().as_bytes())
        .map_err(|error| error.to_string())?;
    Ok(file)
}
