//! Removing a network: done only when nothing of it is left.

mod error;
mod held;
mod uninstall;

use std::fmt::Debug;
use std::time::{Duration, Instant};

use aznet_model::units::some;
use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::{Deployment, ReplicaSet, StatefulSet},
        core::v1::{Namespace, NamespaceCondition, PersistentVolume, PersistentVolumeClaim, Pod},
    },
};
use kube::{
    Api, Resource, ResourceExt,
    api::{DeleteParams, ListParams, ObjectList},
    core::PartialObjectMeta,
};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

pub use self::{error::DownError, held::Held, uninstall::uninstall};

use crate::deploy::{Progress, Reporter};
use crate::namespace::{NamespaceError, Network};
use aznet_kit::wait::{self, Deadline, Look, WaitError};

/// Seconds a pod gets to end by itself; its data goes away anyway.
const GRACE: u32 = 1;
/// How long ending what runs may take before the namespace is deleted all the same.
const DRAIN_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// So much longer for each pod: the API server ends them one after the other.
const FOR_EACH: Duration = Duration::from_millis(250);
/// What is left is looked at less often for each so many pods: a look costs the more of them there are, and they take the
/// longer to go.
const MANY: u32 = 250;
/// How many of what is left are asked for, and named.
const NAMED: u32 = 20;

/// Removes the network's release, namespace and volumes, and waits until they are gone; longer than `deadline` where there
/// are many pods. A namespace that is not only the network's is for [`uninstall`].
///
/// # Errors
/// [`DownError`]; [`WaitError`] names what is still there, [`DownError::Held`] the finalizers that keep it.
pub async fn down(
    network: &Network,
    deadline: Duration,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<(), DownError> {
    let start = Instant::now();
    let pods = pods(network).await?;
    // A namespace that still has pods is looked at again only after their grace period; an empty one goes at once.
    match drain(network, for_so_many(pods, DRAIN_WITHIN), report, cancel).await {
        Err(DownError::Wait(ended @ WaitError::Cancelled { .. })) => return Err(ended.into()),
        Err(error) => tracing::debug!(%error, "the namespace goes with what is still in it"),
        Ok(()) => {}
    }
    // Everything of a release is in its namespace, Helm's own record included.
    network.delete_namespace().await?;
    let what = format!("namespace {} to be gone", network.namespace());
    let deadline = for_so_many(pods, deadline);
    let left_of_it = deadline.after.saturating_sub(start.elapsed());
    let deadline = Deadline::after(left_of_it).every(deadline.every);
    let gone = wait::until(what, deadline, cancel, |_| async move {
        let Some(left) = left(network).await? else {
            return Ok(Look::Done(()));
        };
        report(Progress::Removing {
            waited: start.elapsed(),
            left: left.clone(),
        });
        Ok(Look::Pending(left))
    });
    match gone.await {
        Err(DownError::Wait(wait @ WaitError::TimedOut { .. })) => {
            Err(explain(network, wait).await)
        }
        ended => ended,
    }
}

/// A removal that takes too long is mostly one that a finalizer holds.
async fn explain(network: &Network, wait: WaitError) -> DownError {
    let held = held::in_namespace(network.client(), network.namespace()).await;
    if held.is_empty() {
        return wait.into();
    }
    DownError::Held {
        network: network.name().to_owned(),
        namespace: network.namespace().to_owned(),
        held,
        wait,
    }
}

/// Ends what runs and gives its volumes back; done when no pod and no claim is left.
async fn drain(
    network: &Network,
    deadline: Deadline,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<(), DownError> {
    end(network)
        .await
        .map_err(|source| network.failed("end what runs", source))?;
    wait::until(
        "pods and volume claims to be gone",
        deadline,
        cancel,
        |waited| async move {
            let (pods, claims) = futures::try_join!(
                first::<Pod>(network),
                first::<PersistentVolumeClaim>(network)
            )
            .map_err(|source| network.failed("look for what is left", source))?;
            if pods
                .iter()
                .any(|pod| pod.meta().deletion_timestamp.is_none())
            {
                // A controller that hadn't heard yet has made another.
                end_pods(network)
                    .await
                    .map_err(|source| network.failed("end what runs", source))?;
            }
            let left = match (pods.items.is_empty(), in_all(&claims)) {
                (true, 0) => return Ok(Look::Done(())),
                (true, claims) => format!("volume claims ({claims})"),
                (false, _) => pods_left(&pods),
            };
            report(Progress::Removing {
                waited,
                left: left.clone(),
            });
            Ok(Look::Pending(left))
        },
    )
    .await
}

/// Workloads first, so that nothing makes their pods and claims anew; their pods are orphaned, or the garbage
/// collector would be quicker than we are and give each its full grace period.
async fn end(network: &Network) -> Result<(), kube::Error> {
    let (sets, deployments): (Api<StatefulSet>, Api<Deployment>) = (network.api(), network.api());
    let replica_sets: Api<ReplicaSet> = network.api();
    let claims: Api<PersistentVolumeClaim> = network.api();
    let (all, orphan) = (ListParams::default(), DeleteParams::orphan());
    sets.delete_collection(&orphan, &all).await?;
    deployments.delete_collection(&orphan, &all).await?;
    replica_sets.delete_collection(&orphan, &all).await?;
    end_pods(network).await?;
    let background = DeleteParams::background();
    claims.delete_collection(&background, &all).await.map(drop)
}

async fn end_pods(network: &Network) -> Result<(), kube::Error> {
    let pods: Api<Pod> = network.api();
    let soon = DeleteParams::default().grace_period(GRACE);
    pods.delete_collection(&soon, &ListParams::default())
        .await
        .map(drop)
}

/// How long so many pods may take to go, and how often they are looked at.
fn for_so_many(pods: u32, usual: Duration) -> Deadline {
    Deadline::after(usual + FOR_EACH * pods).every(LOOK_EVERY * (1 + pods / MANY))
}

type Few<K> = ObjectList<PartialObjectMeta<K>>;

/// The first few of what is there, and only what they are called: this is asked again and again while hundreds go.
async fn first<K>(network: &Network) -> Result<Few<K>, kube::Error>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + DeserializeOwned
        + Debug,
{
    let few = ListParams::default().limit(NAMED);
    network.api::<K>().list_metadata(&few).await
}

/// How many pods the network has.
async fn pods(network: &Network) -> Result<u32, NamespaceError> {
    let pods = first::<Pod>(network).await;
    let pods = pods.map_err(|source| network.failed("count pods", source))?;
    Ok(u32::try_from(in_all(&pods)).unwrap_or(u32::MAX))
}

/// How many there are, those that were not asked for included.
fn in_all<K: Clone>(few: &Few<K>) -> usize {
    let others = few.metadata.remaining_item_count.unwrap_or(0);
    few.items.len() + usize::try_from(others).unwrap_or(0)
}

fn pods_left(pods: &Few<Pod>) -> String {
    let names = pods.iter().map(ResourceExt::name_any);
    format!("pods {}", some(names, in_all(pods)))
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
    match first::<Pod>(network).await {
        Ok(pods) if !pods.items.is_empty() => return pods_left(&pods),
        _ => {}
    }
    let conditions = namespace
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_deref())
        .unwrap_or_default();
    // Finalizers explain why content remains.
    let rank = |condition: &&NamespaceCondition| condition.type_ != "NamespaceFinalizersRemaining";
    conditions
        .iter()
        .filter(|condition| condition.status == "True")
        .min_by_key(rank)
        .and_then(|condition| condition.message.clone())
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

#[cfg(test)]
mod tests;
