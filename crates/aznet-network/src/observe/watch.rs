//! Everything of a namespace that tells how a deployment goes, kept up to date by watches.

use std::{
    collections::{HashMap, HashSet},
    fmt::Debug,
    sync::{Arc, OnceLock},
};

use aznet_model::units::some;
use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::{Deployment, StatefulSet},
        core::v1::{Event, PersistentVolumeClaim, Pod},
    },
};
use kube::{
    Api, Resource, ResourceExt,
    runtime::{WatchStreamExt, reflector, reflector::Store, watcher},
};
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;

use super::evidence::Warning;
use super::messages::Messages;
use crate::{
    namespace::Network,
    observe::pods::{Around, Message, NETWORK_PODS, Observed, PodState, describe, event_time},
};

/// Live copies of a namespace's objects; the watches end with it.
pub(crate) struct Watch {
    pods: Store<Pod>,
    events: Store<Event>,
    claims: Store<PersistentVolumeClaim>,
    stateful_sets: Store<StatefulSet>,
    deployments: Store<Deployment>,
    messages: Messages,
    refused: Arc<OnceLock<Refused>>,
    _tasks: JoinSet<()>,
}

/// The API server won't let us watch: waiting on changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the Kubernetes API refuses to show {kind} objects: {reason}")]
pub struct Refused {
    /// Of what kind.
    pub kind: String,
    /// The API server's words.
    pub reason: String,
}

impl Refused {
    /// Tells a refusal (401, 403) from failures that pass.
    fn of<K: Resource<DynamicType = ()>>(error: &watcher::Error) -> Option<Self> {
        let (watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status)) = error
        else {
            return None;
        };
        matches!(status.code, 401 | 403).then(|| Self {
            kind: K::kind(&()).into_owned(),
            reason: status.message.clone(),
        })
    }
}

/// The namespace at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// Its pods, by role and name.
    pub(crate) pods: Vec<PodState>,
    /// Its workloads.
    pub(crate) workloads: Vec<Workload>,
    /// Its newest events that are warnings, oldest first.
    pub(crate) warnings: Vec<Warning>,
}

/// A StatefulSet or Deployment and how many of its pods are as they should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Workload {
    /// `StatefulSet/validator`.
    pub(crate) name: String,
    /// Pods wanted.
    pub(crate) wanted: i32,
    /// Pods that serve in the current version, none of an older one left.
    pub(crate) current: i32,
    /// Pods there are.
    pub(crate) pods: i32,
    /// Why pods can't be made, in the controller's words.
    pub(crate) trouble: Option<String>,
}

impl Watch {
    pub(crate) fn start(network: &Network) -> Self {
        let mut tasks = JoinSet::new();
        let refused = Arc::new(OnceLock::new());
        let labelled = watcher::Config::default().labels(NETWORK_PODS);
        Self {
            pods: keep(network.api(), labelled.clone(), &refused, &mut tasks),
            events: keep(
                network.api(),
                watcher::Config::default(),
                &refused,
                &mut tasks,
            ),
            claims: keep(
                network.api(),
                watcher::Config::default(),
                &refused,
                &mut tasks,
            ),
            stateful_sets: keep(network.api(), labelled.clone(), &refused, &mut tasks),
            deployments: keep(network.api(), labelled, &refused, &mut tasks),
            messages: Messages::new(network.api()),
            refused,
            _tasks: tasks,
        }
    }

    /// Waits until every watch has seen the namespace once; unbounded, so for use within a wait.
    pub(crate) async fn seen_once(&self) {
        // An error means that the watch's task is gone, which ends only with the runtime.
        let _ = tokio::join!(
            self.pods.wait_until_ready(),
            self.stateful_sets.wait_until_ready(),
            self.deployments.wait_until_ready(),
        );
    }

    /// Why the namespace can't be watched, if the API server refuses.
    pub(crate) fn refused(&self) -> Option<&Refused> {
        self.refused.get()
    }

    /// The namespace now; listens to pods that have begun to talk.
    pub(crate) fn snapshot(&mut self) -> Snapshot {
        let pods = self.pods.state();
        self.messages.listen(&pods);
        let events = self.events.state();
        let claims = self.claims.state();
        let around = Around::new(
            events.iter().map(AsRef::as_ref),
            claims.iter().map(AsRef::as_ref),
        );
        let messages = self.messages.last();
        let mut states: Vec<PodState> = pods
            .iter()
            .filter_map(|pod| {
                describe(Observed {
                    pod,
                    around: &around,
                    message: message_of(&messages, pod),
                })
            })
            .collect();
        states.sort_by(|a, b| (a.role, &a.name).cmp(&(b.role, &b.name)));
        let warnings = warnings(&events, &states);
        Snapshot {
            pods: states,
            workloads: self.workloads(&events),
            warnings,
        }
    }

    fn workloads(&self, events: &[Arc<Event>]) -> Vec<Workload> {
        let sets = self.stateful_sets.state();
        let deployments = self.deployments.state();
        let mut all: Vec<Workload> = sets.iter().map(|set| of_set(set, events)).collect();
        all.extend(
            deployments
                .iter()
                .map(|deployment| of_deployment(deployment, events)),
        );
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }
}

impl Snapshot {
    /// Pods wanted in all.
    pub(crate) fn wanted(&self) -> u32 {
        self.workloads
            .iter()
            .map(|workload| u32::try_from(workload.wanted).unwrap_or(0))
            .sum()
    }

    /// Whether every workload has all its pods, serving, in the current version.
    pub(crate) fn is_rolled_out(&self) -> bool {
        !self.workloads.is_empty() && self.workloads.iter().all(Workload::is_rolled_out)
    }

    /// `7 of 10 pods ready; waiting for validator-0: starting (12s), …`.
    pub(crate) fn words(&self, now: Timestamp) -> String {
        let wanted = self.wanted();
        let ready = self.pods.iter().filter(|pod| pod.phase.is_ready()).count();
        let waiting = self.pods.iter().filter(|pod| !pod.phase.is_ready());
        let waiting = waiting.map(|pod| format!("{}: {}", pod.name, pod.phase.words(now)));
        let words = format!("{ready} of {wanted} pods ready");
        match self.pods.len() - ready {
            0 => words,
            unready => format!("{words}; {}", some(waiting, unready)),
        }
    }
}

impl Workload {
    fn is_rolled_out(&self) -> bool {
        self.current >= self.wanted && self.pods == self.wanted
    }
}

fn of_set(set: &StatefulSet, events: &[Arc<Event>]) -> Workload {
    let status = set.status.clone().unwrap_or_default();
    // Pods below the partition are meant to stay as they are.
    let to_update = status.replicas.saturating_sub(partition(set));
    let up_to_date = status.observed_generation == set.metadata.generation
        && (status.update_revision.is_none() || status.updated_replicas.unwrap_or(0) >= to_update);
    Workload {
        wanted: set
            .spec
            .as_ref()
            .and_then(|spec| spec.replicas)
            .unwrap_or(1),
        current: if up_to_date {
            status.ready_replicas.unwrap_or(0)
        } else {
            0
        },
        pods: status.replicas,
        trouble: trouble(events, "StatefulSet", &set.name_any()),
        name: format!("StatefulSet/{}", set.name_any()),
    }
}

fn partition(set: &StatefulSet) -> i32 {
    let strategy = set
        .spec
        .as_ref()
        .and_then(|spec| spec.update_strategy.as_ref());
    strategy
        .and_then(|strategy| strategy.rolling_update.as_ref()?.partition)
        .unwrap_or(0)
}

fn of_deployment(deployment: &Deployment, events: &[Arc<Event>]) -> Workload {
    let status = deployment.status.clone().unwrap_or_default();
    let up_to_date = status.observed_generation == deployment.metadata.generation
        && status.updated_replicas.unwrap_or(0) == status.replicas.unwrap_or(0);
    Workload {
        wanted: deployment
            .spec
            .as_ref()
            .and_then(|spec| spec.replicas)
            .unwrap_or(1),
        current: if up_to_date {
            status.ready_replicas.unwrap_or(0)
        } else {
            0
        },
        pods: status.replicas.unwrap_or(0),
        trouble: trouble(events, "ReplicaSet", &format!("{}-", deployment.name_any())),
        name: format!("Deployment/{}", deployment.name_any()),
    }
}

/// What keeps a controller from making pods, e.g. a quota; `name` may be the beginning of a ReplicaSet's name.
fn trouble(events: &[Arc<Event>], kind: &str, name: &str) -> Option<String> {
    let about = |event: &Event| {
        let object = &event.involved_object;
        let named = object.name.as_deref().unwrap_or_default();
        object.kind.as_deref() == Some(kind)
            && (named == name || name.ends_with('-') && named.starts_with(name))
    };
    events
        .iter()
        .filter(|event| event.reason.as_deref() == Some("FailedCreate") && about(event))
        .max_by_key(|event| event_time(event))
        .and_then(|event| event.message.clone())
}

/// What matters of the warnings: pods that serve by now have got over theirs, and two writers that met try again.
fn warnings(events: &[Arc<Event>], pods: &[PodState]) -> Vec<Warning> {
    const SHOWN: usize = 15;
    let ready = pods.iter().filter(|pod| pod.phase.is_ready());
    let serving: HashSet<&str> = ready.map(|pod| pod.name.as_str()).collect();
    let matters = |event: &&Arc<Event>| {
        let about = event.involved_object.name.as_deref().unwrap_or_default();
        let message = event.message.as_deref().unwrap_or_default();
        event.type_.as_deref() == Some("Warning")
            && !serving.contains(about)
            && !message.contains("the object has been modified")
    };
    let mut warnings: Vec<&Arc<Event>> = events.iter().filter(matters).collect();
    warnings.sort_by_key(|event| event_time(event));
    let tell = |event: &&Arc<Event>| {
        let (reason, message) = (event.reason.as_deref()?, event.message.as_deref()?);
        let about = event.involved_object.name.clone()?;
        Some(Warning {
            about,
            message: format!("{reason}: {}", message.trim()),
        })
    };
    let newest = warnings.len().saturating_sub(SHOWN);
    warnings.iter().skip(newest).filter_map(tell).collect()
}

fn message_of<'a>(messages: &'a HashMap<String, Message>, pod: &Pod) -> Option<&'a Message> {
    messages.get(pod.metadata.uid.as_deref()?)
}

/// A live copy of what `api` lists; a watch that breaks is begun again, with backoff, unless it is refused.
fn keep<K>(
    api: Api<K>,
    config: watcher::Config,
    refused: &Arc<OnceLock<Refused>>,
    tasks: &mut JoinSet<()>,
) -> Store<K>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + Debug
        + DeserializeOwned
        + Send
        + Sync
        + 'static,
{
    let (store, writer) = reflector::store();
    let mut changes = watcher(api, config)
        .default_backoff()
        .reflect(writer)
        .boxed();
    let refused = Arc::clone(refused);
    tasks.spawn(async move {
        while let Some(change) = changes.next().await {
            if let Err(error) = change {
                if let Some(refusal) = Refused::of::<K>(&error) {
                    // The first one says enough.
                    let _known = refused.set(refusal);
                }
                tracing::debug!(kind = %K::kind(&()), %error, "watch broke and is begun again");
            }
        }
    });
    store
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rolled_out(partition: i32, updated: i32) -> bool {
        let set: StatefulSet = serde_json::from_value(json!({
            "metadata": {"name": "validator", "generation": 2},
            "spec": {"replicas": 4, "serviceName": "validator", "selector": {}, "template": {},
                "updateStrategy": {"rollingUpdate": {"partition": partition}}},
            "status": {"replicas": 4, "readyReplicas": 4, "updatedReplicas": updated, "updateRevision": "b",
                "observedGeneration": 2},
        }))
        .unwrap();
        of_set(&set, &[]).is_rolled_out()
    }

    #[test]
    fn only_a_refusal_ends_a_watch() {
        let error = |code: u16| {
            let status = kube::core::Status::failure("pods is forbidden", "").with_code(code);
            Refused::of::<Pod>(&watcher::Error::InitialListFailed(kube::Error::Api(
                status.boxed(),
            )))
        };
        assert_eq!(
            error(403).map(|refused| refused.to_string()).as_deref(),
            Some("the Kubernetes API refuses to show Pod objects: pods is forbidden")
        );
        assert!(error(401).is_some());
        assert_eq!([error(500), error(410), error(429)], [None, None, None]);
    }

    #[test]
    fn pods_that_are_held_back_are_not_waited_for() {
        assert!(rolled_out(0, 4) && !rolled_out(0, 3));
        assert!(rolled_out(3, 1) && !rolled_out(3, 0));
        assert!(rolled_out(9, 0));
    }
}
