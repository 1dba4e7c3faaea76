//! Faults that reach pods which were not there when they began.

use super::chaos::no_faults;
use super::checks::expect;
use super::ends::{begun_aloud, values};
use super::faults::namespace;
use super::machine::{CLUSTER, Checked, Machine, kubectl, succeeds, until};
use serde_json::{Value, json};
use std::process::Child;
use std::time::Duration;

/// A new member of a role has the fault that all of it have; a Deployment's pod, that of the one whose place it takes.
pub(crate) fn are_reached(_: &Machine) -> Checked {
    member()?;
    heir()?;
    no_faults()
}

fn member() -> Checked {
    let apply = begun(&json!({"slow-nodes": {
        "pods": {"roles": ["full-node"]},
        "duration": "150s",
        "network": {"action": "delay", "latency": "200ms"},
    }}))?;
    let scale = |replicas: &str| {
        let (namespace, replicas) = (namespace()?, format!("--replicas={replicas}"));
        kubectl(&[
            "scale",
            "statefulset/full-node",
            "-n",
            &namespace,
            &replicas,
        ])
    };
    scale("2")?;
    let told = ended(apply);
    scale("1")?;
    let told = told?;
    let slow =
        |pod: &Value| pod["pod"] == "full-node-1" && pod["asked"] == "200.0 ms ± 0.0 ms later";
    expect(
        bitten(&told).any(|pods| pods.len() == 2 && pods.iter().any(slow)),
        "a slow full-node-1 beside full-node-0",
        &told,
    )
}

fn heir() -> Checked {
    let apply = begun(&json!({"idle-agents": {
        "pods": {"roles": ["prover-agent"]},
        "duration": "90s",
        "network": {"action": "partition", "direction": "both", "target": {"roles": ["prover-broker"]}},
    }}))?;
    let namespace = namespace()?;
    let agents = [
        "-n",
        &namespace,
        "-l",
        "app.kubernetes.io/component=prover-agent",
    ];
    kubectl(&[&["delete", "pod", "--grace-period=1"], &agents[..]].concat())?;
    let told = ended(apply)?;
    let names = bitten(&told).filter_map(|pods| pods.first()?["pod"].as_str());
    let names: std::collections::BTreeSet<_> = names.collect();
    expect(
        names.len() == 2,
        "the pod, and the one in its place, cut off",
        &told,
    )
}

/// The daemon is killed while two faults last that it has done, one of them by `aznet-netem` where the kernel lacks netem: both
/// last on, heal and leave nothing.
pub(crate) fn survive_the_daemon(_: &Machine) -> Checked {
    let apply = begun(&json!({
        "slow-link": {
            "pods": {"roles": ["full-node"]},
            "duration": "80s",
            "network": {"action": "delay", "latency": "200ms"},
        },
        "one-way": {
            "pods": {"roles": ["validator"], "ordinals": [0]},
            "duration": "80s",
            "network": {"action": "partition", "direction": "to", "target": {"roles": ["boot-node"]}},
        },
    }))?;
    let daemon = [
        "-n",
        "chaos-mesh",
        "-l",
        "app.kubernetes.io/component=chaos-daemon",
    ];
    kubectl(
        &[
            &["delete", "pod", "--grace-period=0", "--force"],
            &daemon[..],
        ]
        .concat(),
    )?;
    let told = ended(apply)?;
    for stage in ["biting", "healed", "clean"] {
        let all = told.as_array().into_iter().flatten();
        let names = all.filter(|one| one["stage"] == stage);
        let names: std::collections::BTreeSet<_> =
            names.filter_map(|one| one["experiment"].as_str()).collect();
        expect(names.len() == 2, &format!("both faults {stage}"), &told)?;
    }
    no_faults()
}

/// `apply`, once its faults are injected.
fn begun(experiments: &Value) -> Result<(Child, tempfile::NamedTempFile), String> {
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
fn ended((apply, _file): (Child, tempfile::NamedTempFile)) -> Result<Value, String> {
    let output = apply
        .wait_with_output()
        .map_err(|error| error.to_string())?;
    serde_json::from_slice(&output.stdout)
        .map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The pods of each time that a fault was seen to bite.
fn bitten(told: &Value) -> impl Iterator<Item = &Vec<Value>> {
    let all = told.as_array().into_iter().flatten();
    let bites = all.filter(|one| one["stage"] == "biting");
    bites.filter_map(|one| one["pods"].as_array())
}
