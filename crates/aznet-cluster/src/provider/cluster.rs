//! A Kubernetes cluster to run networks on, and how to reach it.

use std::path::PathBuf;

use super::client::{self, ClientError};

/// A cluster, and how to reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Its name: an embedded cluster's own, otherwise the context's.
    pub name: String,
    /// The kubeconfig file; `None` means the user's own (`KUBECONFIG`, else `~/.kube/config`).
    pub kubeconfig: Option<PathBuf>,
    context: String,
}

impl Cluster {
    /// An existing cluster, by the name of its context in the user's kubeconfig.
    pub fn existing(context: impl Into<String>) -> Self {
        let context = context.into();
        Self {
            name: context.clone(),
            kubeconfig: None,
            context,
        }
    }

    /// An embedded cluster.
    pub(crate) fn embedded(name: &str, kubeconfig: PathBuf) -> Self {
        Self {
            name: name.to_owned(),
            kubeconfig: Some(kubeconfig),
            context: format!("aznet-{name}"),
        }
    }

    /// A cluster of kind.
    pub(crate) fn of_kind(name: &str, kubeconfig: PathBuf) -> Self {
        Self {
            name: name.to_owned(),
            kubeconfig: Some(kubeconfig),
            context: format!("kind-{name}"),
        }
    }

    /// The context in the kubeconfig that means this cluster.
    pub fn context(&self) -> String {
        self.context.clone()
    }

    /// A client of its API. Nothing is contacted.
    ///
    /// # Errors
    /// When the kubeconfig is missing, unreadable or has no such context.
    pub async fn client(&self) -> Result<kube::Client, ClientError> {
        match &self.kubeconfig {
            Some(path) => client::direct(&self.context, path),
            None => client::of_context(&self.context).await,
        }
    }
}
