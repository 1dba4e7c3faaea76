//! Values of the tests that run in the cluster, on a schedule.

use super::pod::{Resources, Storage};
use crate::limit;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Runs of `aznet test` for a long time, on a schedule. They only look on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Soak {
    /// Run them.
    pub enabled: bool,
    /// When a run begins, as a CronJob has it: `0 3 * * *`. One that would begin while another goes on is left out.
    #[schemars(length(min = 1))]
    pub schedule: String,
    /// Seconds in which a run begins new rounds of its tests.
    #[schemars(range(min = 60, max = limit::DAY))]
    pub duration_seconds: u64,
    /// Seconds after that in which the last round must end and the report be written; the run is ended then.
    #[schemars(range(min = 60, max = limit::DAY))]
    pub margin_seconds: u64,
    /// Which tests, as an expression of `aznet test`. Tests that disturb a network are left out.
    #[schemars(length(min = 1))]
    pub filter: String,
    /// How many reports stay on the volume.
    #[schemars(range(min = 1, max = limit::COUNT))]
    pub keep_reports: u32,
    /// What the container gets.
    pub resources: Resources,
    /// The volume that keeps the reports.
    pub storage: Storage,
}
