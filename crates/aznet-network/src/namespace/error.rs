//! Why there is no such network.

use aznet_kit::wait::WaitError;
use aznet_model::label::LabelError;

use crate::api::ApiError;

/// Why there is no such network.
#[derive(Debug, thiserror::Error)]
pub enum NamespaceError {
    /// The name can't be part of a namespace's name.
    #[error("`{name}` is not a valid network name")]
    BadName {
        /// The name.
        name: String,
        /// What is wrong.
        #[source]
        source: LabelError,
    },
    /// There is one of that name.
    #[error(
        "a network `{name}` runs on cluster {cluster} already (namespace {namespace}, made by {created_by}); choose another --name, remove it with `aznet down {name}`, or make it yours with --take-over"
    )]
    NameTaken {
        /// The name.
        name: String,
        /// The cluster.
        cluster: String,
        /// Its namespace.
        namespace: String,
        /// Its maker.
        created_by: String,
    },
    /// The namespace given is another network's.
    #[error(
        "namespace {namespace} on cluster {cluster} has the network `{there}` already, and a namespace holds one; \
         `aznet up --name {there}` changes that one"
    )]
    Occupied {
        /// The namespace.
        namespace: String,
        /// The cluster.
        cluster: String,
        /// The network that is there.
        there: String,
    },
    /// The namespace given is not there.
    #[error(
        "there is no namespace {namespace} on cluster {cluster}; `kubectl create namespace {namespace}` makes it"
    )]
    NoNamespace {
        /// The namespace.
        namespace: String,
        /// The cluster.
        cluster: String,
    },
    /// There is none of that name.
    #[error("no network `{name}` on cluster {cluster}; {}", running(known))]
    NotFound {
        /// The name.
        name: String,
        /// The cluster.
        cluster: String,
        /// The networks there are.
        known: Vec<String>,
    },
    /// No name was given and there is none or more than one.
    #[error("which network on cluster {cluster}? {}", running(known))]
    NotOne {
        /// The cluster.
        cluster: String,
        /// The networks there are.
        known: Vec<String>,
    },
    /// The Kubernetes API failed.
    #[error("can't {doing} on cluster {cluster}")]
    Api {
        /// What was tried.
        doing: String,
        /// The cluster.
        cluster: String,
        /// Why it failed.
        #[source]
        source: ApiError,
    },
}

/// Why the turn at a network can't be had.
#[derive(Debug, thiserror::Error)]
pub enum TurnError {
    /// The Kubernetes API failed.
    #[error(transparent)]
    Api(#[from] NamespaceError),
    /// Another still has it.
    #[error(transparent)]
    Wait(#[from] WaitError),
    /// Another has it, who has renewed it meanwhile.
    #[error("{holder} is at it: network {network} is changed by one at a time")]
    Held {
        /// Name of the network.
        network: String,
        /// Who has it.
        holder: String,
    },
}

pub(crate) fn failed(doing: &str, cluster: &str, source: kube::Error) -> NamespaceError {
    NamespaceError::Api {
        doing: doing.to_owned(),
        cluster: cluster.to_owned(),
        source: source.into(),
    }
}

fn running(known: &[String]) -> String {
    if known.is_empty() {
        "none runs there".into()
    } else {
        format!("running: {}", known.join(", "))
    }
}
