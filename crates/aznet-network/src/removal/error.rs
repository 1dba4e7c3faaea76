//! Why a network isn't gone.

use aznet_kit::wait::WaitError;

use super::held::Held;
use crate::deploy::helm::HelmError;
use crate::namespace::NamespaceError;

/// Why a network isn't gone.
#[derive(Debug, thiserror::Error)]
pub enum DownError {
    /// The Kubernetes API failed.
    #[error(transparent)]
    Api(#[from] NamespaceError),
    /// Helm did not uninstall the release.
    #[error(transparent)]
    Helm(#[from] HelmError),
    /// Something of it is still there.
    #[error(transparent)]
    Wait(#[from] WaitError),
    /// Finalizers hold it.
    #[error("namespace {namespace} can't be removed: {}", listed(held))]
    Held {
        /// The network.
        network: String,
        /// Its namespace.
        namespace: String,
        /// What is held, and by what.
        held: Vec<Held>,
        /// What was waited for.
        #[source]
        wait: WaitError,
    },
}

fn listed(held: &[Held]) -> String {
    let held: Vec<String> = held.iter().map(ToString::to_string).collect();
    held.join("; ")
}
