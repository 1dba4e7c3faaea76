//! What a cluster does to pods that is no doing of what runs in them: it evicts them, puts others in their place, refuses
//! them, loses their machine.

use k8s_openapi::api::core::v1::{Event, Node, NodeCondition, Pod};
use kube::{Api, ResourceExt, api::ListParams};

use super::instances::Instance;
use crate::namespace::Network;

/// The condition of a pod that the cluster ends: `PreemptionByScheduler`, `TerminationByKubelet`, ….
const TARGET: &str = "DisruptionTarget";
/// The reasons of events about a pod that the cluster ends: by the kubelet, by the scheduler, by the kubelet for a critical pod,
/// and for what its machine is tainted with.
const EVENTS: [&str; 4] = ["Evicted", "Preempted", "Preempting", "TaintManagerEviction"];
/// The conditions of a machine that has too little of something.
const PRESSURE: [&str; 3] = ["MemoryPressure", "DiskPressure", "PIDPressure"];

/// How the cluster ended a pod that is gone, in words: `Evicted: The node was low on resource: memory.`; `None` if it did not, or
/// nobody says so.
pub async fn ended(network: &Network, was: &Instance) -> Option<String> {
    let (pods, events): (Api<Pod>, Api<Event>) = (network.api(), network.api());
    // What can't be asked explains nothing.
    let pod = pods.get_opt(&was.pod).await.ok().flatten();
    let same = pod.filter(|pod| pod.uid().as_ref() == Some(&was.uid));
    if let Some(words) = same.as_ref().and_then(said_by) {
        return Some(words);
    }
    let about = ListParams::default().fields(&format!("involvedObject.uid={}", was.uid));
    let events = events.list(&about).await.ok()?;
    events.iter().find_map(said_of)
}

/// What a machine suffers from, in words: `host has MemoryPressure: kubelet has insufficient memory available`; `None` if it is
/// well, or may not be looked at.
pub async fn ailment(network: &Network, machine: &str) -> Option<String> {
    let machines: Api<Node> = Api::all(network.client().clone());
    let found = machines.get_opt(machine).await.ok().flatten()?;
    ails(&found)
}

/// What a pod says itself. One that is started again whenever it ends has failed for good only where the cluster did it.
fn said_by(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    if status.phase.as_deref() == Some("Failed")
        && let Some(reason) = &status.reason
    {
        return Some(words(reason, status.message.as_deref()));
    }
    let conditions = status.conditions.as_deref().unwrap_or_default();
    let target = conditions
        .iter()
        .find(|one| one.type_ == TARGET && one.status == "True")?;
    let reason = target.reason.as_deref().unwrap_or(TARGET);
    Some(words(reason, target.message.as_deref()))
}

fn said_of(event: &Event) -> Option<String> {
    let reason = event.reason.as_deref()?;
    let is_end = EVENTS.contains(&reason);
    is_end.then(|| words(reason, event.message.as_deref()))
}

fn ails(machine: &Node) -> Option<String> {
    let conditions = machine.status.as_ref()?.conditions.as_deref()?;
    let ails = |one: &&NodeCondition| match one.type_.as_str() {
        // A kubelet that is silent has `Unknown`.
        "Ready" => one.status != "True",
        kind => PRESSURE.contains(&kind) && one.status == "True",
    };
    let one = conditions.iter().find(ails)?;
    let what = match one.type_.as_str() {
        "Ready" => "is not ready".to_owned(),
        kind => format!("has {kind}"),
    };
    let what = format!("{} {what}", machine.name_any());
    Some(words(&what, one.message.as_deref()))
}

fn words(what: &str, message: Option<&str>) -> String {
    match message.map(str::trim) {
        None | Some("") => what.to_owned(),
        Some(message) => format!("{what}: {message}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::observe::instances::tests::pod;

    #[test]
    fn an_evicted_pod_says_so_itself() {
        let evicted = json!({
            "phase": "Failed",
            "reason": "Evicted",
            "message": "The node was low on resource: memory. Threshold quantity: 100Mi, available: 52736Ki. ",
            "conditions": [
                {"type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet"},
                {"type": "Ready", "status": "False", "reason": "PodFailed"},
            ],
        });
        assert_eq!(
            said_by(&pod(&evicted)).unwrap(),
            "Evicted: The node was low on resource: memory. Threshold quantity: 100Mi, available: 52736Ki."
        );
        let refused = json!({"phase": "Failed", "reason": "OutOfcpu", "message": "Pod was rejected: Node didn't have enough resource"});
        assert!(said_by(&pod(&refused)).unwrap().starts_with("OutOfcpu: "));
    }

    #[test]
    fn a_preempted_pod_is_marked_while_it_leaves() {
        let preempted = json!({
            "phase": "Running",
            "conditions": [{
                "type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler",
                "message": "default-scheduler: preempting to accommodate a higher priority pod",
            }],
        });
        let said = said_by(&pod(&preempted)).unwrap();
        assert!(said.starts_with("PreemptionByScheduler: "), "{said}");
    }

    #[test]
    fn what_ended_by_itself_or_was_deleted_says_nothing() {
        let crashed = json!({
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "False", "reason": "ContainersNotReady"}],
            "containerStatuses": [{"name": "aztec", "image": "", "imageID": "", "ready": false, "restartCount": 1,
                "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}}}],
        });
        assert_eq!(said_by(&pod(&crashed)), None);
        let spared = json!({"phase": "Running", "conditions": [{"type": "DisruptionTarget", "status": "False"}]});
        assert_eq!(said_by(&pod(&spared)), None);
    }

    #[test]
    fn events_tell_what_happened_to_a_pod_that_is_gone() {
        let event = |reason: &str, message: &str| -> Event {
            serde_json::from_value(json!({
                "metadata": {"name": "validator-0.1"}, "type": "Warning", "reason": reason, "message": message,
                "involvedObject": {"kind": "Pod", "name": "validator-0", "uid": "u"},
            }))
            .unwrap()
        };
        let by_scheduler = event("Preempted", "Preempted by pod 8a9b on node host");
        assert_eq!(
            said_of(&by_scheduler).unwrap(),
            "Preempted: Preempted by pod 8a9b on node host"
        );
        let by_kubelet = event("Evicted", "The node had condition: [DiskPressure]. ");
        assert_eq!(
            said_of(&by_kubelet).unwrap(),
            "Evicted: The node had condition: [DiskPressure]."
        );
        for (reason, message) in [
            ("Killing", "Stopping container aztec"),
            ("BackOff", "Back-off restarting failed container"),
        ] {
            assert_eq!(said_of(&event(reason, message)), None);
        }
    }

    #[test]
    fn a_machine_says_what_it_suffers_from() {
        let machine = |pressure: &str, ready: &str| -> Node {
            serde_json::from_value(json!({
                "metadata": {"name": "host"},
                "status": {"conditions": [
                    {"type": "MemoryPressure", "status": pressure, "message": "kubelet has insufficient memory available"},
                    {"type": "DiskPressure", "status": "False", "message": "kubelet has no disk pressure"},
                    {"type": "Ready", "status": ready, "message": "Kubelet stopped posting node status."},
                ]},
            }))
            .unwrap()
        };
        assert_eq!(ails(&machine("False", "True")), None);
        assert_eq!(
            ails(&machine("True", "True")).unwrap(),
            "host has MemoryPressure: kubelet has insufficient memory available"
        );
        assert_eq!(
            ails(&machine("Unknown", "Unknown")).unwrap(),
            "host is not ready: Kubelet stopped posting node status."
        );
    }
}
