//! Removing a network from a namespace that stays: the release goes, and nothing else.

use std::time::Duration;

use aznet_kit::wait::{self, Look};
use aznet_model::units::some;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kube::{Api, ResourceExt, api::ListParams};
use tokio_util::sync::CancellationToken;

use super::{error::DownError, for_so_many};
use crate::deploy::helm::Helm;
use crate::deploy::{Progress, Reporter};
use crate::namespace::Network;
use crate::observe::pods::NETWORK_PODS;

/// Uninstalls the network's release, waits until its pods and the volumes that go with it are gone, and takes its labels
/// off the namespace; longer than `deadline` where there are many pods. Returns the volume claims that the release retains.
///
/// # Errors
/// [`DownError`]; the namespace is still the network's then.
pub async fn uninstall(
    network: &Network,
    helm: &Helm,
    deadline: Duration,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<Vec<String>, DownError> {
    let (name, namespace) = (network.name(), network.namespace());
    let pods = Left::of(network).await?.pods.len();
    let deadline = for_so_many(u32::try_from(pods).unwrap_or(u32::MAX), deadline);
    helm.uninstall(name, namespace, cancel).await?;
    let what = format!("the pods of network {name} to be gone");
    let retained = wait::until(what, deadline, cancel, |waited| async move {
        let left = Left::of(network).await?;
        let Some(words) = left.words() else {
            return Ok::<_, DownError>(Look::Done(left.retained));
        };
        report(Progress::Removing {
            waited,
            left: words.clone(),
        });
        Ok(Look::Pending(words))
    });
    let retained = retained.await?;
    network.unmark().await?;
    Ok(retained)
}

/// What is still there of a release that was uninstalled.
#[derive(Default)]
struct Left {
    pods: Vec<String>,
    /// Claims that go with their StatefulSet.
    going: usize,
    /// Claims that stay.
    retained: Vec<String>,
}

impl Left {
    async fn of(network: &Network) -> Result<Self, DownError> {
        let ours = format!(
            "{NETWORK_PODS},app.kubernetes.io/instance={}",
            network.name()
        );
        let ours = ListParams::default().labels(&ours);
        let (pods, claims): (Api<Pod>, Api<PersistentVolumeClaim>) = (network.api(), network.api());
        let (pods, claims) = futures::try_join!(pods.list(&ours), claims.list(&ours))
            .map_err(|source| network.failed("look for what is left", source))?;
        let (going, retained): (Vec<_>, Vec<_>) = claims.iter().partition(|claim| goes(claim));
        Ok(Self {
            pods: pods.iter().map(ResourceExt::name_any).collect(),
            going: going.len(),
            retained: retained.iter().map(|claim| claim.name_any()).collect(),
        })
    }

    fn words(&self) -> Option<String> {
        match (self.pods.as_slice(), self.going) {
            ([], 0) => None,
            ([], claims) => Some(format!("volume claims ({claims})")),
            (pods, _) => Some(format!("pods {}", some(pods, pods.len()))),
        }
    }
}

/// A claim that nobody deletes and nothing owns is retained.
fn goes(claim: &PersistentVolumeClaim) -> bool {
    claim.metadata.deletion_timestamp.is_some() || !claim.owner_references().is_empty()
}
