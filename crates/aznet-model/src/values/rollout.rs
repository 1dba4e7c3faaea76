//! How pods are replaced, and how many may be away meanwhile.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

/// A number of pods or a share of them.
pub(super) const COUNT: &str = r"^([0-9]{1,5}|[0-9]{1,3}%)$";

/// How pods are replaced when they change: one after the other, the highest ordinal first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct UpdateStrategy {
    /// Pods with an ordinal below this stay as they are until it is lowered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = crate::limit::PODS))]
    pub partition: Option<u32>,
    /// Seconds that a pod must have served before the next is replaced; for validators a slot where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = crate::limit::DAY))]
    pub min_ready_seconds: Option<u32>,
}

/// How many pods an eviction (a drained machine, an autoscaler) may take away. One of the two numbers, or neither: then
/// one pod may be away, of validators as many as the committee's quorum allows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct PodDisruptionBudget {
    /// `false`: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Pods that may be away: a number, or a share such as `25%`.
    #[schemars(schema_with = "count_schema")]
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "count")]
    pub max_unavailable: Option<String>,
    /// Pods that must stay, likewise.
    #[schemars(schema_with = "count_schema")]
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "count")]
    pub min_available: Option<String>,
}

fn count_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["integer", "string", "null"], "pattern": COUNT,
        "minimum": 0, "maximum": crate::limit::PODS,
    })
}

fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    super::quantity::text(deserializer)
}

impl UpdateStrategy {
    pub(super) fn over(self, default: &Self) -> Self {
        Self {
            partition: self.partition.or(default.partition),
            min_ready_seconds: self.min_ready_seconds.or(default.min_ready_seconds),
        }
    }
}

impl PodDisruptionBudget {
    pub(super) fn over(self, default: &Self) -> Self {
        Self {
            enabled: self.enabled.or(default.enabled),
            max_unavailable: self
                .max_unavailable
                .or_else(|| default.max_unavailable.clone()),
            min_available: self.min_available.or_else(|| default.min_available.clone()),
        }
    }
}
