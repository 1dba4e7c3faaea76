//! Where networks are looked for and made.

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, api::ListParams};

use super::{
    error::{NamespaceError, failed},
    info::{NETWORK, NetworkInfo},
};

/// Where networks are looked for and made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Scope {
    /// In all namespaces of the cluster; each new network gets one of its own.
    #[default]
    Cluster,
    /// In this namespace only, which is there already: a Role in it suffices.
    Namespace(String),
}

impl Scope {
    /// Where the Leases of this scope are: a network's own namespace may not be there yet.
    pub(super) fn leases(&self) -> &str {
        match self {
            Self::Cluster => "default",
            Self::Namespace(namespace) => namespace,
        }
    }

    /// The networks in it, by name. A namespace is read by its name where it is the only one: whoever may read it need
    /// not be allowed to list them.
    pub(super) async fn networks(
        &self,
        client: &Client,
        cluster: &str,
    ) -> Result<Vec<NetworkInfo>, NamespaceError> {
        let api: Api<Namespace> = Api::all(client.clone());
        let found = match self {
            Self::Cluster => {
                let listed = api.list(&ListParams::default().labels(NETWORK)).await;
                listed
                    .map_err(|source| failed("list networks", cluster, source))?
                    .items
            }
            Self::Namespace(namespace) => vec![read(&api, cluster, namespace).await?],
        };
        let mut networks: Vec<_> = found
            .iter()
            .filter_map(|namespace| NetworkInfo::read(namespace, cluster))
            .collect();
        networks.sort_by(|a, b| (&a.name, &a.namespace).cmp(&(&b.name, &b.namespace)));
        Ok(networks)
    }
}

async fn read(
    api: &Api<Namespace>,
    cluster: &str,
    namespace: &str,
) -> Result<Namespace, NamespaceError> {
    let found = api.get_opt(namespace).await;
    let found =
        found.map_err(|source| failed(&format!("read namespace {namespace}"), cluster, source))?;
    found.ok_or_else(|| NamespaceError::NoNamespace {
        namespace: namespace.to_owned(),
        cluster: cluster.to_owned(),
    })
}
