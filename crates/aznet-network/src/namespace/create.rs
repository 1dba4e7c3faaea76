//! A network that is to be made, and what its namespace says of it.

use std::{collections::BTreeMap, time::Duration};

use aznet_model::label;
use jiff::Timestamp;
use k8s_openapi::{api::core::v1::Namespace, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use serde_json::{Value, json};

use super::{
    error::NamespaceError,
    info::{
        CREATED_BY, EXPIRES_AT, GOOD_REVISION, KEEP_NAMESPACE, MANAGED_BY, MANAGER, NETWORK,
        PORT_BASE, REGISTRY, VALUES_FROM,
    },
    scope::Scope,
};

/// `aznet-` + name + `-` + 5 characters must fit into 63.
const LONGEST_NAME: usize = 51;

/// A network to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNetwork {
    /// Its name: a DNS label of 51 characters at most.
    pub name: String,
    /// How the cluster is called in messages.
    pub cluster: String,
    /// Where it is made.
    pub scope: Scope,
    /// How long it may live; `None`: until someone removes it.
    pub ttl: Option<Duration>,
    /// Who makes it, e.g. `user@host`.
    pub created_by: String,
    /// The overlay in `networks/` that its values began with.
    pub values_from: String,
}

impl NewNetwork {
    fn annotations(&self, now: Timestamp) -> BTreeMap<String, String> {
        let mut annotations = BTreeMap::from([
            (CREATED_BY.to_owned(), self.created_by.clone()),
            (VALUES_FROM.to_owned(), self.values_from.clone()),
        ]);
        // A TTL beyond the calendar's end is as good as none.
        if let Some(end) = self.ttl.and_then(|ttl| now.checked_add(ttl).ok()) {
            annotations.insert(EXPIRES_AT.to_owned(), end.to_string());
        }
        annotations
    }

    /// A namespace of its own.
    pub(super) fn namespace(&self, now: Timestamp) -> Namespace {
        let labels = [(MANAGED_BY, MANAGER), (NETWORK, &self.name)];
        let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
        Namespace {
            metadata: ObjectMeta {
                // The API server appends five random characters, so that no namespace is ever used twice.
                generate_name: Some(format!("aznet-{}-", self.name)),
                labels: Some(labels.into()),
                annotations: Some(self.annotations(now)),
                ..ObjectMeta::default()
            },
            ..Namespace::default()
        }
    }

    /// What makes a namespace that is there already the network's. Whose it was stays written on it.
    pub(super) fn patch(&self, now: Timestamp) -> Value {
        let mut annotations = self.annotations(now);
        annotations.insert(KEEP_NAMESPACE.to_owned(), "true".to_owned());
        json!({"metadata": {"labels": {NETWORK: self.name}, "annotations": annotations}})
    }
}

/// Takes back what [`NewNetwork::patch`] wrote.
pub(super) fn unmark() -> Value {
    let notes = [
        CREATED_BY,
        VALUES_FROM,
        EXPIRES_AT,
        PORT_BASE,
        GOOD_REVISION,
        REGISTRY,
        KEEP_NAMESPACE,
    ];
    let gone: BTreeMap<&str, Value> = notes.map(|note| (note, Value::Null)).into();
    json!({"metadata": {"labels": {NETWORK: null}, "annotations": gone}})
}

/// # Errors
/// [`NamespaceError::BadName`]: not a DNS label, or too long for a namespace's name around it.
pub fn check_name(name: &str) -> Result<(), NamespaceError> {
    label::check(name, LONGEST_NAME).map_err(|source| NamespaceError::BadName {
        name: name.to_owned(),
        source,
    })
}
