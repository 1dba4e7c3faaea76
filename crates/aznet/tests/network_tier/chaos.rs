//! Faults of the tier's network: seen to bite, healed, and gone without a trace, as is Chaos Mesh after them.

use super::machine::{CLUSTER, Checked, Machine, NETWORK, aznet, json, kubectl, status, succeeds};
use serde_json::{Value, json};

/// The boot node's failure, from being asked for to being gone.
pub(crate) fn boot_node_failure(_: &Machine) -> Checked {
    let told = json(&[
        "chaos",
        "apply",
        NETWORK,
        "boot-node-failure",
        "--cluster",
        CLUSTER,
    ])?;
    let told = told.as_array().ok_or("no list of transitions")?;
    let stages: Vec<&Value> = told.iter().map(|one| &one["stage"]).collect();
    let wanted = ["requested", "injected", "biting", "healed", "clean"];
    if stages != wanted {
        return Err(format!("stages {stages:?}, expected {wanted:?}"));
    }
    let bitten = told[2]["pods"]
        .as_array()
        .ok_or("no pods that were bitten")?;
    let pods: Vec<&Value> = bitten.iter().map(|one| &one["pod"]).collect();
    if pods != ["boot-node-0"] {
        return Err(format!("bitten {pods:?}, expected the boot node alone"));
    }
    let seen = status()?;
    if seen["ready"] != true {
        return Err(format!("not well after the fault: {seen}"));
    }
    no_faults()
}

/// A network name, preset or selection that fits nothing is refused, and nothing is applied.
pub(crate) fn refusals(_: &Machine) -> Checked {
    for (args, code, words) in [
        (
            vec!["boot-node-failur"],
            3,
            "did you mean `boot-node-failure`?",
        ),
        (
            vec![
                "validator-kill",
                "--set",
                "experiments.validator-kill.pods.count=99",
            ],
            3,
            "99 pods are to be hit",
        ),
        (
            vec![
                "boot-node-failure",
                "--set",
                "experiments.boot-node-failure.duration=0s",
            ],
            3,
            "from 1s to 24h",
        ),
        (vec!["slow-validators"], 23, "can't be measured yet"),
    ] {
        let all = [
            &["chaos", "apply", NETWORK, "--cluster", CLUSTER],
            &args[..],
        ]
        .concat();
        let output = aznet(&all)?;
        let said = String::from_utf8_lossy(&output.stderr);
        if output.status.code() != Some(code) || !said.contains(words) {
            let ended = output.status;
            return Err(format!(
                "{args:?} ended with {ended}, expected {code} and `{words}`:\n{said}"
            ));
        }
    }
    no_faults()
}

fn no_faults() -> Checked {
    let left = json(&["chaos", "list", NETWORK, "--cluster", CLUSTER])?;
    if left != json!([]) {
        return Err(format!("faults are left: {left}"));
    }
    Ok(())
}

/// Chaos Mesh goes with its resource definitions, webhooks and namespace.
pub(crate) fn uninstall(_: &Machine) -> Checked {
    succeeds(&["chaos", "uninstall", "--cluster", CLUSTER])?;
    let kinds = "namespaces,crds,clusterroles,clusterrolebindings,\
                 mutatingwebhookconfigurations,validatingwebhookconfigurations";
    let all = kubectl(&["get", kinds, "-o", "name"])?;
    let left: Vec<&str> = all.lines().filter(|name| name.contains("chaos")).collect();
    if !left.is_empty() {
        return Err(format!("Chaos Mesh has left {left:?}"));
    }
    Ok(())
}
