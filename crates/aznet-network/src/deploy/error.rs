//! Why a network isn't up, or isn't what its values say.

use aznet_kit::{error::chain, wait::WaitError};
use aznet_model::upgrade::ManifestError;

use super::{
    helm::{HelmError, ReleaseInfo},
    watchdog::Cause,
};
use crate::{
    namespace::NamespaceError,
    observe::{evidence::Evidence, watch::Refused},
    removal::DownError,
    secrets::SecretsError,
};

/// Why a network isn't up.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// No namespace.
    #[error(transparent)]
    Namespace(#[from] NamespaceError),
    /// Helm refused. A new network's namespace is removed, an upgraded network is as before.
    #[error("can't apply the chart to network {network}")]
    Helm {
        /// The network.
        network: String,
        /// Why.
        #[source]
        source: HelmError,
    },
    /// The Secrets that it needs are not there.
    #[error("network {network} is not started, and nothing of it is left")]
    Secrets {
        /// The network.
        network: String,
        /// What was waited for.
        #[source]
        source: SecretsError,
    },
    /// It was not started, and removing what was made failed too.
    #[error(
        "{}; its namespace stays behind, remove it with `aznet down {network}`", chain(&**failure)
    )]
    LeftBehind {
        /// The network.
        network: String,
        /// Why it was not started.
        failure: Box<DeployError>,
        /// Why the namespace stays.
        #[source]
        source: DownError,
    },
    /// It can't come up.
    #[error("network {network} failed to start: {cause}")]
    Failed {
        /// The network.
        network: String,
        /// Its namespace, which is kept.
        namespace: String,
        /// What keeps it.
        cause: Box<Cause>,
        /// What was there.
        evidence: Box<Evidence>,
    },
    /// It may not be looked at.
    #[error("can't see network {network} come up")]
    Unseen {
        /// The network.
        network: String,
        /// What is refused.
        #[source]
        source: Refused,
    },
    /// Someone removed it.
    #[error("network {network} was removed while it came up")]
    Removed {
        /// The network.
        network: String,
    },
    /// It isn't up in time.
    #[error("network {network} did not become ready in time")]
    TooLate {
        /// The network.
        network: String,
        /// Its namespace, which is kept.
        namespace: String,
        /// What was waited for.
        #[source]
        wait: WaitError,
        /// What was there.
        evidence: Box<Evidence>,
    },
}

/// Why it can't be told what an upgrade would do.
#[derive(Debug, thiserror::Error)]
pub enum UpgradeError {
    /// Helm did not tell.
    #[error(transparent)]
    Helm(#[from] HelmError),
    /// Another change has not ended.
    #[error(
        "release {} is {} since {}: someone is changing it, or was killed while at it; `aznet up` waits for the former and undoes the latter",
        .0.name, .0.status, .0.updated
    )]
    UnderWay(ReleaseInfo),
    /// Helm's answer was not understood.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

impl DeployError {
    /// Whether the caller ended it.
    pub const fn is_cancelled(&self) -> bool {
        matches!(
            self,
            Self::TooLate {
                wait: WaitError::Cancelled { .. },
                ..
            } | Self::Helm {
                source: HelmError::Cancelled { .. },
                ..
            } | Self::Secrets {
                source: SecretsError::Wait(WaitError::Cancelled { .. }),
                ..
            }
        )
    }
}
