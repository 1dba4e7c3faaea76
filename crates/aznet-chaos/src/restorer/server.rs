//! What a Job calls: the admin API of a node, or anvil.

use std::collections::BTreeMap;

use aznet_network::clients::admin::{self, AdminError};
use aznet_network::namespace::Network;
use aznet_network::observe::pods::COMPONENT;
use k8s_openapi::api::core::v1::{Container, Pod};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use crate::error::ChaosError;
use crate::journal::Before;

/// The label that names a pod of a StatefulSet.
const NAMED: &str = "statefulset.kubernetes.io/pod-name";
/// The container that brings aznet-node.
const INSTALL: &str = "install";
/// The port of an L1, by its name.
const L1: &str = "http";

/// A server in a pod, found again if the pod is replaced.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    /// The pod's labels.
    pub(crate) labels: BTreeMap<String, String>,
    /// The port.
    pub(crate) port: u16,
    /// The Secret with the key that it asks for.
    pub(crate) secret: Option<String>,
    /// What a pod beside it runs aznet-node from.
    pub(crate) install: Value,
    /// What a pod beside it has of this one's.
    pub(crate) pod: Value,
    host: String,
}

impl Server {
    /// The one that takes a fault of `pod` back.
    pub(super) async fn find(
        network: &Network,
        pod: &str,
        before: &Before,
    ) -> Result<Self, ChaosError> {
        let pods: Api<Pod> = Api::namespaced(network.client().clone(), network.namespace());
        let found = pods.get(pod).await;
        let found = found.map_err(ChaosError::api(format!("read pod {pod}")))?;
        let port = match before {
            Before::Settings(_) => admin::admin_port(&found),
            Before::L1(_) => named_port(&found, L1),
        };
        let port = port.ok_or_else(|| AdminError::NotANode {
            pod: pod.to_owned(),
        })?;
        Ok(Self::of(&found, port))
    }

    fn of(pod: &Pod, port: u16) -> Self {
        let spec = pod.spec.clone().unwrap_or_default();
        let component = pod.labels().get(COMPONENT).cloned().unwrap_or_default();
        let host = match (&spec.hostname, &spec.subdomain) {
            (Some(host), Some(domain)) => format!("{host}.{domain}"),
            // A Deployment's pods have no names of their own; its Service has the component's.
            _ => component,
        };
        let mut init = spec.init_containers.iter().flatten();
        let install = init.find(|one| one.name == INSTALL);
        let mut security = json!(spec.security_context);
        if let Some(security) = security.as_object_mut() {
            // What a node needs for its ports.
            security.remove("sysctls");
        }
        let beside = json!({
            "securityContext": security,
            "imagePullSecrets": spec.image_pull_secrets,
            "nodeSelector": spec.node_selector,
            "tolerations": spec.tolerations,
        });
        Self {
            labels: pod.labels().clone(),
            port,
            secret: admin::key_secret(pod).map(str::to_owned),
            install: install.map(own).unwrap_or_default(),
            pod: said(beside),
            host,
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}:{}", self.host, self.port)
    }

    /// The label by which a policy selects it alone.
    pub(super) fn label(&self) -> (&'static str, &str) {
        let of = |label| self.labels.get(label).map(String::as_str);
        match of(NAMED) {
            Some(name) => (NAMED, name),
            None => (COMPONENT, of(COMPONENT).unwrap_or_default()),
        }
    }
}

/// The image of a container, and what it may do.
fn own(container: &Container) -> Value {
    said(json!({
        "image": container.image,
        "imagePullPolicy": container.image_pull_policy,
        "securityContext": container.security_context,
        "resources": container.resources,
    }))
}

/// Without what is not said.
fn said(mut object: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    object
}

fn named_port(pod: &Pod, name: &str) -> Option<u16> {
    let spec = pod.spec.as_ref()?;
    let mut ports = spec
        .containers
        .iter()
        .flat_map(|one| one.ports.iter().flatten());
    let port = ports.find(|port| port.name.as_deref() == Some(name))?;
    u16::try_from(port.container_port).ok()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A pod as the chart's StatefulSet of validators makes it.
    pub(in crate::restorer) fn validator() -> Server {
        let pod = serde_json::from_value(json!({
            "metadata": {"name": "validator-2", "labels": {
                "app.kubernetes.io/name": "aztec-network", COMPONENT: "validator", NAMED: "validator-2",
            }},
            "spec": {
                "hostname": "validator-2", "subdomain": "validator",
                "securityContext": {"runAsUser": 1000, "sysctls": [{"name": "a", "value": "1"}]},
                "initContainers": [{"name": INSTALL, "image": "aznet-node:1"}],
                "containers": [{"name": "validator", "env": [{"name": "AZTEC_ADMIN_API_KEY_HASH",
                    "valueFrom": {"secretKeyRef": {"name": "admin-api", "key": "apiKeyHash"}}}]}],
            },
        }));
        Server::of(&pod.expect("a pod"), 8880)
    }

    #[test]
    fn a_server_keeps_its_name_when_its_pod_is_replaced() {
        let server = validator();
        assert_eq!(server.url(), "http://validator-2.validator:8880");
        assert_eq!(server.label(), (NAMED, "validator-2"));
        assert_eq!(server.secret.as_deref(), Some("admin-api"));
        assert_eq!(server.pod["securityContext"], json!({"runAsUser": 1000}));
        let anvil =
            json!({"metadata": {"labels": {COMPONENT: "anvil"}}, "spec": {"containers": []}});
        let anvil = Server::of(&serde_json::from_value(anvil).expect("a pod"), 8545);
        assert_eq!(anvil.url(), "http://anvil:8545");
        assert_eq!(anvil.label(), (COMPONENT, "anvil"));
    }
}
