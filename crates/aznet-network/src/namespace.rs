//! Networks as a cluster knows them: one namespace each, found by label. There is no other state.

mod error;

use std::{collections::BTreeMap, time::Duration};

use aznet_model::label;
use jiff::Timestamp;
use k8s_openapi::{api::core::v1::Namespace, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use serde::Serialize;

pub use self::error::NamespaceError;

/// Label of everything that aznet made, with the value [`MANAGER`].
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

/// `aznet-` + name + `-` + 5 characters must fit into 63.
const LONGEST_NAME: usize = 51;

/// A network to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNetwork {
    /// Its name: a DNS label of 51 characters at most.
    pub name: String,
    /// How the cluster is called in messages.
    pub cluster: String,
    /// How long it may live; `None`: until someone removes it.
    pub ttl: Option<Duration>,
    /// Who makes it, e.g. `user@host`.
    pub created_by: String,
    /// The overlay in `networks/` that its values began with.
    pub values_from: String,
}

/// A network on a cluster.
#[derive(Clone)]
pub struct Network {
    client: Client,
    info: NetworkInfo,
}

/// What the namespace says of its network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NetworkInfo {
    /// The network's name.
    pub name: String,
    /// Its namespace; never used again once it is gone.
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
    /// `true`: it is being removed.
    pub leaving: bool,
}

impl NetworkInfo {
    /// Reads a namespace's labels; `None` if it is no network's.
    pub fn read(namespace: &Namespace, cluster: &str) -> Option<Self> {
        let labels = namespace.labels();
        if labels.get(MANAGED_BY).map(String::as_str) != Some(MANAGER) {
            return None;
        }
        let notes = namespace.annotations();
        Some(Self {
            name: labels.get(NETWORK)?.clone(),
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
            leaving: namespace.metadata.deletion_timestamp.is_some(),
        })
    }

    /// Whether its time is over.
    pub fn expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|at| at <= now)
    }

    fn taken(&self) -> NamespaceError {
        NamespaceError::NameTaken {
            name: self.name.clone(),
            cluster: self.cluster.clone(),
            namespace: self.namespace.clone(),
            created_by: self.created_by.clone().unwrap_or_else(|| "someone".into()),
        }
    }
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.info.fmt(f)
    }
}

impl Network {
    /// Makes the namespace of a new network, empty.
    ///
    /// # Errors
    /// [`NamespaceError::BadName`], [`NamespaceError::NameTaken`], also when two are made at the same moment.
    pub async fn create(
        client: Client,
        new: &NewNetwork,
        now: Timestamp,
    ) -> Result<Self, NamespaceError> {
        check_name(&new.name)?;
        if let Some(other) = Self::list_named(&client, &new.cluster, &new.name)
            .await?
            .first()
        {
            return Err(other.taken());
        }
        let api: Api<Namespace> = Api::all(client.clone());
        let made = api
            .create(&PostParams::default(), &namespace_of(new, now))
            .await
            .map_err(|source| failed("create a namespace", &new.cluster, source))?;
        let network = Self::of(client, &made, &new.cluster)?;
        network.yield_to_an_elder().await?;
        Ok(network)
    }

    /// All networks of the cluster, by name; those being removed included.
    pub async fn list(client: &Client, cluster: &str) -> Result<Vec<NetworkInfo>, NamespaceError> {
        list(
            client,
            cluster,
            &format!("{MANAGED_BY}={MANAGER},{NETWORK}"),
        )
        .await
    }

    /// The network called `name` (or in the namespace called so); without a name, the only one there is.
    ///
    /// # Errors
    /// [`NamespaceError::NotFound`], [`NamespaceError::NotOne`].
    pub async fn find(
        client: Client,
        cluster: &str,
        name: Option<&str>,
    ) -> Result<Self, NamespaceError> {
        let mut all = Self::list(&client, cluster).await?;
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
            (Some(info), _) => Ok(Self { client, info }),
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
        let patch = serde_json::json!({"metadata": {"annotations": notes}});
        let api: Api<Namespace> = Api::all(self.client.clone());
        let patched = api
            .patch(
                self.namespace(),
                &PatchParams::default(),
                &Patch::Merge(&patch),
            )
            .await;
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
        Ok(Self { client, info })
    }

    async fn list_named(
        client: &Client,
        cluster: &str,
        name: &str,
    ) -> Result<Vec<NetworkInfo>, NamespaceError> {
        let mut found = list(
            client,
            cluster,
            &format!("{MANAGED_BY}={MANAGER},{NETWORK}={name}"),
        )
        .await?;
        found.retain(|network| !network.leaving);
        Ok(found)
    }

    /// Two creators may both have seen the name free: the one whose namespace is younger gives way.
    async fn yield_to_an_elder(&self) -> Result<(), NamespaceError> {
        let age = |info: &NetworkInfo| (info.created, info.namespace.clone());
        let all = Self::list_named(&self.client, &self.info.cluster, self.name()).await?;
        let Some(elder) = all
            .iter()
            .filter(|other| age(other) < age(&self.info))
            .min_by_key(|other| age(other))
        else {
            return Ok(());
        };
        self.delete_namespace().await?;
        Err(elder.taken())
    }

    /// Whether the namespace is gone, or on its way out.
    ///
    /// # Errors
    /// If the Kubernetes API fails, e.g. because namespaces may not be looked at.
    pub(crate) async fn is_leaving(&self) -> Result<bool, NamespaceError> {
        let api: Api<Namespace> = Api::all(self.client.clone());
        let found = api.get_metadata_opt(self.namespace()).await;
        let found = found.map_err(|source| self.failed("look for the network", source))?;
        Ok(found.is_none_or(|namespace| namespace.metadata.deletion_timestamp.is_some()))
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

async fn list(
    client: &Client,
    cluster: &str,
    labels: &str,
) -> Result<Vec<NetworkInfo>, NamespaceError> {
    let api: Api<Namespace> = Api::all(client.clone());
    let found = api
        .list(&ListParams::default().labels(labels))
        .await
        .map_err(|source| failed("list networks", cluster, source))?;
    let mut networks: Vec<_> = found
        .iter()
        .filter_map(|namespace| NetworkInfo::read(namespace, cluster))
        .collect();
    networks.sort_by(|a, b| (&a.name, &a.namespace).cmp(&(&b.name, &b.namespace)));
    Ok(networks)
}

pub(crate) fn failed(doing: &str, cluster: &str, source: kube::Error) -> NamespaceError {
    NamespaceError::Api {
        doing: doing.to_owned(),
        cluster: cluster.to_owned(),
        source: source.into(),
    }
}

fn namespace_of(new: &NewNetwork, now: Timestamp) -> Namespace {
    let labels = [(MANAGED_BY, MANAGER), (NETWORK, &new.name)];
    let mut annotations = BTreeMap::from([
        (CREATED_BY.to_owned(), new.created_by.clone()),
        (VALUES_FROM.to_owned(), new.values_from.clone()),
    ]);
    // A TTL beyond the calendar's end is as good as none.
    if let Some(end) = new.ttl.and_then(|ttl| now.checked_add(ttl).ok()) {
        annotations.insert(EXPIRES_AT.to_owned(), end.to_string());
    }
    Namespace {
        metadata: ObjectMeta {
            // The API server appends five random characters, so that no namespace is ever used twice.
            generate_name: Some(format!("aznet-{}-", new.name)),
            labels: Some(
                labels
                    .map(|(key, value)| (key.to_owned(), value.to_owned()))
                    .into(),
            ),
            annotations: Some(annotations),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    }
}

/// # Errors
/// [`NamespaceError::BadName`]: not a DNS label, or too long for a namespace's name around it.
pub fn check_name(name: &str) -> Result<(), NamespaceError> {
    label::check(name, LONGEST_NAME).map_err(|source| NamespaceError::BadName {
        name: name.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests;
