//! How pods are replaced, and how many may be away meanwhile.

use super::committee;
use crate::role::Role;
use crate::values::{Problem, Values};
use crate::workload::Workload;

pub(super) fn problems(values: &Values, workload: &Workload) -> Vec<Problem> {
    let pod = values.pod_of(workload);
    let mut problems = Vec::new();
    let key = |part: &str| format!("{}.{part}", workload.values_key());
    if let Some(budget) = pod.pod_disruption_budget
        && budget.max_unavailable.is_some()
        && budget.min_available.is_some()
    {
        problems.push(Problem::new(
            key("podDisruptionBudget"),
            "maxUnavailable and minAvailable",
            "one of them",
            "take one out",
        ));
    }
    let own = values.own_settings(workload.role()).update_strategy;
    if own.is_some() && (!workload.role().is_stateful() || workload.role() == Role::BlobStore) {
        problems.push(Problem::new(
            key("updateStrategy"),
            "a strategy",
            "none: its pods are replaced at once",
            "take it out",
        ));
    }
    problems
}

/// What evictions and upgrades do to the quorum.
pub(super) fn notes(values: &Values) -> Vec<String> {
    let committee = committee::of(values);
    let own_committee = values.network.registry_address.is_empty() && committee.size > 0;
    let validators = values.replicas(Role::Validator);
    if !own_committee || validators == 0 {
        return Vec::new();
    }
    let mut notes = Vec::new();
    let budget = values
        .pod(Role::Validator)
        .pod_disruption_budget
        .unwrap_or_default();
    let computed = budget.max_unavailable.is_none() && budget.min_available.is_none();
    if committee.pods_may_fail == 0 && computed && budget.enabled != Some(false) {
        notes.push(
            "No validator pod may be evicted: without any one of them the chain may stop, so a machine that runs one can't \
             be drained. Where that is worth a pause, set validator.podDisruptionBudget.maxUnavailable."
                .to_owned(),
        );
    }
    let groups = values.validators();
    let rolling = groups.iter().filter(|group| group.replicas > 0).count() as u64;
    if rolling > 1 && rolling > committee.pods_may_fail {
        notes.push(format!(
            "An upgrade that changes all groups of validators replaces one pod of each at a time, {rolling} in all, and {} \
             may be away: change one group after the other, or hold groups back by updateStrategy.partition.",
            committee.pods_may_fail
        ));
    }
    notes
}
