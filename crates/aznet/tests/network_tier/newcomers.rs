//! Faults that reach pods which were not there when they began.

use super::chaos::no_faults;
use super::checks::expect;
use super::ends::{ended, injected};
use super::faults::namespace;
use super::machine::{Checked, Machine, kubectl};
use serde_json::{Value, json};

/// A new member of a role has the fault that all of it have; a Deployment's pod, that of the one whose place it takes.
pub(crate) fn are_reached(_: &Machine) -> Checked {
    member()?;
    heir()?;
    no_faults()
}

fn member() -> Checked {
    let apply = injected(&json!({"slow-nodes": {
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
    let apply = injected(&json!({"idle-agents": {
        "pods": {"roles": ["prover-agent"]},
        "duration": "150s",
        "network": {"action": "partition", "direction": "both", "target": {"roles": ["prover-broker"]}},
    }}))?;
    let namespace = namespace()?;
    let agents = [
        "-n",
        &namespace,
        "-l",
        "app.kubernetes.io/component=prover-agent",
    ];
    let before = kubectl(&[&["get", "pods", "-o", "name"], &agents[..]].concat())?;
    kubectl(&[&["delete", "pod", "--grace-period=1"], &agents[..]].concat())?;
    let told = ended(apply)?;
    let mut names = bitten(&told).filter_map(|pods| pods.first()?["pod"].as_str());
    expect(
        names.any(|name| before.lines().all(|pod| pod != format!("pod/{name}"))),
        "the pod in the deleted one's place cut off",
        &told,
    )
}

/// The daemon is killed while two faults last that it has done, one of them by `aznet-netem` where the kernel lacks netem: both
/// last on, heal and leave nothing.
pub(crate) fn survive_the_daemon(_: &Machine) -> Checked {
    let apply = injected(&json!({
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

/// The pods of each time that a fault was seen to bite.
fn bitten(told: &Value) -> impl Iterator<Item = &Vec<Value>> {
    let all = told.as_array().into_iter().flatten();
    let bites = all.filter(|one| one["stage"] == "biting");
    bites.filter_map(|one| one["pods"].as_array())
}
