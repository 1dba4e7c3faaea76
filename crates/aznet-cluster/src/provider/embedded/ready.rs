//! What Kubernetes says of a node and a Deployment, and whether that is to be believed.

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Node;

use super::status::Status;
use aznet_kit::wait::Look;

pub(super) fn kubelet_since(status: &Status) -> Option<Timestamp> {
    let mut components = status.components.iter();
    let kubelet =
        components.find(|component| component.name == "kubelet" && component.pid.is_some());
    kubelet.map(|kubelet| kubelet.since)
}

/// Whether the kubelet that runs now has said so: the last one's word is still there for a while.
pub(super) fn readiness(node: &Node, kubelet_since: Option<Timestamp>) -> Look<()> {
    let Some(since) = kubelet_since else {
        return Look::Pending("the kubelet does not run".into());
    };
    let conditions = node
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_ref());
    let ready = conditions.and_then(|all| all.iter().find(|one| one.type_ == "Ready"));
    match ready {
        // Kubernetes tells whole seconds only.
        Some(ready)
            if ready
                .last_heartbeat_time
                .as_ref()
                .is_none_or(|at| at.0.as_second() < since.as_second()) =>
        {
            Look::Pending("the kubelet has not reported since its start".into())
        }
        Some(ready) if ready.status == "True" => Look::Done(()),
        Some(ready) => Look::Pending(ready.message.clone().unwrap_or_default()),
        None => Look::Pending("no Ready condition".into()),
    }
}

pub(super) fn is_available(deployment: &Deployment) -> bool {
    deployment.status.as_ref().is_some_and(|status| {
        status.observed_generation == deployment.metadata.generation
            && status.updated_replicas == status.replicas
            && status.available_replicas.unwrap_or(0) >= 1
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(ready: &str, heartbeat: &str) -> Node {
        serde_json::from_value(serde_json::json!({
            "status": {
                "conditions": [{
                    "type": "Ready",
                    "status": ready,
                    "message": "in words",
                    "lastHeartbeatTime": heartbeat,
                }],
            },
        }))
        .unwrap()
    }

    #[test]
    fn only_the_word_of_the_kubelet_that_runs_now_counts() {
        let since: Timestamp = "2026-01-02T03:04:05.6Z".parse().unwrap();
        let done = |ready, heartbeat, since| {
            matches!(readiness(&node(ready, heartbeat), since), Look::Done(()))
        };
        assert!(done("True", "2026-01-02T03:04:05Z", Some(since)));
        assert!(!done("True", "2026-01-02T03:04:04Z", Some(since)));
        assert!(!done("False", "2026-01-02T03:04:06Z", Some(since)));
        assert!(!done("True", "2026-01-02T03:04:06Z", None));
    }
}
