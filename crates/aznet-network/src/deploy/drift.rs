//! Workloads that somebody scaled by hand, past the release.

use std::fmt;

use aznet_model::units::count;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use kube::{
    Api, ResourceExt,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::json;

use crate::{
    namespace::{NamespaceError, Network},
    observe::release::{Release, Replicas},
};

/// A workload that is to have another number of pods than its release says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// What the release says.
    release: Replicas,
    /// What the workload says.
    now: u32,
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, pods) = (&self.release.name, count(self.release.pods as usize, "pod"));
        let now = self.now;
        write!(f, "{name} was scaled to {now}; the release has {pods}")
    }
}

/// The workloads of the release that are scaled otherwise.
///
/// # Errors
/// If the Kubernetes API fails.
pub async fn drift(network: &Network) -> Result<Vec<Drift>, NamespaceError> {
    let Some(release) = Release::of(network).await? else {
        return Ok(Vec::new());
    };
    let all = ListParams::default();
    let failed = |source| network.failed("list workloads", source);
    let sets = network
        .api::<StatefulSet>()
        .list(&all)
        .await
        .map_err(failed)?;
    let deployments = network
        .api::<Deployment>()
        .list(&all)
        .await
        .map_err(failed)?;
    let sets = (sets.items.iter()).map(|set| {
        (
            true,
            set.name_any(),
            set.spec.as_ref().and_then(|spec| spec.replicas),
        )
    });
    let deployments = (deployments.items.iter()).map(|one| {
        (
            false,
            one.name_any(),
            one.spec.as_ref().and_then(|spec| spec.replicas),
        )
    });
    let now: Vec<(bool, String, u32)> = sets
        .chain(deployments)
        .filter_map(|(stateful, name, pods)| Some((stateful, name, u32::try_from(pods?).ok()?)))
        .collect();
    Ok(against(release.replicas(), &now))
}

fn against(release: Vec<Replicas>, now: &[(bool, String, u32)]) -> Vec<Drift> {
    let drift = |release: Replicas| {
        let is_it = |(stateful, name, _): &&(bool, String, u32)| {
            (*stateful, name) == (release.stateful, &release.name)
        };
        let now = now.iter().find(is_it)?.2;
        (now != release.pods).then_some(Drift { release, now })
    };
    release.into_iter().filter_map(drift).collect()
}

/// Scales the workloads back to what the release says.
///
/// # Errors
/// If the Kubernetes API fails.
pub async fn scale_back(network: &Network, drifts: &[Drift]) -> Result<(), NamespaceError> {
    for Drift { release, .. } in drifts {
        let patch = Patch::Merge(json!({"spec": {"replicas": release.pods}}));
        let (name, params) = (&release.name, PatchParams::default());
        let scaled = if release.stateful {
            let sets: Api<StatefulSet> = network.api();
            sets.patch_scale(name, &params, &patch).await
        } else {
            let deployments: Api<Deployment> = network.api();
            deployments.patch_scale(name, &params, &patch).await
        };
        scaled.map_err(|source| network.failed(&format!("scale {name}"), source))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_scaled_otherwise_has_drifted() {
        let replicas = |stateful, name: &str, pods| Replicas {
            stateful,
            name: name.to_owned(),
            pods,
        };
        let release = vec![
            replicas(true, "validator", 4),
            replicas(true, "boot-node", 1),
            replicas(false, "pxe", 1),
            replicas(true, "gone", 1),
        ];
        let now = [
            (true, "validator".to_owned(), 1),
            (true, "boot-node".to_owned(), 1),
            (false, "pxe".to_owned(), 0),
            (true, "pxe".to_owned(), 7),
        ];
        let words: Vec<String> = against(release, &now)
            .iter()
            .map(Drift::to_string)
            .collect();
        assert_eq!(
            words,
            [
                "validator was scaled to 1; the release has 4 pods",
                "pxe was scaled to 0; the release has 1 pod"
            ]
        );
    }
}
