//! Experiments that come again, and experiments one after another.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::FaultDuration;

/// An experiment that comes again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Repeat {
    /// From one begin to the next.
    pub every: FaultDuration,
    /// How often `aznet chaos apply` does it: until it is interrupted where nothing is said. Chaos Mesh does it until the release
    /// is uninstalled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub times: Option<u32>,
}

/// Experiments one after another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sequence {
    /// Names of experiments, in their order: each begins when the one before is over.
    pub steps: Vec<String>,
}
