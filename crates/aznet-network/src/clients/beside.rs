//! Programs run beside a pod's container, in one of their own that has the same files: for a container that ends too soon to run
//! anything in it.

use std::time::Duration;

use aznet_kit::wait::{self, Deadline, Look, WaitError};
use k8s_openapi::api::core::v1::{Container, EphemeralContainer, Pod};
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{
    api::ApiError,
    namespace::{NamespaceError, Network},
};

/// What starting it takes, at most: its image is there.
const TO_START: Duration = Duration::from_secs(30);

/// Why there is no container beside another.
#[derive(Debug, thiserror::Error)]
pub enum BesideError {
    /// The Kubernetes API failed.
    #[error(transparent)]
    Api(#[from] NamespaceError),
    /// There is nothing to be beside.
    #[error("pod {pod} has no container {container} with a volume {volume}")]
    Missing {
        /// The pod.
        pod: String,
        /// The container.
        container: String,
        /// The volume.
        volume: String,
    },
    /// It does not run.
    #[error(transparent)]
    Wait(#[from] WaitError),
}

/// Adds a container that has the image and the rights of another, and this volume of it, and does nothing for so long; its name.
/// It ends then. That it was there stays in the pod, since Kubernetes takes no ephemeral container out again.
///
/// # Errors
/// [`BesideError`].
pub async fn add(
    network: &Network,
    (pod, container): (&str, &str),
    volume: &str,
    lasts: Duration,
    cancel: &CancellationToken,
) -> Result<String, BesideError> {
    let api: Api<Pod> = network.api();
    let found = api
        .get(pod)
        .await
        .map_err(|source| network.failed(&format!("read pod {pod}"), source))?;
    let added = beside(&found, container, volume, lasts).ok_or_else(|| BesideError::Missing {
        pod: pod.to_owned(),
        container: container.to_owned(),
        volume: volume.to_owned(),
    })?;
    let name = added.name.clone();
    let patch = Patch::Strategic(json!({"spec": {"ephemeralContainers": [added]}}));
    api.patch_ephemeral_containers(pod, &PatchParams::default(), &patch)
        .await
        .map_err(|source| network.failed(&format!("add a container to pod {pod}"), source))?;
    let what = format!("container {name} of pod {pod} to run");
    wait::until(&what, Deadline::after(TO_START), cancel, |_| async {
        let pod = api.get(pod).await.map_err(ApiError::from);
        Ok::<_, WaitError>(Look::or_pending(pod.map(|pod| runs(&pod, &name))))
    })
    .await?;
    Ok(name)
}

fn beside(pod: &Pod, container: &str, volume: &str, lasts: Duration) -> Option<EphemeralContainer> {
    let spec = pod.spec.as_ref()?;
    let like: &Container = spec.containers.iter().find(|one| one.name == container)?;
    let mounts = like.volume_mounts.iter().flatten();
    let mount = mounts.clone().find(|one| one.name == volume)?;
    let before = spec.ephemeral_containers.iter().flatten().count();
    Some(EphemeralContainer {
        name: format!("beside-{}", before + 1),
        image: like.image.clone(),
        image_pull_policy: Some("IfNotPresent".to_owned()),
        command: Some(vec!["sleep".to_owned(), lasts.as_secs().to_string()]),
        security_context: like.security_context.clone(),
        volume_mounts: Some(vec![mount.clone()]),
        ..EphemeralContainer::default()
    })
}

fn runs(pod: &Pod, name: &str) -> Look<()> {
    let status = pod.status.as_ref();
    let all = status.and_then(|status| status.ephemeral_container_statuses.as_ref());
    let one = all.into_iter().flatten().find(|one| one.name == name);
    let Some(state) = one.and_then(|one| one.state.as_ref()) else {
        return Look::pending("the kubelet has not begun");
    };
    if state.running.is_some() {
        return Look::Done(());
    }
    let waiting = state.waiting.as_ref().and_then(|one| one.reason.clone());
    let ended = state.terminated.as_ref().and_then(|one| one.reason.clone());
    Look::Pending(waiting.or(ended).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(added: &serde_json::Value) -> Pod {
        let data = json!({"name": "data", "mountPath": "/data"});
        let bin = json!({"name": "bin", "mountPath": "/aznet/bin"});
        let rights = json!({"allowPrivilegeEscalation": false});
        let node = json!({
            "name": "full-node",
            "image": "aztec:1",
            "securityContext": rights,
            "volumeMounts": [bin, data],
        });
        let spec = json!({"containers": [node], "ephemeralContainers": added});
        serde_json::from_value(json!({"spec": spec})).expect("a pod")
    }

    #[test]
    fn it_is_like_the_other_with_one_volume_and_a_name_of_its_own() {
        let like =
            |added: &serde_json::Value, volume| beside(&pod(added), "full-node", volume, TO_START);
        let first = like(&json!([]), "data").expect("a container");
        assert_eq!(first.name, "beside-1");
        assert_eq!(first.image.as_deref(), Some("aztec:1"));
        assert_eq!(first.volume_mounts.map(|all| all.len()), Some(1));
        let rights = first.security_context.expect("rights");
        assert_eq!(rights.allow_privilege_escalation, Some(false));
        let second = like(&json!([{"name": "beside-1"}]), "data").expect("a container");
        assert_eq!(second.name, "beside-2");
        assert!(like(&json!([]), "keys").is_none());
    }
}
