//! What a namespace says of its network.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt;
use serde::Serialize;

/// Label of the namespaces that aznet made, with the value [`MANAGER`].
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The value of [`MANAGED_BY`].
pub const MANAGER: &str = "aznet";
/// Label of a network's namespace: the network's name.
pub const NETWORK: &str = "aznet.dev/network";
/// Annotation: when the network may be removed, RFC 3339.
pub const EXPIRES_AT: &str = "aznet.dev/expires-at";
/// Annotation: who made the network.
pub const CREATED_BY: &str = "aznet.dev/created-by";
/// Annotation: the overlay in `networks/` that the network was made from.
pub const VALUES_FROM: &str = "aznet.dev/values-from";
/// Annotation: the first of the ports that the network's URLs have on the machines of its users.
pub const PORT_BASE: &str = "aznet.dev/port-base";
/// Annotation: the newest revision of the network's release that was seen to be good.
pub const GOOD_REVISION: &str = "aznet.dev/good-revision";
/// Annotation: the registry by which the network was known when that was seen.
pub const REGISTRY: &str = "aznet.dev/registry";
/// Annotation of a namespace that was there before its network, and stays after it.
pub const KEEP_NAMESPACE: &str = "aznet.dev/keep-namespace";

/// A network, as its namespace describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NetworkInfo {
    /// The network's name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// How the cluster is called in messages.
    pub cluster: String,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// When it may be removed.
    pub expires: Option<Timestamp>,
    /// Who made it.
    pub created_by: Option<String>,
    /// The overlay in `networks/` that its values began with; `None`: nobody wrote it down.
    pub values_from: Option<String>,
    /// The first of the ports that its URLs have; `None`: any that are free.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_base: Option<u16>,
    /// The newest revision of its release that `aznet deploy` saw to be good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub good_revision: Option<String>,
    /// Its registry on L1, as it was then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
    /// `true`: it is being removed.
    pub leaving: bool,
    /// `true`: its namespace was there before it, and stays when it is removed.
    pub keeps_namespace: bool,
    /// `true`: plain Helm installed it, and its namespace is not labelled as a network's.
    pub by_helm: bool,
}

impl NetworkInfo {
    /// Reads a namespace's labels; `None` if it is no network's.
    pub fn read(namespace: &Namespace, cluster: &str) -> Option<Self> {
        let notes = namespace.annotations();
        Some(Self {
            name: namespace.labels().get(NETWORK)?.clone(),
            namespace: namespace.name_any(),
            cluster: cluster.to_owned(),
            created: namespace
                .metadata
                .creation_timestamp
                .as_ref()
                .map(|time| time.0),
            expires: notes.get(EXPIRES_AT).and_then(|at| at.parse().ok()),
            created_by: notes.get(CREATED_BY).cloned(),
            values_from: notes.get(VALUES_FROM).cloned(),
            port_base: notes.get(PORT_BASE).and_then(|base| base.parse().ok()),
            good_revision: notes.get(GOOD_REVISION).cloned(),
            registry: notes.get(REGISTRY).cloned(),
            leaving: namespace.metadata.deletion_timestamp.is_some(),
            keeps_namespace: notes.contains_key(KEEP_NAMESPACE),
            by_helm: false,
        })
    }

    /// Whether its time is over.
    pub fn expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|at| at <= now)
    }
}
