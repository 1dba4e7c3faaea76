//! The admin API of Aztec nodes: found where a pod says it is, called with the network's API key.

pub mod offences;

use http::HeaderValue;
use k8s_openapi::api::core::v1::{Container, Pod, Secret, SecretKeySelector};
use kube::Api;

use crate::{api::ApiError, clients::rpc::PodRpc, namespace::Network};

/// The variable by which a node is given the hash of the key.
const KEY_HASH: &str = "AZTEC_ADMIN_API_KEY_HASH";
/// Where the key itself is in that hash's Secret.
pub const KEY: &str = "apiKey";

/// The key of a network's admin API. It has no `Display`, and `Debug` hides it.
#[derive(Clone)]
pub struct AdminKey(String);

impl std::fmt::Debug for AdminKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AdminKey(..)")
    }
}

impl AdminKey {
    /// The key, for whoever sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// Why the admin API can't be called.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The Kubernetes API did not give what was asked for.
    #[error("reading {what} of network {network}")]
    Api {
        /// `pod …` or `Secret …`.
        what: String,
        /// The network.
        network: String,
        /// Why.
        #[source]
        source: ApiError,
    },
    /// The pod has no admin API.
    #[error(
        "pod {pod} has no port named admin: only boot nodes, full nodes, validators and prover nodes have an admin API"
    )]
    NotANode {
        /// The pod.
        pod: String,
    },
    /// The operator keeps the key elsewhere.
    #[error(
        "Secret {secret} has no usable key `apiKey`: its creator has the key of the admin API; add it to the Secret to let aznet use it"
    )]
    NoKey {
        /// The Secret.
        secret: String,
    },
}

/// The admin API of the node in `pod`, with its key where the pod asks for one.
///
/// # Errors
/// [`AdminError`].
pub async fn rpc(network: &Network, pod: &str) -> Result<PodRpc, AdminError> {
    let found = read_pod(network, pod).await?;
    let port = admin_port(&found).ok_or_else(|| AdminError::NotANode {
        pod: pod.to_owned(),
    })?;
    let rpc = PodRpc::new(network.client().clone(), network.namespace(), pod, port);
    let Some(secret) = key_secret(&found) else {
        return Ok(rpc);
    };
    let key = read_key(network, secret).await?;
    let mut header = HeaderValue::from_str(key.reveal()).map_err(|_| AdminError::NoKey {
        secret: secret.to_owned(),
    })?;
    header.set_sensitive(true);
    Ok(rpc.with_api_key(header))
}

/// The key of the node in `pod`; `None` where the node is told its key's hash by other means than the chart's Secret.
///
/// # Errors
/// [`AdminError`].
pub async fn key(network: &Network, pod: &str) -> Result<Option<AdminKey>, AdminError> {
    let found = read_pod(network, pod).await?;
    match key_secret(&found) {
        Some(secret) => read_key(network, secret).await.map(Some),
        None => Ok(None),
    }
}

async fn read_pod(network: &Network, pod: &str) -> Result<Pod, AdminError> {
    let pods: Api<Pod> = Api::namespaced(network.client().clone(), network.namespace());
    let failed = |source| AdminError::Api {
        what: format!("pod {pod}"),
        network: network.name().to_owned(),
        source: ApiError::from(source),
    };
    pods.get(pod).await.map_err(failed)
}

async fn read_key(network: &Network, name: &str) -> Result<AdminKey, AdminError> {
    let secrets: Api<Secret> = Api::namespaced(network.client().clone(), network.namespace());
    let failed = |source| AdminError::Api {
        what: format!("Secret {name}"),
        network: network.name().to_owned(),
        source: ApiError::from(source),
    };
    let secret = secrets.get(name).await.map_err(failed)?;
    let key = secret.data.and_then(|mut data| data.remove(KEY));
    let key = key.and_then(|bytes| String::from_utf8(bytes.0).ok());
    match key.map(|key| key.trim().to_owned()) {
        Some(key) if !key.is_empty() => Ok(AdminKey(key)),
        _ => Err(AdminError::NoKey {
            secret: name.to_owned(),
        }),
    }
}

fn containers(pod: &Pod) -> impl Iterator<Item = &Container> {
    pod.spec.iter().flat_map(|spec| &spec.containers)
}

/// The port of a pod's admin API; `None` where it has none.
pub fn admin_port(pod: &Pod) -> Option<u16> {
    let ports = containers(pod).flat_map(|container| container.ports.iter().flatten());
    let mut admin = ports.filter(|port| port.name.as_deref() == Some("admin"));
    admin
        .next()
        .and_then(|port| u16::try_from(port.container_port).ok())
}

/// The Secret that holds the hash of the node's key, and with it the key, under [`KEY`].
pub fn key_secret(pod: &Pod) -> Option<&str> {
    let variables = containers(pod).flat_map(|container| container.env.iter().flatten());
    let hash = variables.filter(|variable| variable.name == KEY_HASH);
    let mut selectors =
        hash.filter_map(|variable| variable.value_from.as_ref()?.secret_key_ref.as_ref());
    selectors
        .next()
        .map(|SecretKeySelector { name, .. }| name.as_str())
}

#[cfg(test)]
mod tests;
