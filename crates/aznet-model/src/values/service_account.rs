//! Whom a cloud takes a role's pods for.

use crate::workload::Workload;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Name of an object of Kubernetes, or nothing.
pub(super) const MAYBE_NAME: &str = r"^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)?$";
/// The ServiceAccount that every namespace has.
const EVERYONES: &str = "default";

/// The ServiceAccount that pods run as.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ServiceAccount {
    /// `false`: it is there already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create: Option<bool>,
    /// Its name; empty: the role's, or `default` where none is created.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = MAYBE_NAME))]
    pub name: Option<String>,
    /// Its annotations, by name: what some clouds know it by.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::quantity::texts_schema")]
    pub annotations: Option<BTreeMap<String, String>>,
}

impl ServiceAccount {
    /// `true`: the chart makes it.
    pub fn is_created(&self) -> bool {
        self.create.unwrap_or(true)
    }

    /// The name of the one that a workload's pods run as; groups of a role share the role's.
    pub fn name_for(&self, workload: &Workload) -> &str {
        match self.name.as_deref().filter(|name| !name.is_empty()) {
            Some(name) => name,
            None if self.is_created() => workload.role().name(),
            None => EVERYONES,
        }
    }
}
