//! Chaos Mesh's objects, and what it says of them.

use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::{Api, Client};
use serde::Deserialize;
use serde_json::json;

use crate::error::ChaosError;

/// The group of Chaos Mesh's objects.
pub(crate) const GROUP: &str = "chaos-mesh.org";
/// Their version.
pub(crate) const VERSION: &str = "v1alpha1";
/// Kinds of objects that are experiments.
pub(crate) const KINDS: [&str; 9] = [
    // Those that make others first: what they have made goes with them.
    "Workflow",
    "Schedule",
    "PodChaos",
    "NetworkChaos",
    "StressChaos",
    "TimeChaos",
    "IOChaos",
    "DNSChaos",
    "HTTPChaos",
];
/// Marks the objects of our chart.
pub(crate) const OURS: &str = "app.kubernetes.io/name=aztec-chaos";
/// The kind by which Chaos Mesh keeps what it does to the network of each pod. It never deletes one.
pub(crate) const POD_NETWORK: &str = "PodNetworkChaos";

/// What Chaos Mesh says of an experiment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Status {
    conditions: Vec<Condition>,
    experiment: Records,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Records {
    #[serde(rename = "desiredPhase")]
    phase: String,
    #[serde(rename = "containerRecords")]
    records: Vec<Record>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Record {
    id: String,
    #[serde(rename = "selectorKey")]
    selector: String,
    events: Vec<RecordEvent>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct RecordEvent {
    #[serde(rename = "type")]
    kind: String,
    message: String,
}

impl Status {
    pub(crate) fn of(object: &DynamicObject) -> Self {
        let status = object.data.get("status").cloned().unwrap_or_default();
        serde_json::from_value(status).unwrap_or_default()
    }

    fn holds(&self, kind: &str) -> bool {
        let holds = |one: &Condition| one.kind == kind && one.status == "True";
        self.conditions.iter().any(holds)
    }

    /// It has done what it was told, to some pod at least.
    pub(crate) fn is_injected(&self) -> bool {
        self.holds("AllInjected") && !self.experiment.records.is_empty()
    }

    /// It is undoing it, or has: its time is over, it is paused, or it is being deleted.
    pub(crate) fn is_stopping(&self) -> bool {
        self.experiment.phase == "Stop" || self.is_recovered()
    }

    /// It has undone it.
    pub(crate) fn is_recovered(&self) -> bool {
        self.holds("AllRecovered")
    }

    /// The pods that it has chosen.
    pub(crate) fn pods(&self) -> Vec<String> {
        self.chosen(".")
    }

    /// The pods at the other end that it has chosen.
    pub(crate) fn targets(&self) -> Vec<String> {
        self.chosen(".Target")
    }

    fn chosen(&self, selector: &str) -> Vec<String> {
        let chosen = self.experiment.records.iter();
        let mut pods: Vec<String> = chosen
            .filter(|record| record.selector == selector)
            // `namespace/pod` or `namespace/pod/container`
            .filter_map(|record| record.id.split('/').nth(1))
            .map(str::to_owned)
            .collect();
        pods.sort();
        pods.dedup();
        pods
    }

    /// What it said of a failure last.
    pub(crate) fn said(&self) -> Option<String> {
        let events = self.experiment.records.iter().flat_map(|one| &one.events);
        let mut failed = events.filter(|event| event.kind == "Failed");
        failed.next_back().map(|event| event.message.clone())
    }
}

fn resource(kind: &str) -> ApiResource {
    let kind_of = GroupVersionKind::gvk(GROUP, VERSION, kind);
    let mut plural = kind.to_lowercase();
    if !kind.ends_with("Chaos") {
        plural.push('s');
    }
    ApiResource::from_gvk_with_plural(&kind_of, &plural)
}

/// The objects of a kind in a namespace.
pub(crate) fn of(client: &Client, namespace: &str, kind: &str) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), namespace, &resource(kind))
}

/// The objects of a kind everywhere.
pub(crate) fn everywhere(client: &Client, kind: &str) -> Api<DynamicObject> {
    Api::all_with(client.clone(), &resource(kind))
}

/// Lets an object go that its controller holds on to.
pub(crate) async fn release(api: &Api<DynamicObject>, name: &str) -> Result<(), ChaosError> {
    let patch = json!({"metadata": {"finalizers": null}});
    let patched = api
        .patch(name, &PatchParams::default(), &Patch::Merge(&patch))
        .await;
    match patched {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        other => other
            .map(drop)
            .map_err(ChaosError::api(format!("take the finalizers off {name}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_tells_whom_it_was_done_to_and_what_failed() {
        let status: Status = serde_json::from_value(json!({
            "conditions": [{"type": "Selected", "status": "True"}, {"type": "AllInjected", "status": "True"}],
            "experiment": {"desiredPhase": "Run", "containerRecords": [
                {"id": "net/validator-1", "selectorKey": ".", "phase": "Injected",
                 "events": [{"type": "Failed", "operation": "Apply", "message": "unable to set tcs"}]},
                {"id": "net/anvil-x", "selectorKey": ".Target", "phase": "Injected"},
                {"id": "net/validator-0/aztec", "selectorKey": ".", "phase": "Injected"},
            ]},
        }))
        .expect("a status");
        assert!(status.is_injected() && !status.is_recovered() && !status.is_stopping());
        let stopping: Status =
            serde_json::from_value(json!({"experiment": {"desiredPhase": "Stop"}}))
                .expect("a status");
        assert!(stopping.is_stopping() && !stopping.is_recovered());
        assert_eq!(status.pods(), ["validator-0", "validator-1"]);
        assert_eq!(status.targets(), ["anvil-x"]);
        assert_eq!(status.said().as_deref(), Some("unable to set tcs"));
        let nobody: Status = serde_json::from_value(
            json!({"conditions": [{"type": "AllInjected", "status": "True"}]}),
        )
        .expect("a status");
        assert!(!nobody.is_injected(), "injected into nobody");
    }
}
