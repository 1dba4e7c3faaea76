//! All faults of a network lifted, whoever made them.

use aznet_kit::error::chain;
use aznet_kit::wait::{self, Deadline, Look};
use aznet_network::deploy::helm::Helm;
use aznet_network::namespace::Network;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::undo::{Before, TAKING_BACK, clean, let_go, there};
use crate::emulate;
use crate::error::ChaosError;
use crate::journal;
use crate::objects::OURS;
use crate::pods;
use crate::restorer;
use crate::trace::Traces;

/// How releases of our chart are called by Helm, before the version.
const CHART: &str = "aztec-chaos-";

/// What was cleared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Cleared {
    /// Experiments that were lifted, as `kind/name`.
    pub experiments: Vec<String>,
    /// Those that their controller would not let go.
    pub forced: Vec<String>,
}

/// Lifts every fault of a network, and of this network only, and sees that nothing is left.
///
/// # Errors
/// [`ChaosError`].
pub async fn clear(
    network: &Network,
    helm: &Helm,
    cancel: &CancellationToken,
) -> Result<Cleared, ChaosError> {
    let mut experiments = there(network, OURS).await?;
    experiments.extend(restore(network, cancel).await?);
    restorer::remove(network, OURS, cancel).await?;
    for release in helm.list(Some(network.namespace()), cancel).await? {
        if release.chart.starts_with(CHART) {
            helm.uninstall(&release.name, network.namespace(), cancel)
                .await?;
        }
    }
    emulate::stop_all(network.client(), network.namespace()).await?;
    let forced = let_go(network, OURS, cancel).await?;
    let (what, pods) = ("all experiments", pods::list(network).await?);
    // Whatever is there is theirs: nothing is left that could be using it.
    let traces = Some(&Traces::new());
    clean(
        network,
        what,
        &Before {
            pods: &pods,
            traces,
            by_force: true,
            labels: OURS,
        },
        cancel,
    )
    .await?;
    Ok(Cleared {
        experiments,
        forced,
    })
}

/// Gives pods back what was noted of them; names the experiments. Pods that are gone took it with them.
async fn restore(network: &Network, cancel: &CancellationToken) -> Result<Vec<String>, ChaosError> {
    let mut restored = Vec::new();
    for page in journal::read(network, OURS).await? {
        for (name, before) in page.notes {
            for (pod, before) in &before {
                let what = format!("experiment {name} to be taken back from {pod}");
                let deadline = Deadline::after(TAKING_BACK);
                wait::until(what, deadline, cancel, |_| async move {
                    if !pods::list(network).await?.contains_key(pod) {
                        return Ok(Look::Done(()));
                    }
                    match before.restore(network, pod).await {
                        Ok(()) => Ok(Look::Done(())),
                        Err(error) if error.is_of_asking() => Ok(Look::pending(chain(&error))),
                        Err(other) => Err(other),
                    }
                })
                .await?;
            }
            restored.push(format!("aznet/{name}"));
        }
    }
    Ok(restored)
}
