//! Bringing networks up and changing them.

mod drift;
mod error;
pub mod helm;
mod job;
mod progress;
mod ready;
mod registry;
mod watchdog;

use std::{collections::BTreeSet, path::Path, time::Duration};

use aznet_model::plan::SecretPlan;
use aznet_model::upgrade::{Manifest, Upgrade, Wanted, compare};
use jiff::Timestamp;
use kube::Client;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

pub use self::{
    drift::{Drift, drift, scale_back},
    error::{DeployError, UpgradeError},
    progress::{Progress, Reporter},
    ready::until_ready,
    registry::registry,
    watchdog::Cause,
};

use self::helm::{Helm, HelmError, Release};
use crate::{
    namespace::{Network, NewNetwork},
    removal::{down, uninstall},
    secrets::{Unfit, until_fit},
};

/// How long somebody may take to make the Secrets of a new network: its namespace has to be there first.
const SECRETS_WITHIN: Duration = Duration::from_mins(15);
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
    /// Secrets that the values name.
    pub secrets: &'a [SecretPlan],
}

/// Makes a network: namespace, the Secrets that somebody else makes in it, chart; then waits until all pods serve and the
/// first checkpoint is on L1.
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
    let begun = Timestamp::now();
    if let Err(failure) = apply(&network, chart, report, cancel).await {
        return Err(clean_up(&network, chart.helm, failure, report).await);
    }
    ready::until_ready_since(begun, &network, deadline, report, cancel).await?;
    Ok(network)
}

/// The images that the pods of a chart with its values run; asks no cluster.
///
/// # Errors
/// [`UpgradeError`].
pub async fn images(
    name: &str,
    chart: &Chart<'_>,
    cancel: &CancellationToken,
) -> Result<BTreeSet<String>, UpgradeError> {
    let release = Release {
        name,
        namespace: name,
        chart: chart.path,
        overlay: chart.overlay,
    };
    let manifest = Manifest::parse(&chart.helm.render(&release, cancel).await?)?;
    Ok(manifest.images().into_iter().map(str::to_owned).collect())
}

/// What [`upgrade`] would do; changes nothing.
///
/// # Errors
/// [`UpgradeError`]; [`UpgradeError::UnderWay`] until [`Helm::recover`] has dealt with an upgrade that has not ended.
pub async fn preview(
    network: &Network,
    chart: &Chart<'_>,
    wanted: &Wanted<'_>,
    cancel: &CancellationToken,
) -> Result<Upgrade, UpgradeError> {
    let (name, namespace) = (network.name(), network.namespace());
    let release = chart.release(network);
    match chart.helm.status(name, namespace, cancel).await? {
        Some(info) if !info.is_half_made() => {
            if info.is_pending() {
                return Err(UpgradeError::UnderWay(info));
            }
        }
        _ => {
            // It is made anew, and nothing that runs changes.
            let after = Manifest::parse(&chart.helm.render(&release, cancel).await?)?;
            return Ok(compare(&after, &after, wanted));
        }
    }
    let before = chart.helm.manifest(name, namespace, cancel).await?;
    let before = Manifest::parse(&before.unwrap_or_default())?;
    let after = chart.helm.upgraded_manifest(&release, cancel).await?;
    let after = Manifest::parse(&after)?;
    Ok(compare(&before, &after, wanted))
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
    let begun = Timestamp::now();
    let applied = tokio::select! {
        applied = chart.helm.upgrade(&release, cancel) => applied,
        never = job::tell(network, begun, report) => match never {},
    };
    applied.map_err(|source| DeployError::Helm {
        network: network.name().to_owned(),
        source,
    })?;
    ready::until_ready_since(begun, network, deadline, report, cancel).await
}

/// Takes a network back to a revision of its release, and waits until it is as that says.
///
/// # Errors
/// [`DeployError`].
pub async fn roll_back(
    network: &Network,
    (helm, revision): (&Helm, &str),
    deadline: Duration,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<(), DeployError> {
    let (name, namespace) = (network.name(), network.namespace());
    report(Progress::Applying {
        release: format!("{name}, revision {revision}"),
    });
    let begun = Timestamp::now();
    let back = helm
        .roll_back(name, namespace, Some(revision), cancel)
        .await;
    back.map_err(|source| DeployError::Helm {
        network: name.to_owned(),
        source,
    })?;
    ready::until_ready_since(begun, network, deadline, report, cancel).await
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

/// Waits for the Secrets that pods can't start without, then applies the chart.
async fn apply(
    network: &Network,
    chart: &Chart<'_>,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<(), DeployError> {
    let name = network.name().to_owned();
    let tell = |unfit: &[Unfit]| {
        report(Progress::Lacks {
            unfit: unfit.to_vec(),
        });
    };
    let fit = until_fit(network, chart.secrets, SECRETS_WITHIN, cancel, tell).await;
    let warnings = fit.map_err(|source| DeployError::Secrets {
        network: name.clone(),
        source,
    })?;
    report(Progress::Odd { warnings });
    report(Progress::Applying {
        release: name.clone(),
    });
    let installed = chart.helm.install(&chart.release(network), cancel).await;
    installed.map_err(|source| DeployError::Helm {
        network: name,
        source,
    })
}

/// Cleans up even when the caller has given up.
async fn clean_up(
    network: &Network,
    helm: &Helm,
    failure: DeployError,
    report: &Reporter,
) -> DeployError {
    if let DeployError::Helm {
        source: HelmError::NameTaken(_),
        ..
    } = failure
    {
        // A release of plain Helm's is in the namespace, and not ours to remove.
        return failure;
    }
    let (within, never) = (CLEAN_UP_WITHIN, CancellationToken::new());
    let removed = if network.info().keeps_namespace {
        let removed = uninstall(network, helm, within, report, &never).await;
        removed.map(drop)
    } else {
        down(network, within, report, &never).await
    };
    match removed {
        Ok(()) => failure,
        Err(source) => DeployError::LeftBehind {
            network: network.name().to_owned(),
            failure: Box::new(failure),
            source,
        },
    }
}
