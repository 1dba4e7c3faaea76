//! Values that describe faults. This chart renders none of them: they are for the chart `aztec-chaos`, which reads the
//! same file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Faults to be done to the network, as the chart `aztec-chaos` takes them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Chaos {
    /// The faults.
    pub scenarios: Vec<ChaosScenario>,
}

/// A fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChaosScenario {
    /// Name.
    #[schemars(length(min = 1))]
    pub name: String,
    /// The target of the fault, e.g. `pod` or `network`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Which pods.
    pub selector: ChaosSelector,
    /// What is done, e.g. `kill` or `partition`.
    pub action: String,
    /// How it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_options: Option<ChaosOptions>,
}

/// Which pods a fault hits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChaosSelector {
    /// Labels that they have.
    pub match_labels: BTreeMap<String, String>,
}

/// How a fault is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ChaosOptions {
    /// Kill without time to stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub force: Option<bool>,
}
