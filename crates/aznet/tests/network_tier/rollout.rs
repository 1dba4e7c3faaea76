//! What upgrades, lost pods and lost volumes do to a network that runs.

use super::checks::{Pods, expect, number, pods, post, up_args};
use super::machine::{
    CLUSTER, Checked, Machine, NETWORK, helm, json, kubectl, kubectl_with_input, status, succeeds,
    until,
};
use super::secrets;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A value that makes validators restart and changes nothing that they do.
const ROLLED: [&str; 2] = ["--set", "validator.env.AZNET_TIER=rolled"];
/// Whether the network has it.
static ROLLED_OUT: AtomicBool = AtomicBool::new(false);
/// Attestations that a committee of four needs.
const QUORUM: usize = 3;
/// Protocol time of the network `small`.
const SLOT: u64 = 12;

/// What the network's values have of this.
pub(crate) fn rolled() -> &'static [&'static str] {
    if ROLLED_OUT.load(Ordering::Relaxed) {
        &ROLLED
    } else {
        &[]
    }
}

/// One validator gets another environment, the others wait; then the release goes back.
pub(crate) fn canary_and_rollback(_: &Machine) -> Checked {
    let before = pods()?;
    let canary = ["--set", "validator.updateStrategy.partition=3"];
    let args = [up_args()?.as_slice(), &ROLLED, &canary].concat();
    let foretold = foretold(&args)?;
    expect(
        foretold == ["validator-3"],
        "the plan to name validator-3 alone",
        &foretold,
    )?;
    json(&args)?;
    expect(replaced(&before)? == foretold, "only it replaced", &pods()?)?;
    let namespace = namespace()?;
    let canary = pods()?;
    helm(&["rollback", NETWORK, "--namespace", &namespace])?;
    until(
        "validator-3 as it was, and ready",
        Duration::from_mins(3),
        |s| {
            let back = replaced(&canary).is_ok_and(|pods| pods == ["validator-3"]);
            back && s["ready"] == true
        },
    )?;
    let environment = kubectl(&[
        "get",
        "pod",
        "-n",
        &namespace,
        "validator-3",
        "-o",
        "jsonpath={.spec.containers[0].env[*].name}",
    ])?;
    expect(
        !environment.contains("AZNET_TIER"),
        "the environment of before",
        &environment,
    )
}

/// All validators restart, one at a time, and the chain goes on.
pub(crate) fn rolling_upgrade(_: &Machine) -> Checked {
    let before = pods()?;
    let args = [up_args()?.as_slice(), &ROLLED].concat();
    let foretold = foretold(&args)?;
    ROLLED_OUT.store(true, Ordering::Relaxed);
    let first = number(&status()?["tips"]["checkpointed"]);
    let upgrade = std::thread::spawn({
        let args: Vec<String> = args.iter().map(ToString::to_string).collect();
        move || json(&args.iter().map(String::as_str).collect::<Vec<_>>()).map(drop)
    });
    let namespace = namespace()?;
    let (mut fewest, mut away) = (usize::MAX, BTreeSet::new());
    while !upgrade.is_finished() {
        let ready = ready_validators(&namespace)?;
        fewest = fewest.min(ready.len());
        away.extend(
            (0..4)
                .map(|n| format!("validator-{n}"))
                .filter(|pod| !ready.contains(pod)),
        );
    }
    upgrade.join().map_err(|_| "the upgrade panicked")??;
    expect(away.len() == 4, "each validator away for a while", &away)?;
    expect(
        fewest >= QUORUM,
        "never fewer validators ready than the quorum",
        &fewest,
    )?;
    let replaced = replaced(&before)?;
    expect(
        replaced == foretold,
        &format!("the pods replaced that the plan foretold: {foretold:?}"),
        &replaced,
    )?;
    let grown = number(&status()?["tips"]["checkpointed"]) - first;
    expect(
        grown >= 4,
        "a checkpoint or more for each validator that restarted",
        &grown,
    )
}

/// An eviction is allowed as long as the quorum is there, and no further.
pub(crate) fn evictions(_: &Machine) -> Checked {
    let namespace = namespace()?;
    let (known, before) = (peer_id("validator-2")?, pods()?);
    evict(&namespace, "validator-2")?;
    let refused = match evict(&namespace, "validator-1") {
        Ok(()) => "nothing".to_owned(),
        Err(refused) => refused,
    };
    expect(
        refused.contains("disruption budget"),
        "the second eviction refused by the budget",
        &refused,
    )?;
    comes_back(&namespace, "validator-2", &before)?;
    let now = peer_id("validator-2")?;
    expect(
        now == known,
        &format!("the peer {known} again: its volume stays"),
        &now,
    )
}

/// A pod without its volume begins anew, and is back just so.
pub(crate) fn lost_volume(_: &Machine) -> Checked {
    let namespace = namespace()?;
    let (known, before) = (peer_id("validator-1")?, pods()?);
    let claim = "persistentvolumeclaim/data-validator-1";
    kubectl(&["delete", "-n", &namespace, claim, "--wait=false"])?;
    kubectl(&["delete", "-n", &namespace, "pod/validator-1", "--wait=true"])?;
    comes_back(&namespace, "validator-1", &before)?;
    let now = peer_id("validator-1")?;
    expect(
        now != known,
        &format!("another peer than {known}: its volume is a new one"),
        &now,
    )
}

/// Another pod of the name is there and ready, and attests within two slots.
fn comes_back(namespace: &str, pod: &str, before: &Pods) -> Checked {
    wait_for(&format!("{pod} ready"), Duration::from_mins(3), || {
        if !replaced(before)?.iter().any(|other| other == pod) {
            return Err("the pod of before is still there".to_owned());
        }
        let ready = ready_validators(namespace)?;
        ready
            .contains(pod)
            .then_some(())
            .ok_or(format!("ready are {ready:?}"))
    })?;
    let slot = number(&status()?["now"]["slot"]);
    let attester = attester(pod)?;
    let done = wait_for(&format!("{pod} attests"), Duration::from_mins(2), || {
        first_duty(&attester, slot)?.ok_or_else(|| format!("no duty done since slot {slot}"))
    })?;
    expect(
        done <= slot + 2,
        &format!("{pod}, ready in slot {slot}, to attest within two slots ({SLOT} s each)"),
        &done,
    )
}

/// The first slot from `from` on in which this validator proposed or attested.
pub(crate) fn first_duty(attester: &str, from: u64) -> Result<Option<u64>, String> {
    let history = stats()?["stats"][attester]["history"].clone();
    let done = |duty: &&Value| {
        let status = duty["status"].as_str().unwrap_or_default();
        let slot = slot_of(duty);
        slot >= from
            && matches!(
                status,
                "attestation-sent" | "checkpoint-mined" | "checkpoint-proposed"
            )
    };
    Ok(history
        .as_array()
        .into_iter()
        .flatten()
        .find(done)
        .map(slot_of))
}

fn slot_of(duty: &Value) -> u64 {
    let text = duty["slot"].as_str().and_then(|text| text.parse().ok());
    text.unwrap_or_else(|| number(&duty["slot"]))
}

/// What the nodes' sentinel has seen of the validators.
pub(crate) fn stats() -> Result<Value, String> {
    let urls = json(&["env", NETWORK, "--cluster", CLUSTER])?;
    let url = urls["AZTEC_NODE_URL"].as_str().ok_or("no AZTEC_NODE_URL")?;
    let ask = r#"{"jsonrpc":"2.0","id":1,"method":"node_getValidatorsStats","params":[]}"#;
    Ok(post(url, ask)?["result"].clone())
}

/// The attester of a validator pod with one key.
pub(crate) fn attester(pod: &str) -> Result<String, String> {
    let list = json(&["validators", "list", NETWORK, "--cluster", CLUSTER])?;
    let all = list["attesters"].as_array().map(Vec::as_slice);
    let own = all.unwrap_or_default().iter().find(|one| one["pod"] == pod);
    let address = own.and_then(|one| one["address"].as_str());
    address
        .map(str::to_lowercase)
        .ok_or_else(|| format!("no attester of {pod} in {list}"))
}

/// The pod's p2p identity, which is on its volume.
fn peer_id(pod: &str) -> Result<String, String> {
    let log = succeeds(&["logs", NETWORK, pod, "--cluster", CLUSTER])?;
    let named = log.split("peerId").nth(1).map(|rest| {
        let id = rest.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
        id.split(|c: char| !c.is_ascii_alphanumeric())
            .next()
            .unwrap_or_default()
            .to_owned()
    });
    named.ok_or_else(|| format!("the log of {pod} names no peerId"))
}

fn evict(namespace: &str, pod: &str) -> Checked {
    let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": namespace}});
    let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}/eviction");
    kubectl_with_input(
        &["create", "--raw", &path, "-f", "-"],
        &eviction.to_string(),
    )
    .map(drop)
}

/// The pods that `aznet plan --diff` says these arguments of `up` would replace, sorted.
fn foretold(up: &[&str]) -> Result<Vec<String>, String> {
    let sets: Vec<&str> = up
        .iter()
        .copied()
        .skip_while(|arg| *arg != "--set")
        .collect();
    let head = [
        "plan",
        "small",
        "--cluster",
        CLUSTER,
        "--diff",
        NETWORK,
        "--reset",
    ];
    // What the tier's `up` has besides.
    let own = [
        "--set",
        "telemetry.enabled=true",
        "-f",
        secrets::values_file()?,
    ];
    let plan = json(&[&head, own.as_slice(), sets.as_slice()].concat())?;
    let consequences = plan["upgrade"]["consequences"]
        .as_array()
        .ok_or_else(|| format!("no consequences in {plan}"))?;
    let restarts = consequences
        .iter()
        .filter(|one| one["effect"] == "restarted");
    let pods = restarts.flat_map(|one| one["pods"].as_array().into_iter().flatten());
    let mut pods: Vec<String> = pods
        .filter_map(|pod| pod.as_str().map(str::to_owned))
        .collect();
    pods.sort();
    Ok(pods)
}

/// Names of the pods that are others than `before`.
fn replaced(before: &Pods) -> Result<Vec<String>, String> {
    let now = pods()?;
    Ok(before
        .iter()
        .filter(|(name, pod)| now.get(*name).map(|now| &now.0) != Some(&pod.0))
        .map(|(name, _)| name.clone())
        .collect())
}

fn ready_validators(namespace: &str) -> Result<BTreeSet<String>, String> {
    let labels = "app.kubernetes.io/component=validator";
    let list = kubectl(&["get", "pods", "-n", namespace, "-l", labels, "-o", "json"])?;
    let list: Value = serde_json::from_str(&list).map_err(|error| error.to_string())?;
    let ready = |pod: &&Value| {
        let conditions = pod["status"]["conditions"].as_array();
        pod["metadata"]["deletionTimestamp"].is_null()
            && conditions.is_some_and(|all| {
                all.iter()
                    .any(|one| one["type"] == "Ready" && one["status"] == "True")
            })
    };
    let pods = list["items"].as_array().into_iter().flatten().filter(ready);
    Ok(pods
        .filter_map(|pod| pod["metadata"]["name"].as_str().map(str::to_owned))
        .collect())
}

/// The namespace of the tier's network.
pub(crate) fn namespace() -> Result<String, String> {
    let status = status()?;
    let namespace = status["namespace"].as_str();
    namespace
        .map(str::to_owned)
        .ok_or_else(|| "no namespace in the status".to_owned())
}

/// Asks until there is an answer; the error carries the last one.
pub(crate) fn wait_for<T>(
    what: &str,
    deadline: Duration,
    mut ask: impl FnMut() -> Result<T, String>,
) -> Result<T, String> {
    let started = Instant::now();
    loop {
        let last = match ask() {
            Ok(found) => return Ok(found),
            Err(last) => last,
        };
        if started.elapsed() > deadline {
            return Err(format!(
                "{what}: not within {} s; last seen: {last}",
                deadline.as_secs()
            ));
        }
        super::machine::pause();
    }
}
