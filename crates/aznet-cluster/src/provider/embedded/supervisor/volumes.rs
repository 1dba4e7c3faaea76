//! Dynamic volumes: a directory of the cluster's state for every claim, made when a pod that wants it has been given
//! its node, and removed with the claim.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aznet_kit::files;
use futures::StreamExt;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use kube::api::{Api, DeleteParams, PostParams};
use kube::runtime::controller::{Action, Controller};
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::runtime::watcher;
use kube::{Resource, ResourceExt};
use serde_json::json;
use tokio::sync::watch;
use tracing::{info, warn};

use super::board::{self, Api as Stage};
use crate::provider::embedded::error::Error;
use crate::provider::embedded::layout::Layout;

/// As the storage class names it.
const PROVISIONER: &str = "aznet.dev/local-volumes";
/// Where Kubernetes notes who is to make a claim's volume …
const ASKED: &str = "volume.kubernetes.io/storage-provisioner";
/// … on which node …
const NODE: &str = "volume.kubernetes.io/selected-node";
/// … and who made a volume.
const MADE: &str = "pv.kubernetes.io/provisioned-by";
/// The pause after a failure.
const PAUSE: Duration = Duration::from_secs(2);

/// Makes and removes volumes for as long as the supervisor lives.
pub(super) async fn serve(layout: Layout, mut api: watch::Receiver<Stage>) -> Result<(), Error> {
    // An error means that the supervisor is ending.
    let _ = api.wait_for(|stage| *stage == Stage::Ready).await;
    let client = board::client(&layout)?;
    let reporter = Reporter {
        controller: PROVISIONER.into(),
        instance: Some(layout.node()),
    };
    let maker = Arc::new(Maker {
        events: Recorder::new(client.clone(), reporter),
        volumes: Api::all(client.clone()),
        layout,
    });
    let claims = Api::<PersistentVolumeClaim>::all(client);
    let all = watcher::Config::default;
    let make = Controller::new(claims, all())
        .run(make, |_, error, _| again(error), maker.clone())
        .for_each(|_| async {});
    let remove = Controller::new(maker.volumes.clone(), all())
        .run(remove, |_, error, _| again(error), maker.clone())
        .for_each(|_| async {});
    tokio::join!(make, remove);
    Ok(())
}

struct Maker {
    layout: Layout,
    volumes: Api<PersistentVolume>,
    events: Recorder,
}

fn again(error: &Error) -> Action {
    warn!(%error, "a volume can't be made or removed");
    Action::requeue(PAUSE)
}

async fn make(claim: Arc<PersistentVolumeClaim>, maker: Arc<Maker>) -> Result<Action, Error> {
    if is_asked(&claim) {
        let outcome = maker.make(&claim).await;
        if let Err(error) = &outcome {
            maker.complain(&claim, error).await;
        }
        outcome?;
    }
    Ok(Action::await_change())
}

async fn remove(volume: Arc<PersistentVolume>, maker: Arc<Maker>) -> Result<Action, Error> {
    if is_to_be_removed(&volume) {
        maker.remove(&volume).await?;
    }
    Ok(Action::await_change())
}

impl Maker {
    async fn make(&self, claim: &PersistentVolumeClaim) -> Result<(), Error> {
        let name = name(claim);
        let path = self.layout.volumes().join(&name);
        let volume = volume(claim, &path)?;
        blocking(path, make_dir).await?;
        match self.volumes.create(&PostParams::default(), &volume).await {
            Ok(_) => info!(name, claim = claim.name_any(), "made a volume"),
            // Kubernetes has not bound it yet.
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            Err(error) => return Err(Error::api("create a volume")(error)),
        }
        Ok(())
    }

    async fn remove(&self, volume: &PersistentVolume) -> Result<(), Error> {
        let name = volume.name_any();
        blocking(self.layout.volumes().join(&name), |path| {
            Ok(files::remove_dir(path)?)
        })
        .await?;
        match self.volumes.delete(&name, &DeleteParams::default()).await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(error) => Err(Error::api("delete a volume")(error)),
            Ok(_) => {
                info!(name, "removed a volume");
                Ok(())
            }
        }
    }

    /// Tells whoever waits for the claim.
    async fn complain(&self, claim: &PersistentVolumeClaim, error: &Error) {
        let event = Event {
            type_: EventType::Warning,
            reason: "ProvisioningFailed".into(),
            note: Some(error.to_string()),
            action: "Provisioning".into(),
            secondary: None,
        };
        if let Err(error) = self.events.publish(&event, &claim.object_ref(&())).await {
            warn!(%error, "an event can't be published");
        }
    }
}

/// Whether a claim waits for a volume from here.
fn is_asked(claim: &PersistentVolumeClaim) -> bool {
    let bound = claim
        .spec
        .as_ref()
        .and_then(|spec| spec.volume_name.as_ref());
    let notes = claim.annotations();
    bound.is_none()
        && claim.meta().deletion_timestamp.is_none()
        && notes.get(ASKED).is_some_and(|name| name == PROVISIONER)
        && notes.contains_key(NODE)
}

/// Whether a volume was made here, and its claim is gone.
fn is_to_be_removed(volume: &PersistentVolume) -> bool {
    let phase = volume
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    let policy = volume
        .spec
        .as_ref()
        .and_then(|spec| spec.persistent_volume_reclaim_policy.as_deref());
    phase == Some("Released")
        && policy == Some("Delete")
        && volume
            .annotations()
            .get(MADE)
            .is_some_and(|name| name == PROVISIONER)
}

/// The same at every attempt: a claim never gets two.
fn name(claim: &PersistentVolumeClaim) -> String {
    format!("pvc-{}", claim.uid().unwrap_or_default())
}

fn volume(claim: &PersistentVolumeClaim, path: &Path) -> Result<PersistentVolume, Error> {
    let spec = claim.spec.clone().unwrap_or_default();
    if spec.volume_mode.as_deref() == Some("Block") {
        return Err(Error::BlockVolume {
            claim: claim.name_any(),
        });
    }
    let size = spec.resources.and_then(|resources| resources.requests);
    let node = claim.annotations().get(NODE);
    let volume = json!({
        "metadata": {
            "name": name(claim),
            "annotations": BTreeMap::from([(MADE, PROVISIONER)]),
        },
        "spec": {
            "accessModes": spec.access_modes,
            "capacity": size,
            "claimRef": claim.object_ref(&()),
            "hostPath": { "path": path, "type": "Directory" },
            "nodeAffinity": { "required": { "nodeSelectorTerms": [{ "matchExpressions": [
                { "key": "kubernetes.io/hostname", "operator": "In", "values": [node] },
            ] }] } },
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": spec.storage_class_name,
            "volumeMode": "Filesystem",
        },
    });
    serde_json::from_value(volume).map_err(|error| Error::Manifest {
        addon: "volume",
        problem: error.to_string(),
    })
}

/// Whoever the pod runs as may write to it.
fn make_dir(path: &Path) -> Result<(), Error> {
    let make = || {
        fs::create_dir_all(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o777))
    };
    make().map_err(Error::io("make directory", path))
}

/// What a disk does may take long, and the supervisor has one thread.
async fn blocking(
    path: std::path::PathBuf,
    work: fn(&Path) -> Result<(), Error>,
) -> Result<(), Error> {
    tokio::task::spawn_blocking(move || work(&path))
        .await
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim() -> PersistentVolumeClaim {
        serde_json::from_value(json!({
            "metadata": {
                "name": "data-anvil-0",
                "namespace": "tiny",
                "uid": "3f",
                "annotations": { ASKED: PROVISIONER, NODE: "aznet-ci" },
            },
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": { "requests": { "storage": "1Gi" } },
                "storageClassName": "local",
            },
        }))
        .unwrap()
    }

    #[test]
    fn a_claim_is_served_once_a_node_is_chosen_and_until_it_is_bound() {
        assert!(is_asked(&claim()));
        let mut early = claim();
        early.annotations_mut().remove(NODE);
        assert!(!is_asked(&early));
        let mut others = claim();
        others.annotations_mut().insert(ASKED.into(), "ebs".into());
        assert!(!is_asked(&others));
        let mut bound = claim();
        bound.spec.as_mut().unwrap().volume_name = Some("pvc-3f".into());
        assert!(!is_asked(&bound));
    }

    #[test]
    fn a_volume_is_for_its_claim_alone_and_on_its_node() {
        let volume = volume(&claim(), Path::new("/volumes/pvc-3f")).unwrap();
        insta::assert_yaml_snapshot!(volume);
    }

    #[test]
    fn a_block_device_is_refused() {
        let mut claim = claim();
        claim.spec.as_mut().unwrap().volume_mode = Some("Block".into());
        let error = volume(&claim, Path::new("/")).unwrap_err().to_string();
        assert!(error.contains("data-anvil-0"), "{error}");
    }

    #[test]
    fn only_what_was_made_here_and_lost_its_claim_is_removed() {
        let mut volume = volume(&claim(), Path::new("/volumes/pvc-3f")).unwrap();
        assert!(!is_to_be_removed(&volume));
        let released = json!({ "phase": "Released" });
        volume.status = serde_json::from_value(released).unwrap();
        assert!(is_to_be_removed(&volume));
        let mut kept = volume.clone();
        kept.spec.as_mut().unwrap().persistent_volume_reclaim_policy = Some("Retain".into());
        assert!(!is_to_be_removed(&kept));
        volume.annotations_mut().insert(MADE.into(), "ebs".into());
        assert!(!is_to_be_removed(&volume));
    }
}
