//! The pods of a network and what each is doing.

mod around;
mod describe;
mod message;
mod phase;

use k8s_openapi::api::core::v1::{Event, PersistentVolumeClaim, Pod};
use kube::{Api, api::ListParams};

pub(crate) use self::describe::{condition, containers, speaking_container, workload};
pub use self::{
    around::Around,
    describe::{COMPONENT, NETWORK_PODS, Observed, PodState, describe, event_time},
    message::Message,
    phase::Phase,
};

use crate::namespace::{NamespaceError, Network};

/// The network's pods, by role and name; those that are leaving or done are none of it any more.
///
/// # Errors
/// If the Kubernetes API fails.
pub async fn list(network: &Network) -> Result<Vec<PodState>, NamespaceError> {
    let (pods, events, claims): (Api<Pod>, Api<Event>, Api<PersistentVolumeClaim>) =
        (network.api(), network.api(), network.api());
    let (ours, all) = (
        ListParams::default().labels(NETWORK_PODS),
        ListParams::default(),
    );
    let (pods, events, claims) =
        futures::try_join!(pods.list(&ours), events.list(&all), claims.list(&all))
            .map_err(|source| network.failed("list pods", source))?;
    let around = Around::new(&events.items, &claims.items);
    let mut states: Vec<PodState> = pods
        .iter()
        .filter_map(|pod| {
            describe(Observed {
                pod,
                around: &around,
                message: None,
            })
        })
        .filter(|pod| !matches!(pod.phase, Phase::Finished | Phase::Leaving))
        .collect();
    states.sort_by(|a, b| (a.role, &a.name).cmp(&(b.role, &b.name)));
    Ok(states)
}
