//! What a bundle's texts say, read again as what they were.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::ResourceExt;

use super::archive::{Bundle, CLUSTER_EVENTS, LOGS, PODS};
use crate::observe::{
    instances::{self, Ended},
    pods::event_time,
};

/// How the API server tells two writers of an object from each other; who lost tries again.
const CONFLICT: &str =
    "the object has been modified; please apply your changes to the latest version";
/// How the kubelet tells of a container that is not there yet.
const STARTING: &str = "Startup probe failed";

/// A warning of Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// When it was first given.
    pub at: Timestamp,
    /// The object that it is about.
    pub about: String,
    /// Its reason: `BackOff`, `FailedScheduling`, ….
    pub reason: String,
    /// Its words.
    pub message: String,
}

impl Bundle {
    /// How containers ended that were restarted, with their pods; a text that is no pod has none.
    pub fn ends(&self) -> Vec<(String, Ended)> {
        let pods = self.below(PODS);
        let pods = pods.filter_map(|(_, text)| serde_json::from_str::<Pod>(text).ok());
        let ends = pods.flat_map(|pod| {
            let name = pod.name_any();
            let ends: Vec<Ended> = instances::ends(&pod).collect();
            ends.into_iter().map(move |ended| (name.clone(), ended))
        });
        ends.collect()
    }

    /// Warnings of Kubernetes, the first of each reason and object. What its controllers do again by themselves is none, and
    /// neither is a container that took its time to start.
    pub fn warnings(&self) -> Vec<Warning> {
        let text = self
            .members
            .get(CLUSTER_EVENTS)
            .map_or("[]", String::as_str);
        let events: Vec<Event> = serde_json::from_str(text).unwrap_or_default();
        let mut first: BTreeMap<(String, String), Warning> = BTreeMap::new();
        let started = self.started();
        let is_told = |warning: &Warning| {
            let passing = warning.message.contains(CONFLICT)
                || (warning.message.starts_with(STARTING) && started.contains(&warning.about));
            !passing
        };
        for warning in events.iter().filter_map(warning).filter(is_told) {
            let key = (warning.about.clone(), warning.reason.clone());
            let known = first.entry(key).or_insert_with(|| warning.clone());
            if warning.at < known.at {
                *known = warning;
            }
        }
        first.into_values().collect()
    }

    /// Pods whose containers have all started.
    fn started(&self) -> BTreeSet<String> {
        let pods = self.below(PODS);
        let pods = pods.filter_map(|(_, text)| serde_json::from_str::<Pod>(text).ok());
        let started = pods.filter(|pod| {
            let status = pod.status.as_ref();
            let containers = status.and_then(|status| status.container_statuses.as_ref());
            containers.is_some_and(|all| all.iter().all(|one| one.started == Some(true)))
        });
        started.map(|pod| pod.name_any()).collect()
    }

    /// Logs: the pod and the text.
    pub fn logs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.below(LOGS)
            .map(|(path, text)| (path.split('/').next().unwrap_or_default(), text))
    }

    /// How many pods are described.
    pub fn pods(&self) -> usize {
        self.below(PODS).count()
    }

    fn below(&self, folder: &'static str) -> impl Iterator<Item = (&str, &str)> {
        let from = self.members.range(folder.to_owned()..);
        from.map_while(move |(path, text)| Some((path.strip_prefix(folder)?, text.as_str())))
    }
}

fn warning(event: &Event) -> Option<Warning> {
    if event.type_.as_deref() != Some("Warning") {
        return None;
    }
    let first = event.first_timestamp.as_ref().map(|time| time.0);
    let made = event.event_time.as_ref().map(|time| time.0);
    Some(Warning {
        at: first.or(made).or_else(|| event_time(event))?,
        about: event.involved_object.name.clone().unwrap_or_default(),
        reason: event.reason.clone().unwrap_or_default(),
        message: event.message.clone().unwrap_or_default().trim().to_owned(),
    })
}
