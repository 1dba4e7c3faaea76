//! A Kubernetes cluster to run networks on, and who provides it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};

/// Who provides the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Provider {
    /// Upstream Kubernetes run by aznet itself, see [`crate::provider::embedded`].
    Embedded,
    /// An existing cluster: a context of the user's kubeconfig.
    Context(String),
}

/// The text names no provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no cluster provider `{given}`: expected `embedded` or `context:NAME`")]
pub struct UnknownProvider {
    given: String,
}

impl FromStr for Provider {
    type Err = UnknownProvider;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            None if text == "embedded" => Ok(Self::Embedded),
            Some(("context", name)) if !name.is_empty() => Ok(Self::Context(name.to_owned())),
            _ => Err(UnknownProvider {
                given: text.to_owned(),
            }),
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => f.write_str("embedded"),
            Self::Context(name) => write!(f, "context:{name}"),
        }
    }
}

/// A cluster that answered, and how to reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Its name: an embedded cluster's own, otherwise the context's.
    pub name: String,
    /// Who provides it.
    pub provider: Provider,
    /// The kubeconfig file; `None` means the user's own (`KUBECONFIG`, else `~/.kube/config`).
    pub kubeconfig: Option<PathBuf>,
}

/// The kubeconfig could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The file or the context in it is not usable.
    #[error("no usable kubeconfig for context `{context}`; check `kubectl config get-contexts`")]
    Kubeconfig {
        /// The context asked for.
        context: String,
        /// What kube says.
        #[source]
        source: KubeconfigError,
    },
    /// The client could not be made from it.
    #[error("no Kubernetes client for context `{context}`")]
    Client {
        /// The context asked for.
        context: String,
        /// What kube says.
        #[source]
        source: kube::Error,
    },
}

impl Cluster {
    /// An existing cluster, by the name of its context in the user's kubeconfig. Nothing is contacted.
    pub fn existing(context: impl Into<String>) -> Self {
        let name = context.into();
        Self {
            provider: Provider::Context(name.clone()),
            name,
            kubeconfig: None,
        }
    }

    /// The context in the kubeconfig that means this cluster.
    pub fn context(&self) -> String {
        match &self.provider {
            Provider::Embedded => format!("aznet-{}", self.name),
            Provider::Context(name) => name.clone(),
        }
    }

    /// A client of its API. Nothing is contacted.
    ///
    /// # Errors
    /// When the kubeconfig is missing, unreadable or has no such context.
    pub async fn client(&self) -> Result<kube::Client, ClientError> {
        let context = self.context();
        let options = KubeConfigOptions {
            context: Some(context.clone()),
            ..KubeConfigOptions::default()
        };
        let config = match &self.kubeconfig {
            Some(path) => match Kubeconfig::read_from(path) {
                Ok(file) => kube::Config::from_custom_kubeconfig(file, &options).await,
                Err(source) => Err(source),
            },
            None => kube::Config::from_kubeconfig(&options).await,
        };
        let config = config.map_err(|source| ClientError::Kubeconfig {
            context: context.clone(),
            source,
        })?;
        kube::Client::try_from(config).map_err(|source| ClientError::Client { context, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_are_read_as_they_are_written() {
        for text in ["embedded", "context:staging"] {
            let provider: Provider = text.parse().unwrap();
            assert_eq!(provider.to_string(), text);
        }
        for text in ["", "kind", "context:", "Embedded", "embedded:x"] {
            assert!(text.parse::<Provider>().is_err(), "{text}");
        }
    }
}
