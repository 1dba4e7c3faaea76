//! Chaos Mesh on a cluster: installed, seen to work, removed with all that it brought.

use std::path::Path;
use std::time::Duration;

use aznet_kit::wait::{self, Deadline, Look, WaitError};
use aznet_network::api::ApiError;
use aznet_network::deploy::helm::{Helm, HelmError, Release};
use aznet_network::namespace::{MANAGED_BY, MANAGER};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use crate::objects::{self, GROUP, KINDS};

/// The namespace that it lives in.
pub const NAMESPACE: &str = "chaos-mesh";
const RELEASE: &str = "chaos-mesh";
const CONTROLLER: &str = "chaos-controller-manager";
const DAEMON: &str = "chaos-daemon";
const CONTROLLERS: &str =
    "app.kubernetes.io/name=chaos-mesh,app.kubernetes.io/component=controller-manager";
const VERSION: &str = "app.kubernetes.io/version";
/// Two images that are there already, and the daemon on every node.
const START: Duration = Duration::from_mins(3);
/// The namespace with its pods.
const REMOVAL: Duration = Duration::from_mins(2);

/// What it is made of.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// The folder of its own Helm chart.
    pub chart: &'a Path,
    /// The image of its controller.
    pub controller: &'a str,
    /// The image of its daemon.
    pub daemon: &'a str,
    /// The image that a failed pod runs.
    pub pause: &'a str,
    /// The containerd of the nodes.
    pub socket: &'a Path,
}

/// Why it is not there, or not gone.
#[derive(Debug, thiserror::Error)]
pub enum MeshError {
    /// Helm refused.
    #[error("Chaos Mesh can't be installed or removed")]
    Helm(#[from] HelmError),
    /// It does not work.
    #[error("Chaos Mesh does not work")]
    NotWell(#[source] WaitError),
    /// It does not go.
    #[error("Chaos Mesh is not gone")]
    NotGone(#[source] WaitError),
    /// Networks have faults.
    #[error("Chaos Mesh is in use: {}", experiments.join(", "))]
    InUse {
        /// The experiments, as `namespace/kind/name`.
        experiments: Vec<String>,
    },
    /// It is someone else's.
    #[error(
        "the namespace {NAMESPACE} was not made by aznet: whoever installed Chaos Mesh there may remove it"
    )]
    NotOurs,
    /// The Kubernetes API fails.
    #[error("can't {doing}")]
    Api {
        /// What was tried.
        doing: &'static str,
        /// Why not.
        #[source]
        source: ApiError,
    },
    /// A wait ended.
    #[error(transparent)]
    Wait(#[from] WaitError),
}

fn api(doing: &'static str) -> impl FnOnce(kube::Error) -> MeshError {
    move |source| MeshError::Api {
        doing,
        source: source.into(),
    }
}

/// Chaos Mesh on a cluster.
#[derive(Clone, Copy)]
pub struct Mesh<'a> {
    /// Talks to the cluster.
    pub client: &'a Client,
    /// Helm, set to it.
    pub helm: &'a Helm,
}

impl Mesh<'_> {
    /// Installs it unless it is there as it should be, and waits until it works; says whether it had to be installed.
    ///
    /// # Errors
    /// [`MeshError`].
    pub async fn ensure(
        &self,
        parts: &Parts<'_>,
        cancel: &CancellationToken,
    ) -> Result<bool, MeshError> {
        let overlay = overlay(parts);
        let there = self.helm.values(RELEASE, NAMESPACE, cancel).await?;
        let missing = there.as_ref() != Some(&overlay);
        if missing {
            self.make_namespace().await?;
            let release = Release {
                name: RELEASE,
                namespace: NAMESPACE,
                chart: parts.chart,
                overlay: &overlay,
            };
            self.helm.upgrade(&release, cancel).await?;
        }
        self.until_well(cancel).await?;
        Ok(missing)
    }

    /// Whether it is there, whoever installed it.
    ///
    /// # Errors
    /// [`MeshError::Api`].
    pub async fn is_there(&self) -> Result<bool, MeshError> {
        Ok(!self.definitions().await?.is_empty())
    }

    /// The version that its controller says it is of, whoever installed it; `None` where that can't be told.
    ///
    /// # Errors
    /// [`MeshError::Api`].
    pub async fn version(&self) -> Result<Option<String>, MeshError> {
        let deployments: Api<Deployment> = Api::all(self.client.clone());
        let found = deployments
            .list(&ListParams::default().labels(CONTROLLERS))
            .await;
        let found = match found {
            // Who may only see one namespace can't tell.
            Err(kube::Error::Api(status)) if status.code == 403 => return Ok(None),
            found => found.map_err(api("look at Chaos Mesh's controller"))?,
        };
        let mut versions = found.iter().filter_map(|one| one.labels().get(VERSION));
        Ok(versions.next().cloned())
    }

    /// Removes it with its resource definitions and its namespace; none is fine.
    ///
    /// # Errors
    /// [`MeshError::InUse`] while any network has a fault; [`MeshError`].
    pub async fn remove(&self, cancel: &CancellationToken) -> Result<(), MeshError> {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let found = namespaces.get_opt(NAMESPACE).await;
        let Some(found) = found.map_err(api("look for Chaos Mesh"))? else {
            return Ok(());
        };
        if found.labels().get(MANAGED_BY).map(String::as_str) != Some(MANAGER) {
            return Err(MeshError::NotOurs);
        }
        let experiments = self.experiments().await?;
        if !experiments.is_empty() {
            return Err(MeshError::InUse { experiments });
        }
        self.helm.uninstall(RELEASE, NAMESPACE, cancel).await?;
        for definition in self.definitions().await? {
            let definitions: Api<CustomResourceDefinition> = Api::all(self.client.clone());
            absent_is_fine(
                definitions
                    .delete(&definition, &DeleteParams::default())
                    .await,
            )
            .map_err(api("delete the resource definitions of Chaos Mesh"))?;
        }
        absent_is_fine(
            namespaces
                .delete(NAMESPACE, &DeleteParams::background())
                .await,
        )
        .map_err(api("delete the namespace of Chaos Mesh"))?;
        self.until_gone(cancel).await
    }

    async fn make_namespace(&self) -> Result<(), MeshError> {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let labels = json!({
            MANAGED_BY: MANAGER,
            // The daemon enters the namespaces of pods.
            "pod-security.kubernetes.io/enforce": "privileged",
        });
        let namespace = json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": NAMESPACE, "labels": labels},
        });
        let (params, patch) = (PatchParams::apply(MANAGER), Patch::Apply(&namespace));
        let applied = namespaces.patch(NAMESPACE, &params, &patch).await;
        applied
            .map(drop)
            .map_err(api("make the namespace of Chaos Mesh"))
    }

    async fn until_well(&self, cancel: &CancellationToken) -> Result<(), MeshError> {
        let deadline = Deadline::after(START).every(Duration::from_millis(500));
        let what = "Chaos Mesh to be ready";
        let well = wait::until(what, deadline, cancel, |_| async {
            Ok::<_, MeshError>(match self.unwell().await? {
                None => Look::Done(()),
                Some(seen) => Look::Pending(seen),
            })
        })
        .await;
        well.map_err(|error| match error {
            MeshError::Wait(wait) => MeshError::NotWell(wait),
            other => other,
        })
    }

    /// What of it does not serve; `None`: all of it does.
    async fn unwell(&self) -> Result<Option<String>, MeshError> {
        let deployments: Api<Deployment> = Api::namespaced(self.client.clone(), NAMESPACE);
        let daemons: Api<DaemonSet> = Api::namespaced(self.client.clone(), NAMESPACE);
        let controller = deployments.get_opt(CONTROLLER).await;
        let controller = controller.map_err(api("look at Chaos Mesh's controller"))?;
        let daemon = daemons.get_opt(DAEMON).await;
        let daemon = daemon.map_err(api("look at Chaos Mesh's daemon"))?;
        Ok(match (controller, daemon) {
            (Some(controller), Some(daemon)) => of_controller(&controller).or(of_daemon(&daemon)),
            (None, _) => Some("no controller".to_owned()),
            (_, None) => Some("no daemon".to_owned()),
        })
    }

    async fn experiments(&self) -> Result<Vec<String>, MeshError> {
        let mut names = Vec::new();
        for kind in KINDS {
            let all = objects::everywhere(self.client, kind);
            let found = match all.list(&ListParams::default()).await {
                Err(kube::Error::Api(status)) if status.code == 404 => continue,
                found => found.map_err(api("list experiments"))?,
            };
            let name = |one: &kube::api::DynamicObject| {
                let namespace = one.namespace().unwrap_or_default();
                format!("{namespace}/{kind}/{}", one.name_any())
            };
            names.extend(found.iter().map(name));
        }
        Ok(names)
    }

    async fn definitions(&self) -> Result<Vec<String>, MeshError> {
        let definitions: Api<CustomResourceDefinition> = Api::all(self.client.clone());
        let found = definitions.list(&ListParams::default()).await;
        let found = found.map_err(api("list resource definitions"))?;
        let ours = found.iter().filter(|one| one.spec.group == GROUP);
        Ok(ours.map(ResourceExt::name_any).collect())
    }

    async fn until_gone(&self, cancel: &CancellationToken) -> Result<(), MeshError> {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let deadline = Deadline::after(REMOVAL).every(Duration::from_millis(500));
        let what = "Chaos Mesh to be gone";
        let gone = wait::until(what, deadline, cancel, |_| async {
            let definitions = self.definitions().await?;
            let namespace = namespaces.get_metadata_opt(NAMESPACE).await;
            let namespace = namespace.map_err(api("look for Chaos Mesh"))?;
            Ok::<_, MeshError>(match (definitions.first(), namespace) {
                (Some(first), _) => Look::Pending(format!("{first} is there")),
                (None, Some(_)) => Look::Pending(format!("namespace {NAMESPACE} is there")),
                (None, None) => Look::Done(()),
            })
        })
        .await;
        gone.map_err(|error| match error {
            MeshError::Wait(wait) => MeshError::NotGone(wait),
            other => other,
        })
    }
}

fn of_controller(controller: &Deployment) -> Option<String> {
    let status = controller.status.as_ref();
    let current =
        status.and_then(|status| status.observed_generation) == controller.metadata.generation;
    let ready = status.and_then(|status| status.ready_replicas).unwrap_or(0);
    let updated = status
        .and_then(|status| status.updated_replicas)
        .unwrap_or(0);
    let all = status.and_then(|status| status.replicas).unwrap_or(0);
    let well = current && ready > 0 && updated == all;
    (!well).then(|| format!("the controller has {ready} ready pods"))
}

fn of_daemon(daemon: &DaemonSet) -> Option<String> {
    let status = daemon.status.as_ref();
    let current =
        status.and_then(|status| status.observed_generation) == daemon.metadata.generation;
    let ready = status.map_or(0, |status| status.number_ready);
    let wanted = status.map_or(0, |status| status.desired_number_scheduled);
    let updated = status
        .and_then(|status| status.updated_number_scheduled)
        .unwrap_or(0);
    let well = current && wanted > 0 && ready == wanted && updated == wanted;
    (!well).then(|| format!("the daemon is ready on {ready} of {wanted} nodes"))
}

fn absent_is_fine<T>(deleted: kube::Result<T>) -> kube::Result<()> {
    match deleted {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        other => other.map(drop),
    }
}

/// Values of its chart: one controller, a daemon on every node, nothing else.
fn overlay(parts: &Parts<'_>) -> Map<String, Value> {
    let values = json!({
        "enableProfiling": false,
        "controllerManager": {
            "image": image(parts.controller),
            "replicaCount": 1,
            "leaderElection": {"enabled": false},
            "chaosdSecurityMode": false,
            "podChaos": {"podFailure": {"pauseImage": parts.pause}},
            "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}},
        },
        "chaosDaemon": {
            "image": image(parts.daemon),
            "runtime": "containerd",
            "socketPath": parts.socket,
        },
        "dashboard": {"create": false},
        "dnsServer": {"create": false},
    });
    match values {
        Value::Object(values) => values,
        _ => Map::new(),
    }
}

/// A reference taken apart as the chart wants it.
fn image(reference: &str) -> Value {
    let (name, tag) = reference.rsplit_once(':').unwrap_or((reference, ""));
    let (registry, repository) = name.split_once('/').unwrap_or(("docker.io", name));
    json!({"registry": registry, "repository": repository, "tag": tag})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_taken_apart_as_the_chart_puts_them_together() {
        let expected =
            json!({"registry": "localhost", "repository": "aznet/chaos-mesh", "tag": "123"});
        assert_eq!(image("localhost/aznet/chaos-mesh:123"), expected);
    }
}
