//! How things were before they were changed, noted on the cluster in the ConfigMap that the chart makes of experiments that
//! Chaos Mesh can't do: whoever did it may be gone when it is to be undone.

use std::collections::BTreeMap;

use aznet_model::release::Methods;
use aznet_network::namespace::Network;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::anvil::Pulse;
use crate::error::ChaosError;
use crate::settings::{self, Settings};

/// The key that the chart writes experiments under.
const EXPERIMENTS: &str = "experiments";
/// The key that is written here.
const BEFORE: &str = "before";
/// What the chart's ConfigMap is called, after the release.
const SUFFIX: &str = "experiments";
/// The label that names the release.
const INSTANCE: &str = "app.kubernetes.io/instance";

/// How a pod was before something was done to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Before {
    /// Settings of its node.
    Settings(Settings),
    /// The L1.
    L1(Pulse),
}

/// Pods by experiment.
pub(crate) type Notes = BTreeMap<String, BTreeMap<String, Before>>;

/// What a release of the chart leaves to `aznet`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Page {
    /// The release.
    pub(crate) release: String,
    /// Its experiments, as the values have them.
    pub(crate) experiments: BTreeMap<String, Value>,
    /// What was noted.
    pub(crate) notes: Notes,
    /// When it was made.
    pub(crate) since: Option<Timestamp>,
    /// Whether it is on its way out.
    pub(crate) leaving: bool,
}

impl Before {
    /// The calls that have a pod be as it was: methods and parameters.
    pub(crate) fn calls(&self, methods: &Methods) -> Vec<(&'static str, Value)> {
        match self {
            Self::Settings(before) => vec![(methods.set_config, json!([before]))],
            Self::L1(before) => before.calls(),
        }
    }

    /// Has a pod be as it was.
    pub(crate) async fn restore(&self, network: &Network, pod: &str) -> Result<(), ChaosError> {
        match self {
            Self::Settings(before) => settings::restore(network, pod, before).await,
            Self::L1(before) => before.restore(network, pod).await,
        }
    }
}

/// Notes what is about to be changed.
pub(crate) async fn note(
    network: &Network,
    release: &str,
    notes: &Notes,
) -> Result<(), ChaosError> {
    let text = serde_json::to_string(notes).unwrap_or_default();
    let patch = json!({"data": {BEFORE: text}});
    let name = format!("{release}-{SUFFIX}");
    let (params, patch) = (PatchParams::default(), Patch::Merge(&patch));
    let patched = maps(network).patch(&name, &params, &patch).await;
    let doing = format!("note in ConfigMap {name} how things were");
    patched.map(drop).map_err(ChaosError::api(doing))
}

/// What the releases of the chart in a network's namespace, those with `labels`, leave to `aznet`.
pub(crate) async fn read(network: &Network, labels: &str) -> Result<Vec<Page>, ChaosError> {
    let found = maps(network)
        .list(&ListParams::default().labels(labels))
        .await;
    let found = found.map_err(ChaosError::api("read what experiments have noted"))?;
    Ok(found.iter().filter_map(page).collect())
}

fn page(map: &ConfigMap) -> Option<Page> {
    let text = |key| map.data.as_ref()?.get(key).map(String::as_str);
    Some(Page {
        release: map.labels().get(INSTANCE).cloned().unwrap_or_default(),
        experiments: serde_json::from_str(text(EXPERIMENTS)?).ok()?,
        notes: text(BEFORE)
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default(),
        since: map.creation_timestamp().map(|time| time.0),
        leaving: map.metadata.deletion_timestamp.is_some(),
    })
}

fn maps(network: &Network) -> Api<ConfigMap> {
    Api::namespaced(network.client().clone(), network.namespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_is_read_again() {
        let settings = Settings::from_iter([("minTxsPerBlock".to_owned(), json!(0))]);
        let notes: Notes = [(
            "x".to_owned(),
            [("validator-0".to_owned(), Before::Settings(settings))].into(),
        )]
        .into();
        let map: ConfigMap = serde_json::from_value(json!({
            "metadata": {"name": "chaos-x-experiments", "labels": {INSTANCE: "chaos-x"}},
            "data": {
                "experiments": r#"{"x": {"duration": "60s"}}"#,
                "before": serde_json::to_string(&notes).expect("JSON"),
            },
        }))
        .expect("a ConfigMap");
        let page = page(&map).expect("a page");
        assert_eq!(page.notes, notes);
        assert_eq!(page.release, "chaos-x");
        assert_eq!(page.experiments["x"]["duration"], "60s");
    }
}
