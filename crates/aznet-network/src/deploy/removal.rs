//! Removing a network: done only when nothing of it is left.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, PersistentVolume, Pod};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams},
};
use tokio_util::sync::CancellationToken;

use super::{Progress, Reporter};
use crate::{
    namespace::{NamespaceError, Network},
    wait::{self, Deadline, Step, WaitError},
};

/// Seconds a pod gets to end by itself; its data goes away anyway.
const GRACE: u32 = 1;

/// Why a network isn't gone.
#[derive(Debug, thiserror::Error)]
pub enum DownError {
    /// The Kubernetes API failed.
    #[error(transparent)]
    Api(#[from] NamespaceError),
    /// Something of it is still there.
    #[error(transparent)]
    Wait(#[from] WaitError),
}

/// Removes the network's release, namespace and volumes, and waits until they are gone.
///
/// # Errors
/// [`DownError`]; [`WaitError`] names what is still there.
pub async fn down(
    network: &Network,
    deadline: Duration,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<(), DownError> {
    // Everything of a release is in its namespace, Helm's own record included.
    network.delete_namespace().await?;
    end_pods_soon(network).await;
    let what = format!("namespace {} gone", network.namespace());
    let deadline = Deadline::after(deadline).every(Duration::from_millis(300));
    wait::until(what, deadline, cancel, |waited| async move {
        let Some(left) = left(network).await? else {
            return Ok(Step::Done(()));
        };
        report(Progress::Removing {
            waited,
            left: left.clone(),
        });
        Ok(Step::Pending(left))
    })
    .await
}

/// A namespace's deletion gives each pod its full grace period; a network that goes away needs none.
async fn end_pods_soon(network: &Network) {
    let pods: Api<Pod> = network.api();
    let soon = DeleteParams::default().grace_period(GRACE);
    if let Err(error) = pods.delete_collection(&soon, &ListParams::default()).await {
        tracing::debug!(%error, "pods end in their own time");
    }
}

/// What is still there, in words.
async fn left(network: &Network) -> Result<Option<String>, NamespaceError> {
    let namespaces: Api<Namespace> = Api::all(network.client().clone());
    let found = namespaces
        .get_opt(network.namespace())
        .await
        .map_err(|source| network.failed("look for what is left", source))?;
    match found {
        Some(namespace) => Ok(Some(left_inside(network, &namespace).await)),
        None => volumes_left(network).await,
    }
}

async fn left_inside(network: &Network, namespace: &Namespace) -> String {
    let pods: Api<Pod> = network.api();
    let names = |pods: kube::api::ObjectList<Pod>| {
        pods.iter().map(ResourceExt::name_any).collect::<Vec<_>>()
    };
    let pods = pods
        .list(&ListParams::default())
        .await
        .map(names)
        .unwrap_or_default();
    if !pods.is_empty() {
        return format!("pods {}", pods.join(", "));
    }
    let conditions = namespace
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_deref())
        .unwrap_or_default();
    conditions
        .iter()
        .filter(|condition| condition.status == "True")
        .find_map(|condition| condition.message.clone())
        .unwrap_or_else(|| "the namespace".into())
}

async fn volumes_left(network: &Network) -> Result<Option<String>, NamespaceError> {
    let volumes: Api<PersistentVolume> = Api::all(network.client().clone());
    let all = volumes
        .list(&ListParams::default())
        .await
        .map_err(|source| network.failed("list volumes", source))?;
    let ours = all
        .iter()
        .filter(|volume| is_left(volume, network.namespace()))
        .count();
    Ok((ours > 0).then(|| format!("volumes ({ours})")))
}

/// Volumes that are to be kept (`Retain`) are no remains.
fn is_left(volume: &PersistentVolume, namespace: &str) -> bool {
    let Some(spec) = &volume.spec else {
        return false;
    };
    let claimed = spec
        .claim_ref
        .as_ref()
        .and_then(|claim| claim.namespace.as_deref())
        == Some(namespace);
    claimed && spec.persistent_volume_reclaim_policy.as_deref() == Some("Delete")
}
