//! Rules for groups of validators.

use crate::label;
use crate::values::{Problem, Values};
use crate::workload::DEFAULT_GROUP;

/// A pod's name is `validator-<group>-<ordinal>`, and Kubernetes puts a hash of eleven characters behind the first part.
const LONGEST: usize = 20;

pub(super) fn problems(values: &Values) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, group) in &values.validator_groups {
        let key = format!("validatorGroups.{name}");
        if !is_label(name) || name == DEFAULT_GROUP {
            problems.push(Problem::new(
                &key,
                format!("a group named {name:?}"),
                format!(
                    "lower-case letters, digits and inner `-`, a letter first, at most {LONGEST}, and not `{DEFAULT_GROUP}`"
                ),
                "choose another name: it becomes part of the pods' names",
            ));
        }
        if group.pod_disruption_budget.is_some() {
            problems.push(Problem::new(
                format!("{key}.podDisruptionBudget"),
                "a budget of its own",
                "none: one budget covers the validators of all groups, as one quorum does",
                "say it in validator.podDisruptionBudget",
            ));
        }
    }
    problems
}

/// A group named `1` would have its workload named as a pod of the first group is: `validator-1`.
fn is_label(name: &str) -> bool {
    label::check(name, LONGEST).is_ok() && name.starts_with(|c: char| c.is_ascii_lowercase())
}
