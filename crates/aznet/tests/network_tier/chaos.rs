//! Faults of the tier's network: seen to bite, healed, and gone without a trace, as is Chaos Mesh after them.

use super::machine::{
    CLUSTER, Checked, Machine, NETWORK, aznet, json, kubectl, status, succeeds, until,
};
use serde_json::{Value, json};
use std::thread;
use std::time::Duration;

/// The boot node's failure, from being asked for to being gone; `status` names it meanwhile.
pub(crate) fn boot_node_failure(_: &Machine) -> Checked {
    let (told, shown) = thread::scope(|scope| {
        let apply = scope.spawn(|| applied(&["boot-node-failure"]));
        let named = |status: &Value| status["faults"][0]["name"] == "boot-node-failure";
        let shown = until("the fault in the status", Duration::from_mins(3), named);
        (apply.join(), shown)
    });
    let told = told.map_err(|_| "`chaos apply` was not read")??;
    shown?;
    keep(
        &json!({"duration": "60s", "pod": {"action": "failure"}}),
        &told,
    )?;
    let bitten = told[2]["pods"]
        .as_array()
        .ok_or("no pods that were bitten")?;
    let pods: Vec<&Value> = bitten.iter().map(|one| &one["pod"]).collect();
    if pods != ["boot-node-0"] {
        return Err(format!("bitten {pods:?}, expected the boot node alone"));
    }
    // Its pod is as before; the blocks that the node has missed it still has to catch up with.
    until("well after the fault", Duration::from_mins(3), |now| {
        now["ready"] == true && now["faults"] == json!([])
    })?;
    no_faults()
}

/// What `chaos apply` tells of one experiment that goes through all stages.
pub(super) fn applied(args: &[&str]) -> Result<Vec<Value>, String> {
    let all = [&["chaos", "apply", NETWORK, "--cluster", CLUSTER], args].concat();
    let told = json(&all)?;
    let told = told.as_array().ok_or("no list of transitions")?;
    let stages: Vec<&Value> = told.iter().map(|one| &one["stage"]).collect();
    let wanted = ["requested", "injected", "biting", "healed", "clean"];
    if stages != wanted {
        return Err(format!("stages {stages:?}, expected {wanted:?}"));
    }
    Ok(told.clone())
}

/// A values file with one experiment.
pub(super) fn experiment(name: &str, what: &Value) -> Result<tempfile::NamedTempFile, String> {
    let values = json!({"experiments": {name: what}}).to_string();
    let mut file = tempfile::NamedTempFile::new().map_err(|error| error.to_string())?;
    std::io::Write::write_all(&mut file, values.as_bytes()).map_err(|error| error.to_string())?;
    Ok(file)
}

pub(super) fn bites(name: &str, what: &Value, pod: &str) -> Checked {
    let file = experiment(name, what)?;
    let told = applied(&["-f", &file.path().to_string_lossy()])?;
    let measured = &told[2]["pods"][0];
    if measured["pod"] != pod {
        return Err(format!("bitten {measured}, expected {pod}"));
    }
    keep(what, &told)?;
    untouched(pod)?;
    no_faults()
}

/// The file that is kept for the reference of faults, if any: an absolute path.
const MEASURED: &str = "AZNET_MEASURED";

/// Keeps what was measured of an experiment's fault in the file that is named for it.
pub(super) fn keep(experiment: &Value, told: &[Value]) -> Checked {
    let Some(path) = std::env::var_os(MEASURED) else {
        return Ok(());
    };
    let text = std::fs::read_to_string(&path).unwrap_or_else(|_| "{}".to_owned());
    let mut all: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let at = |stage: usize| -> Result<f64, String> {
        let text = told[stage]["at"].as_str().unwrap_or_default();
        let at: jiff::Timestamp = text.parse().map_err(|error| format!("{text}: {error}"))?;
        Ok(at.duration_since(jiff::Timestamp::UNIX_EPOCH).as_secs_f64())
    };
    let lasts = experiment["duration"].as_str().unwrap_or_default();
    let lasts: f64 = lasts.trim_end_matches('s').parse().unwrap_or_default();
    let tenths = |seconds: f64| (seconds * 10.0).round() / 10.0;
    let pod = &told[2]["pods"][0];
    let one = json!({
        "asked": pod["asked"],
        "measured": pod["measured"],
        "toBite": tenths(at(2)? - at(0)?),
        "toHeal": tenths((at(3)? - at(1)? - lasts).max(0.0)),
    });
    for kind in kinds(experiment) {
        all[kind] = one.clone();
    }
    let text = serde_json::to_string_pretty(&all).map_err(|error| error.to_string())?;
    std::fs::write(&path, text + "\n").map_err(|error| format!("{}: {error}", path.display()))
}

/// The fault's names in the reference.
fn kinds(experiment: &Value) -> Vec<String> {
    let faults = experiment.as_object().into_iter().flatten();
    let faults = faults.filter(|(key, _)| !["pods", "duration", "when"].contains(&key.as_str()));
    let names = faults.flat_map(|(key, fault)| {
        if let Some(action) = fault["action"].as_str() {
            return vec![format!("{key}: {action}")];
        }
        let parts = fault.as_object().into_iter().flatten();
        parts.map(|(part, _)| format!("{key}: {part}")).collect()
    });
    names.collect()
}

/// By netem, or without it: whichever the machine's kernel can do.
pub(crate) fn slow_link(_: &Machine) -> Checked {
    let what = json!({
        "pods": {"roles": ["validator"], "ordinals": [1]},
        "duration": "25s",
        "network": {"action": "delay", "latency": "200ms", "jitter": "40ms"},
    });
    bites("slow", &what, "validator-1")
}

pub(crate) fn lossy_link(_: &Machine) -> Checked {
    let what = json!({
        "pods": {"roles": ["full-node"], "ordinals": [0]},
        "duration": "25s",
        "network": {"action": "loss", "percent": 20},
    });
    bites("lossy", &what, "full-node-0")
}

/// Packets to some pods are dropped, and those from them are not: seen from both ends.
pub(crate) fn partition(_: &Machine) -> Checked {
    let what = json!({
        "pods": {"roles": ["validator"], "ordinals": [0]},
        "duration": "25s",
        "network": {"action": "partition", "direction": "to", "target": {"roles": ["boot-node", "full-node"]}},
    });
    bites("one-way", &what, "validator-0")
}

/// So many bytes a second get out.
pub(crate) fn bandwidth(_: &Machine) -> Checked {
    let what = json!({
        "pods": {"roles": ["full-node"]},
        "duration": "20s",
        "network": {"action": "bandwidth", "rate": "1mbps"},
    });
    bites("narrow", &what, "full-node-0")
}

/// Load on processor and memory.
pub(crate) fn stress(_: &Machine) -> Checked {
    let what = json!({
        "pods": {"roles": ["full-node"]},
        "duration": "20s",
        "stress": {"cpu": {"workers": 1, "load": 80}, "memory": {"workers": 1, "size": "64MB"}},
    });
    bites("busy", &what, "full-node-0")
}

/// A partition whose rules are there and never come to be asked is told from one that bites.
pub(crate) fn sabotage(_: &Machine) -> Checked {
    let pod = "full-node-0";
    let accept = |option: &str| {
        let rules = format!(
            "iptables -w 5 {option} INPUT -j ACCEPT && iptables -w 5 {option} OUTPUT -j ACCEPT"
        );
        in_namespace(pod, &rules)
    };
    let what = json!({
        "pods": {"roles": ["full-node"]},
        "duration": "60s",
        "network": {"action": "partition", "direction": "both"},
    });
    let file = experiment("cut-off", &what)?;
    succeeds(&["chaos", "install", "--cluster", CLUSTER])?;
    accept("-I")?;
    let path = file.path().to_string_lossy().into_owned();
    let output = aznet(&["chaos", "apply", NETWORK, "--cluster", CLUSTER, "-f", &path]);
    accept("-D")?;
    let output = output?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.code() != Some(23) || !said.contains("is injected and does not bite") {
        return Err(format!(
            "ended with {}, expected 23:\n{said}",
            output.status
        ));
    }
    untouched(pod)?;
    no_faults()
}

/// Runs shell commands in a pod's network namespace, from the node.
pub(super) fn in_namespace(pod: &str, commands: &str) -> Result<String, String> {
    let status = status()?;
    let namespace = status["namespace"].as_str().ok_or("no namespace")?;
    let uid = kubectl(&[
        "get",
        "pod",
        "-n",
        namespace,
        pod,
        "-o",
        "jsonpath={.metadata.uid}",
    ])?;
    let script = format!(
        "pid=$(grep -ls pod{uid} /proc/[0-9]*/cgroup | head -n 1 | cut -d / -f 3) && \
         nsenter --target $pid --net -- sh -c '{commands}'"
    );
    let daemon = ["exec", "-n", "chaos-mesh", "daemonset/chaos-daemon", "--"];
    kubectl(&[&daemon[..], &["sh", "-c", &script]].concat())
}

/// A pod's network namespace is as it was made, and Chaos Mesh has noted nothing of any pod.
fn untouched(pod: &str) -> Checked {
    let look = "iptables -w 5 -S; ipset list -name; tc qdisc show dev eth0";
    let seen = in_namespace(pod, look)?;
    let usual = |line: &&str| !line.starts_with("-P ") && !line.starts_with("qdisc noqueue 0:");
    let left: Vec<&str> = seen
        .lines()
        .filter(|line| !line.trim().is_empty())
        .filter(usual)
        .collect();
    let noted = kubectl(&["get", "podnetworkchaos", "-A", "-o", "name"])?;
    if left.is_empty() && noted.trim().is_empty() {
        return Ok(());
    }
    Err(format!("left in {pod}: {left:?}; noted: {noted}"))
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
        (
            vec![
                "slow-validators",
                "--set",
                "experiments.slow-validators.network.direction=from",
            ],
            3,
            "without a target",
        ),
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

pub(super) fn no_faults() -> Checked {
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
