//! Networks as a cluster knows them: one namespace each, found by label. There is no other state.

mod create;
mod error;
mod info;
mod lease;
mod scope;

use std::{collections::BTreeMap, sync::Arc};

use aznet_model::{
    config::{CONFIG_MAP, FILE},
    release::Release,
};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::Value;
use tokio::sync::OnceCell;

pub(crate) use self::error::failed;
pub use self::{
    create::{NewNetwork, check_name},
    error::{NamespaceError, TurnError},
    info::{
        CREATED_BY, EXPIRES_AT, GOOD_REVISION, KEEP_NAMESPACE, MANAGED_BY, MANAGER, NETWORK,
        NetworkInfo, PORT_BASE, REGISTRY, VALUES_FROM,
    },
    lease::{Claim, Patience, Turn},
    scope::Scope,
};

/// A network on a cluster.
#[derive(Clone)]
pub struct Network {
    client: Client,
    info: NetworkInfo,
    release: Arc<OnceCell<&'static Release>>,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.info.fmt(f)
    }
}

impl Network {
    /// Makes the namespace of a new network, empty; or makes the one that is given the network's. The caller has the
    /// [`Turn`] at it.
    ///
    /// # Errors
    /// [`NamespaceError::BadName`], [`NamespaceError::NameTaken`], [`NamespaceError::Occupied`].
    pub async fn create(
        client: Client,
        new: &NewNetwork,
        now: Timestamp,
    ) -> Result<Self, NamespaceError> {
        check_name(&new.name)?;
        let there = new.scope.networks(&client, &new.cluster).await?;
        let mut there = there.into_iter().filter(|other| !other.leaving);
        let namespaces: Api<Namespace> = Api::all(client.clone());
        let made = match &new.scope {
            Scope::Cluster => {
                if let Some(other) = there.find(|other| other.name == new.name) {
                    return Err(taken(other));
                }
                let namespace = new.namespace(now);
                namespaces.create(&PostParams::default(), &namespace).await
            }
            Scope::Namespace(namespace) => {
                if let Some(other) = there.next() {
                    return Err(occupied(other, &new.name));
                }
                let patch = Patch::Merge(new.patch(now));
                let merge = PatchParams::default();
                namespaces.patch(namespace, &merge, &patch).await
            }
        };
        let made = made.map_err(|source| failed("make a namespace", &new.cluster, source))?;
        Self::of(client, &made, &new.cluster)
    }

    /// All networks of the scope, by name; those being removed included.
    ///
    /// # Errors
    /// [`NamespaceError::Api`], [`NamespaceError::NoNamespace`].
    pub async fn list(
        client: &Client,
        cluster: &str,
        scope: &Scope,
    ) -> Result<Vec<NetworkInfo>, NamespaceError> {
        scope.networks(client, cluster).await
    }

    /// A network that was just listed.
    pub fn known(client: Client, info: NetworkInfo) -> Self {
        Self {
            client,
            info,
            release: Arc::default(),
        }
    }

    /// A network that is to be made in a namespace that is there.
    pub fn unmade(client: Client, name: &str, namespace: &str, cluster: &str) -> Self {
        let info = NetworkInfo {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            cluster: cluster.to_owned(),
            created: None,
            expires: None,
            created_by: None,
            values_from: None,
            port_base: None,
            good_revision: None,
            registry: None,
            leaving: false,
            keeps_namespace: true,
            by_helm: false,
        };
        Self::known(client, info)
    }

    /// The release of Aztec that its pods were told. A network of an older chart does not say: it is of the oldest, and so
    /// is taken to be one whose settings can't be read, whose nodes can't be asked either.
    pub async fn release(&self) -> &'static Release {
        let release = self.release.get_or_try_init(|| async {
            let api: Api<ConfigMap> = self.api();
            let map = api.get(CONFIG_MAP).await?;
            let text = map.data.as_ref().and_then(|data| data.get(FILE));
            Ok::<_, kube::Error>(Release::of_config(text.map_or("", String::as_str)))
        });
        release.await.copied().unwrap_or(Release::oldest())
    }

    /// The network called `name` (or in the namespace called so); without a name, the only one there is.
    ///
    /// # Errors
    /// [`NamespaceError::NotFound`], [`NamespaceError::NotOne`].
    pub async fn find(
        client: Client,
        cluster: &str,
        scope: &Scope,
        name: Option<&str>,
    ) -> Result<Self, NamespaceError> {
        let mut all = Self::list(&client, cluster, scope).await?;
        all.retain(|network| !network.leaving || name == Some(&network.namespace));
        let known: Vec<String> = all.iter().map(|network| network.name.clone()).collect();
        let found = match name {
            Some(name) => all
                .into_iter()
                .find(|network| network.name == name || network.namespace == name),
            None if all.len() == 1 => all.pop(),
            None => None,
        };
        let cluster = cluster.to_owned();
        match (found, name) {
            (Some(info), _) => Ok(Self::known(client, info)),
            (None, Some(name)) => Err(NamespaceError::NotFound {
                name: name.into(),
                cluster,
                known,
            }),
            (None, None) => Err(NamespaceError::NotOne { cluster, known }),
        }
    }

    /// What its namespace says.
    pub const fn info(&self) -> &NetworkInfo {
        &self.info
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.info.name
    }

    /// Its namespace.
    pub fn namespace(&self) -> &str {
        &self.info.namespace
    }

    /// The client of its cluster.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// Writes annotations on its namespace: one of the constants of this module and its value; `None` takes it away.
    ///
    /// # Errors
    /// [`NamespaceError::Api`].
    pub async fn annotate(&self, notes: &[(&str, Option<String>)]) -> Result<(), NamespaceError> {
        let notes: BTreeMap<_, _> = notes.iter().cloned().collect();
        self.patch(&serde_json::json!({"metadata": {"annotations": notes}}))
            .await
    }

    async fn patch(&self, patch: &Value) -> Result<(), NamespaceError> {
        let api: Api<Namespace> = Api::all(self.client.clone());
        let (merge, patch) = (PatchParams::default(), Patch::Merge(patch));
        let patched = api.patch(self.namespace(), &merge, &patch).await;
        let failed = |source| self.failed("annotate the namespace", source);
        patched.map(drop).map_err(failed)
    }

    /// An API of its namespace.
    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), self.namespace())
    }

    fn of(client: Client, namespace: &Namespace, cluster: &str) -> Result<Self, NamespaceError> {
        let name = namespace.name_any();
        let info =
            NetworkInfo::read(namespace, cluster).ok_or_else(|| NamespaceError::NotFound {
                name,
                cluster: cluster.to_owned(),
                known: Vec::new(),
            })?;
        Ok(Self::known(client, info))
    }

    /// Whether the network is gone, or its namespace on the way out.
    ///
    /// # Errors
    /// If the Kubernetes API fails, e.g. because namespaces may not be looked at.
    pub async fn is_leaving(&self) -> Result<bool, NamespaceError> {
        let api: Api<Namespace> = Api::all(self.client.clone());
        let found = api.get_metadata_opt(self.namespace()).await;
        let found = found.map_err(|source| self.failed("look for the network", source))?;
        let named = |label: Option<&String>| self.info.by_helm || label == Some(&self.info.name);
        Ok(found.is_none_or(|namespace| {
            namespace.metadata.deletion_timestamp.is_some()
                || !named(namespace.labels().get(NETWORK))
        }))
    }

    /// Takes the network's labels and annotations off a namespace that stays.
    pub(crate) async fn unmark(&self) -> Result<(), NamespaceError> {
        self.patch(&create::unmark()).await
    }

    /// Asks for the namespace's deletion; one that is gone, or on its way out, is fine.
    pub(crate) async fn delete_namespace(&self) -> Result<(), NamespaceError> {
        let api: Api<Namespace> = Api::all(self.client.clone());
        match api
            .delete(self.namespace(), &DeleteParams::background())
            .await
        {
            Err(kube::Error::Api(status)) if [404, 409].contains(&status.code) => Ok(()),
            Err(source) => Err(self.failed("delete the namespace", source)),
            Ok(_) => Ok(()),
        }
    }

    pub(crate) fn failed(&self, doing: &str, source: kube::Error) -> NamespaceError {
        failed(
            &format!("{doing} in namespace {}", self.namespace()),
            &self.info.cluster,
            source,
        )
    }
}

fn taken(other: NetworkInfo) -> NamespaceError {
    NamespaceError::NameTaken {
        name: other.name,
        cluster: other.cluster,
        namespace: other.namespace,
        created_by: other.created_by.unwrap_or_else(|| "someone".into()),
    }
}

/// A namespace given holds a network: of the same name, or of another.
fn occupied(other: NetworkInfo, name: &str) -> NamespaceError {
    if other.name == name {
        return taken(other);
    }
    NamespaceError::Occupied {
        namespace: other.namespace,
        cluster: other.cluster,
        there: other.name,
    }
}

#[cfg(test)]
mod tests;
