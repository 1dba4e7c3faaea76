//! The pods of a network as things that come and go: which run of each is there, and how the one before it ended. One
//! list, without events or claims: cheap enough to be asked several times in a slot.

use aznet_model::role::Role;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, Pod};
use kube::{Api, ResourceExt, api::ListParams};
use serde::Serialize;

use super::pods::{NETWORK_PODS, condition, containers, workload};
use crate::namespace::{NamespaceError, Network};

/// A pod and which run of it is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Instance {
    /// The pod's name.
    pub pod: String,
    /// Its role.
    pub role: Role,
    /// What tells it from an earlier pod of the same name.
    pub uid: String,
    /// The machine that it runs on.
    pub machine: Option<String>,
    /// Whether its process runs.
    pub running: bool,
    /// Whether it serves.
    pub ready: bool,
    /// How often its containers were restarted.
    pub restarts: u32,
    /// How a container of it ended last.
    pub ended: Option<Ended>,
}

/// How a container ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ended {
    /// The container.
    pub container: String,
    /// Its exit code.
    pub exit_code: i32,
    /// The kubelet's word: `Error`, `OOMKilled`, `Completed`, ….
    pub reason: String,
    /// The first line of its termination message; empty if it left none.
    pub message: String,
    /// When.
    pub at: Option<Timestamp>,
}

impl Instance {
    /// What changes when the pod is replaced or a container of it is restarted.
    pub fn run(&self) -> (&str, u32) {
        (&self.uid, self.restarts)
    }
}

impl Ended {
    /// The reason of a container that took more memory than it may.
    pub const OUT_OF_MEMORY: &'static str = "OOMKilled";
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} ended with exit code {} ({})",
            self.container, self.exit_code, self.reason
        )?;
        if self.message.is_empty() {
            return Ok(());
        }
        write!(f, ": {}", self.message)
    }
}

/// The network's pods that are not on their way out, by name.
///
/// # Errors
/// If the Kubernetes API fails.
pub async fn list(network: &Network) -> Result<Vec<Instance>, NamespaceError> {
    let api: Api<Pod> = network.api();
    let pods = api
        .list(&ListParams::default().labels(NETWORK_PODS))
        .await
        .map_err(|source| network.failed("list pods", source))?;
    let mut all: Vec<Instance> = pods.iter().filter_map(instance).collect();
    all.sort_by(|a, b| a.pod.cmp(&b.pod));
    Ok(all)
}

/// A pod as an instance; `None` if it is done, for good in either way, on its way out, or of none of the network's roles.
pub fn instance(pod: &Pod) -> Option<Instance> {
    let status = pod.status.as_ref();
    let phase = status.and_then(|status| status.phase.as_deref());
    let done = matches!(phase, Some("Succeeded" | "Failed"));
    if done || pod.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let main = status.and_then(|status| status.container_statuses.as_deref());
    let runs = |one: &ContainerStatus| one.state.as_ref().is_some_and(|one| one.running.is_some());
    let restarts = containers(pod).map(|one| one.restart_count).sum::<i32>();
    Some(Instance {
        pod: pod.name_any(),
        role: workload(pod)?.role(),
        uid: pod.uid().unwrap_or_default(),
        machine: pod.spec.as_ref()?.node_name.clone(),
        running: main.into_iter().flatten().any(runs),
        ready: condition(pod, "Ready").is_some_and(|(holds, _)| holds),
        restarts: u32::try_from(restarts).unwrap_or(0),
        ended: ends(pod).max_by_key(|ended| ended.at),
    })
}

/// How containers of a pod ended, as far as the kubelet remembers: one end of each.
pub fn ends(pod: &Pod) -> impl Iterator<Item = Ended> {
    let restarted = containers(pod).filter(|one| one.restart_count > 0);
    restarted.filter_map(|one| {
        let state = |state: &Option<k8s_openapi::api::core::v1::ContainerState>| {
            state.as_ref()?.terminated.clone()
        };
        let end = state(&one.last_state).or_else(|| state(&one.state))?;
        Some(ended(&one.name, &end))
    })
}

fn ended(container: &str, end: &ContainerStateTerminated) -> Ended {
    let message = end.message.as_deref().unwrap_or_default().trim();
    Ended {
        container: container.to_owned(),
        exit_code: end.exit_code,
        reason: end.reason.clone().unwrap_or_else(|| "ended".to_owned()),
        message: message.lines().next().unwrap_or_default().to_owned(),
        at: end.finished_at.as_ref().map(|time| time.0),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::{Value, json};

    use super::*;

    pub(crate) fn pod(status: &Value) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "validator-0", "uid": "u", "labels": {"app.kubernetes.io/component": "validator"}},
            "spec": {"containers": [], "nodeName": "host"},
            "status": status,
        }))
        .unwrap()
    }

    #[test]
    fn a_restarted_pod_says_how_its_last_run_ended() {
        let end = json!({"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": "2026-01-01T00:00:09Z",
            "message": "first\nsecond"}});
        let status = json!({
            "conditions": [{"type": "Ready", "status": "False"}],
            "containerStatuses": [{"name": "aztec", "image": "", "imageID": "", "ready": false, "restartCount": 2,
                "state": {"running": {}}, "lastState": end}],
        });
        let seen = instance(&pod(&status)).unwrap();
        assert_eq!(seen.run(), ("u", 2));
        assert!(seen.running && !seen.ready);
        assert_eq!(
            seen.ended.unwrap().to_string(),
            "aztec ended with exit code 137 (OOMKilled): first"
        );
    }

    #[test]
    fn what_is_done_or_leaving_is_no_instance() {
        assert_eq!(instance(&pod(&json!({"phase": "Succeeded"}))), None);
        let evicted = json!({"phase": "Failed", "reason": "Evicted"});
        assert_eq!(instance(&pod(&evicted)), None);
        let mut leaving = pod(&json!({}));
        leaving.metadata.deletion_timestamp =
            serde_json::from_value(json!("2026-01-01T00:00:00Z")).ok();
        assert_eq!(instance(&leaving), None);
    }
}
