//! A second pod like one that runs, and with its keys, as of an operator who runs a validator in two places.
//!
//! It has no label of the network's: no StatefulSet, Service, budget or status takes it for one of theirs. Where NetworkPolicies say
//! who may talk to the network's pods, it brings one by which it may.

use std::{collections::BTreeMap, time::Duration};

use aznet_kit::wait::Look;
use aznet_model::role::Role;
use k8s_openapi::api::{
    core::v1::{Container, EmptyDirVolumeSource, EnvVar, Pod, PodSpec, Volume},
    networking::v1::NetworkPolicy,
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    namespace::{NamespaceError, Network},
    observe::pods::{NETWORK_PODS, condition, workload},
};

/// Its only label: the name of the pod that it is like.
const TWIN_OF: &str = "aznet.dev/twin-of";
/// Variable by which aznet-node finds a pod's keys.
const POD_NAME: &str = "POD_NAME";
/// It ends by itself after so long, should nobody remove it.
const LASTS: Duration = Duration::from_mins(30);
/// What it may take to end.
const TO_END: Duration = Duration::from_secs(5);

/// What one that an earlier run left may take to go.
const TO_GO: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why there is no second pod.
#[derive(Debug, thiserror::Error)]
pub enum TwinError {
    /// The Kubernetes API failed.
    #[error(transparent)]
    Api(#[from] NamespaceError),
    /// There is one already, and it does not go.
    #[error("pod {twin} is still there: an earlier run left it, and it does not end")]
    Stays {
        /// The twin.
        twin: String,
    },
    /// There is nothing to be like.
    #[error("pod {pod} is none of the network's, or has no container of its role")]
    Missing {
        /// The pod.
        pod: String,
    },
}

/// How a twin differs from the pod that it is like.
#[derive(Debug, Clone, Copy)]
pub struct Difference<'a> {
    /// Variables of its container that have other values, by their names.
    pub variables: &'a [(&'a str, &'a str)],
    /// What it runs as.
    pub role: Role,
}

/// A second pod; it stays until it is removed.
#[derive(Debug)]
pub struct Twin {
    network: Network,
    name: String,
}

impl Twin {
    /// Makes a pod like another: with the same keys, data of its own, which is gone with it, and so another peer id.
    ///
    /// # Errors
    /// [`TwinError`]; none was made then, unless the Kubernetes API does not answer.
    pub async fn start(
        network: &Network,
        like: &str,
        difference: Difference<'_>,
    ) -> Result<Self, TwinError> {
        let pods: Api<Pod> = network.api();
        let found = pods.get(like).await;
        let found = found.map_err(|source| network.failed(&format!("read pod {like}"), source))?;
        let pod = twin(&found, difference).ok_or_else(|| TwinError::Missing {
            pod: like.to_owned(),
        })?;
        let twin = Self {
            network: network.clone(),
            name: pod.name_any(),
        };
        twin.replaces().await?;
        let made = pods.create(&PostParams::default(), &pod).await;
        let made = made.map_err(|source| twin.failed("make", source))?;
        if let Err(error) = twin.let_in(&made, like).await {
            twin.remove().await?;
            return Err(error.into());
        }
        Ok(twin)
    }

    /// The pod.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it serves, or what keeps it from that.
    ///
    /// # Errors
    /// If the Kubernetes API fails.
    pub async fn serves(&self) -> Result<Look<()>, NamespaceError> {
        let pods: Api<Pod> = self.network.api();
        let pod = pods.get(&self.name).await;
        let pod = pod.map_err(|source| self.failed("read", source))?;
        Ok(serves(&pod))
    }

    /// Has it deleted, with its NetworkPolicy; what is gone already is fine.
    ///
    /// # Errors
    /// If the Kubernetes API fails.
    pub async fn remove(&self) -> Result<(), NamespaceError> {
        let (pods, policies): (Api<Pod>, Api<NetworkPolicy>) =
            (self.network.api(), self.network.api());
        let params = DeleteParams::default();
        let pod = or_gone(pods.delete(&self.name, &params).await);
        let policy = or_gone(policies.delete(&self.name, &params).await);
        pod.and(policy)
            .map_err(|source| self.failed("delete", source))
    }

    /// Whether nothing is left of it.
    ///
    /// # Errors
    /// If the Kubernetes API fails.
    pub async fn is_gone(&self) -> Result<bool, NamespaceError> {
        let (pods, policies): (Api<Pod>, Api<NetworkPolicy>) =
            (self.network.api(), self.network.api());
        let left = futures::try_join!(pods.get_opt(&self.name), policies.get_opt(&self.name));
        let (pod, policy) = left.map_err(|source| self.failed("look for", source))?;
        Ok(pod.is_none() && policy.is_none())
    }

    /// Removes the one that a run left which was killed.
    async fn replaces(&self) -> Result<(), TwinError> {
        let end = Instant::now() + TO_GO;
        while !self.is_gone().await? {
            if Instant::now() > end {
                let twin = self.name.clone();
                return Err(TwinError::Stays { twin });
            }
            self.remove().await?;
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Lets it and the network's pods reach each other, where that is not so anyway: a NetworkPolicy for pods that none
    /// selects would shut off everybody else.
    async fn let_in(&self, pod: &Pod, like: &str) -> Result<(), NamespaceError> {
        let policies: Api<NetworkPolicy> = self.network.api();
        let charts = ListParams::default().labels(NETWORK_PODS);
        let charts = policies.list(&charts).await;
        let failed = |source| self.failed("let in", source);
        if charts.map_err(failed)?.items.is_empty() {
            return Ok(());
        }
        let (params, patch) = (PatchParams::apply("aznet"), Patch::Apply(policy(pod, like)));
        let made = policies.patch(&self.name, &params, &patch).await;
        made.map(drop).map_err(failed)
    }

    fn failed(&self, doing: &str, source: kube::Error) -> NamespaceError {
        self.network
            .failed(&format!("{doing} pod {}", self.name), source)
    }
}

fn or_gone<T>(deleted: Result<T, kube::Error>) -> Result<(), kube::Error> {
    match deleted {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        deleted => deleted.map(drop),
    }
}

fn serves(pod: &Pod) -> Look<()> {
    if condition(pod, "Ready").is_some_and(|(holds, _)| holds) {
        return Look::Done(());
    }
    let scheduled = condition(pod, "PodScheduled").filter(|(holds, _)| !holds);
    let words = scheduled.and_then(|(_, words)| words);
    let phase = pod.status.as_ref().and_then(|status| status.phase.clone());
    Look::Pending(words.or(phase).unwrap_or_default())
}

/// A pod like another; `None` for one that is none of the network's.
fn twin(pod: &Pod, difference: Difference<'_>) -> Option<Pod> {
    let role = workload(pod)?.role();
    let like = pod.name_any();
    let mut spec = pod.spec.clone()?;
    let first = spec.init_containers.iter_mut().flatten();
    for container in first.chain(spec.containers.iter_mut()) {
        adapt(container, &like);
    }
    let mut containers = spec.containers.iter_mut();
    differ(containers.find(|one| one.name == role.name())?, difference);
    for volume in spec.volumes.iter_mut().flatten() {
        keeps_nothing(volume);
    }
    Some(Pod {
        metadata: ObjectMeta {
            name: Some(format!("{like}-twin")),
            labels: Some(BTreeMap::from([(TWIN_OF.to_owned(), like)])),
            ..ObjectMeta::default()
        },
        spec: Some(PodSpec {
            active_deadline_seconds: i64::try_from(LASTS.as_secs()).ok(),
            termination_grace_period_seconds: i64::try_from(TO_END.as_secs()).ok(),
            // What the API server, the scheduler and the StatefulSet's controller said of the other one.
            ephemeral_containers: None,
            hostname: None,
            node_name: None,
            preemption_policy: None,
            priority: None,
            subdomain: None,
            ..spec
        }),
        status: None,
    })
}

/// It has the keys of the pod that it is like, no port of the machine, and the CPU that is left.
fn adapt(container: &mut Container, like: &str) {
    let mut variables = container.env.iter_mut().flatten();
    if let Some(name) = variables.find(|one| one.name == POD_NAME) {
        *name = variable(POD_NAME, like);
    }
    for port in container.ports.iter_mut().flatten() {
        port.host_port = None;
    }
    let resources = container.resources.as_mut();
    if let Some(requests) = resources.and_then(|one| one.requests.as_mut()) {
        requests.remove("cpu");
    }
}

fn differ(container: &mut Container, difference: Difference<'_>) {
    let all = container.env.get_or_insert_default();
    for (name, value) in difference.variables {
        all.retain(|one| one.name != *name);
        all.push(variable(name, value));
    }
    // aznet-node run ROLE
    if let Some(last) = container.command.as_mut().and_then(|all| all.last_mut()) {
        difference.role.name().clone_into(last);
    }
}

fn variable(name: &str, value: &str) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value: Some(value.to_owned()),
        ..EnvVar::default()
    }
}

/// A claim is the other one's.
fn keeps_nothing(volume: &mut Volume) {
    if volume.persistent_volume_claim.take().is_some() {
        volume.empty_dir = Some(EmptyDirVolumeSource::default());
    }
}

/// Lets the twin and the network's pods reach each other. The twin itself is selected by none.
fn policy(twin: &Pod, like: &str) -> Value {
    let name = twin.name_any();
    let peer = json!({"podSelector": {"matchLabels": {TWIN_OF: like}}});
    let (label, value) = NETWORK_PODS.split_once('=').unwrap_or_default();
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": name,
            "labels": {TWIN_OF: like},
            // It goes with the pod.
            "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": name, "uid": twin.uid()}],
        },
        "spec": {
            "podSelector": {"matchLabels": {label: value}},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [peer]}],
            "egress": [{"to": [peer]}],
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIFFERENCE: Difference<'_> = Difference {
        variables: &[("COINBASE", "0xa7")],
        role: Role::FullNode,
    };

    /// As the chart and the StatefulSet's controller make it.
    fn validator() -> Value {
        let own =
            json!({"valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}, "name": "POD_NAME"});
        let ip =
            json!({"valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}, "name": "POD_IP"});
        let keystore = json!({"name": "keystore", "env": [own]});
        let main = json!({
            "name": "validator",
            "command": ["/aznet/bin/aznet-node", "run", "validator"],
            "env": [own, ip, {"name": "COINBASE", "value": "0x01"}],
            "ports": [{"name": "p2p", "containerPort": 40400, "hostPort": 40400}],
            "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}},
        });
        json!({
            "metadata": {
                "name": "validator-2",
                "uid": "1",
                "labels": {
                    "app.kubernetes.io/name": "aztec-network", "app.kubernetes.io/component": "validator",
                    "aznet.dev/group": "default", "apps.kubernetes.io/pod-index": "2",
                },
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "validator", "uid": "2"}],
            },
            "spec": {
                "hostname": "validator-2",
                "subdomain": "validator",
                "nodeName": "a",
                "priority": 0,
                "initContainers": [keystore],
                "containers": [main],
                "ephemeralContainers": [{"name": "beside-1"}],
                "volumes": [
                    {"name": "data", "persistentVolumeClaim": {"claimName": "data-validator-2"}},
                    {"name": "config", "configMap": {"name": "network-config"}},
                ],
            },
            "status": {"phase": "Running"},
        })
    }

    fn made(pod: &Value) -> Option<Value> {
        let pod: Pod = serde_json::from_value(pod.clone()).expect("a pod");
        let twin = twin(&pod, DIFFERENCE)?;
        Some(serde_json::to_value(twin).expect("a document"))
    }

    #[test]
    fn it_has_the_keys_of_the_other_and_nothing_else_of_it() {
        let twin = made(&validator()).expect("a twin");
        let named = json!({"name": "POD_NAME", "value": "validator-2"});
        let (first, main) = (
            &twin["spec"]["initContainers"][0],
            &twin["spec"]["containers"][0],
        );
        assert_eq!(first["env"][0], named);
        assert_eq!(main["env"][0], named);
        let ip = &main["env"][1]["valueFrom"]["fieldRef"]["fieldPath"];
        assert_eq!(ip, "status.podIP");
        assert_eq!(main["env"][2], json!({"name": "COINBASE", "value": "0xa7"}));
        assert_eq!(main["env"].as_array().map(Vec::len), Some(3));
        assert_eq!(main["command"][2], "full-node");
        assert_eq!(main["ports"][0]["hostPort"], Value::Null);
        let requests = &main["resources"]["requests"];
        assert_eq!(requests, &json!({"memory": "1Gi"}));
        let volumes = &twin["spec"]["volumes"];
        assert_eq!(volumes[0], json!({"name": "data", "emptyDir": {}}));
        assert_eq!(volumes[1]["configMap"]["name"], "network-config");
    }

    /// A pod that a selector of the chart's finds is counted, and one that has an owner, or the name of a replica, is adopted.
    #[test]
    fn nothing_takes_it_for_one_of_the_networks() {
        let twin = made(&validator()).expect("a twin");
        let wanted =
            json!({"name": "validator-2-twin", "labels": {"aznet.dev/twin-of": "validator-2"}});
        assert_eq!(twin["metadata"], wanted);
        for key in [
            "hostname",
            "subdomain",
            "nodeName",
            "priority",
            "ephemeralContainers",
        ] {
            assert_eq!(twin["spec"][key], Value::Null, "{key}");
        }
        assert_eq!(twin["status"], Value::Null);
        assert_eq!(twin["spec"]["activeDeadlineSeconds"], 1_800);
        let mut other = validator();
        other["metadata"]["labels"] = json!({"app": "other"});
        assert_eq!(made(&other), None);
    }

    #[test]
    fn it_and_the_networks_pods_may_reach_each_other() {
        let pod: Pod = serde_json::from_value(validator()).expect("a pod");
        let mut twin = twin(&pod, DIFFERENCE).expect("a twin");
        twin.metadata.uid = Some("7".to_owned());
        let policy = policy(&twin, "validator-2");
        let selected = &policy["spec"]["podSelector"]["matchLabels"];
        assert_eq!(
            selected,
            &json!({"app.kubernetes.io/name": "aztec-network"})
        );
        let peer = json!([{"podSelector": {"matchLabels": {"aznet.dev/twin-of": "validator-2"}}}]);
        assert_eq!(policy["spec"]["ingress"][0]["from"], peer);
        assert_eq!(policy["spec"]["egress"][0]["to"], peer);
        let owner = &policy["metadata"]["ownerReferences"][0];
        assert_eq!(
            (&owner["uid"], &owner["kind"]),
            (&json!("7"), &json!("Pod"))
        );
        serde_json::from_value::<NetworkPolicy>(policy).expect("a NetworkPolicy");
    }

    #[test]
    fn one_that_has_no_place_says_why() {
        let seen = |status: Value| {
            let pod = json!({"metadata": {"name": "validator-2-twin"}, "status": status});
            serves(&serde_json::from_value(pod).expect("a pod"))
        };
        let condition = |kind, status, message: &str| json!([{"type": kind, "status": status, "message": message}]);
        let ready = json!({"conditions": condition("Ready", "True", "")});
        assert_eq!(seen(ready), Look::Done(()));
        let words = "0/1 nodes are available: 1 Insufficient memory.";
        let unplaced =
            json!({"phase": "Pending", "conditions": condition("PodScheduled", "False", words)});
        assert_eq!(seen(unplaced), Look::pending(words));
        let starting =
            json!({"phase": "Running", "conditions": condition("PodScheduled", "True", "")});
        assert_eq!(seen(starting), Look::pending("Running"));
    }
}
