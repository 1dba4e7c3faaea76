//! Bringing networks up, changing and removing them.

mod evidence;
mod memory;
mod removal;
mod said;
mod settle;
mod watch;
mod watchdog;

use std::{path::Path, sync::Arc, time::Duration};

use aznet_model::{
    plan::Committee,
    upgrade::{Manifest, ManifestError, Upgrade, compare},
};
use jiff::Timestamp;
use kube::Client;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

pub use self::{
    evidence::{Evidence, Warning},
    removal::{DownError, down},
    settle::settle,
    watchdog::Cause,
};

use crate::{
    helm::{Helm, HelmError, Release},
    namespace::{NamespaceError, Network, NewNetwork},
    nodes::PodState,
    wait::WaitError,
};

/// How long removing what a failed install has made may take.
const CLEAN_UP_WITHIN: Duration = Duration::from_mins(1);

/// What is deployed.
#[derive(Debug, Clone, Copy)]
pub struct Chart<'a> {
    /// Helm, set to the network's cluster.
    pub helm: &'a Helm,
    /// Folder of the chart.
    pub path: &'a Path,
    /// Values laid over the chart's defaults.
    pub overlay: &'a Map<String, Value>,
}

/// How a deployment goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// The namespace is there.
    Namespace {
        /// Its name.
        namespace: String,
    },
    /// Helm applies the chart.
    Applying {
        /// The release.
        release: String,
    },
    /// The pods, each time something changed and once a second.
    Pods {
        /// Since the chart was applied.
        waited: Duration,
        /// Pods wanted in all.
        wanted: u32,
        /// Every pod and what it does; see [`crate::nodes::Phase::words`].
        pods: Vec<PodState>,
        /// Whether all of them serve, as the values say; nothing more is told of them then.
        settled: bool,
    },
    /// The chain, once a node serves that can tell of it; other pods may still start.
    Chain {
        /// Since the chart was applied.
        waited: Duration,
        /// How far it is, in words.
        seen: String,
        /// Whether a checkpoint is on L1; nothing more is told of it then.
        moving: bool,
    },
    /// The network is being removed.
    Removing {
        /// Since it was asked for.
        waited: Duration,
        /// What is still there, in words.
        left: String,
    },
}

/// Hears of progress.
pub type Reporter = Arc<dyn Fn(Progress) + Send + Sync>;

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
    /// Helm refused, and removing the new namespace failed too.
    #[error(
        "can't apply the chart to network {network} ({failure}), and its namespace stays behind; remove it with `aznet down {network}`"
    )]
    LeftBehind {
        /// The network.
        network: String,
        /// Helm's failure.
        failure: Box<HelmError>,
        /// Why the namespace stays.
        #[source]
        source: DownError,
    },
    /// It can't come up.
    #[error("network {network} can't come up: {cause}")]
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
    /// It isn't up in time.
    #[error("network {network} isn't up")]
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
            }
        )
    }
}

/// Makes a network: namespace, chart, and then waits until all pods serve and the first checkpoint is on L1.
/// A network whose pods don't come up is left as it is, to be looked at; [`down`] removes it.
///
/// # Errors
/// [`DeployError`].
pub async fn deploy(
    client: Client,
    new: &NewNetwork,
    chart: &Chart<'_>,
    deadline: Duration,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<Network, DeployError> {
    let network = Network::create(client, new, Timestamp::now()).await?;
    report(Progress::Namespace {
        namespace: network.namespace().to_owned(),
    });
    report(Progress::Applying {
        release: network.name().to_owned(),
    });
    if let Err(failure) = chart.helm.install(&chart.release(&network), cancel).await {
        return Err(clean_up(&network, failure, report).await);
    }
    settle(&network, deadline, report, cancel).await?;
    Ok(network)
}

/// What [`upgrade`] would do; changes nothing. `committee` is that of the new values.
///
/// # Errors
/// [`UpgradeError`].
pub async fn preview(
    network: &Network,
    chart: &Chart<'_>,
    committee: &Committee,
    cancel: &CancellationToken,
) -> Result<Upgrade, UpgradeError> {
    let (name, namespace) = (network.name(), network.namespace());
    let before = chart.helm.manifest(name, namespace, cancel).await?;
    let before = Manifest::parse(&before.unwrap_or_default())?;
    let release = chart.release(network);
    let after = chart.helm.upgraded_manifest(&release, cancel).await?;
    let after = Manifest::parse(&after)?;
    Ok(compare(&before, &after, committee))
}

/// Changes a network to other values, and waits until it is as they say.
///
/// # Errors
/// [`DeployError`].
pub async fn upgrade(
    network: &Network,
    chart: &Chart<'_>,
    deadline: Duration,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<(), DeployError> {
    report(Progress::Applying {
        release: network.name().to_owned(),
    });
    let release = chart.release(network);
    chart
        .helm
        .upgrade(&release, cancel)
        .await
        .map_err(|source| DeployError::Helm {
            network: network.name().to_owned(),
            source,
        })?;
    settle(network, deadline, report, cancel).await
}

impl Chart<'_> {
    fn release<'a>(&'a self, network: &'a Network) -> Release<'a> {
        Release {
            name: network.name(),
            namespace: network.namespace(),
            chart: self.path,
            overlay: self.overlay,
        }
    }
}

/// Cleans up even when the caller has given up.
async fn clean_up(network: &Network, failure: HelmError, report: &Reporter) -> DeployError {
    let name = network.name().to_owned();
    match down(network, CLEAN_UP_WITHIN, report, &CancellationToken::new()).await {
        Ok(()) => DeployError::Helm {
            network: name,
            source: failure,
        },
        Err(source) => DeployError::LeftBehind {
            network: name,
            failure: Box::new(failure),
            source,
        },
    }
}
