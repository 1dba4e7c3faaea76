//! Rules for groups of validators.

use crate::values::{Problem, Values};

pub(super) fn problems(values: &Values) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, group) in &values.validator_groups {
        let key = format!("validatorGroups.{name}");
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
