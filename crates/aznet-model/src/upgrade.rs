//! What an upgrade would do to a running network, from what its release consists of and what it would consist of.
//! Pure: compares manifests, asks nobody.

mod config;
mod consequence;
mod fixed;
mod manifest;
mod objects;
mod template;
mod workloads;

use self::workloads::is_of_validators;
use crate::plan::Committee;
use serde::Serialize;

pub use consequence::{Consequence, Effect, span};
pub use fixed::fixed;
pub use manifest::{Manifest, ManifestError};

/// Everything that an upgrade does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Upgrade {
    /// What it does, the gravest first.
    pub consequences: Vec<Consequence>,
    /// What follows for the network as a whole.
    pub notes: Vec<String>,
}

impl Upgrade {
    /// What can't be.
    pub fn refused(&self) -> impl Iterator<Item = &Consequence> {
        self.of(Effect::Refused)
    }

    /// Names of the pods that are replaced, sorted.
    pub fn restarts(&self) -> Vec<&str> {
        let mut pods: Vec<&str> = self
            .of(Effect::Restarted)
            .flat_map(|consequence| consequence.pods.iter().map(String::as_str))
            .collect();
        pods.sort_unstable();
        pods
    }

    /// What no later upgrade brings back: data that goes, attesters that leave the validator set.
    pub fn for_good(&self) -> impl Iterator<Item = &Consequence> {
        self.of(Effect::Lost).chain(self.of(Effect::Retired))
    }

    /// Names of the validator pods that come.
    pub fn new_validators(&self) -> Vec<String> {
        let added = self.of(Effect::Added);
        let validators = added.filter(|one| is_of_validators(&one.subject));
        validators.flat_map(|one| one.pods.clone()).collect()
    }

    /// What happens besides validator pods that come or go, and what counts them.
    pub fn beyond_scaling(&self) -> impl Iterator<Item = &Consequence> {
        self.consequences.iter().filter(|one| !is_of_scaling(one))
    }

    /// `true`: nothing happens at all.
    pub fn is_empty(&self) -> bool {
        self.consequences.is_empty()
    }

    fn of(&self, effect: Effect) -> impl Iterator<Item = &Consequence> {
        self.consequences
            .iter()
            .filter(move |consequence| consequence.effect == effect)
    }
}

/// Where the rules are by which Prometheus counts pods.
const RULES: &str = "ConfigMap/prometheus";

/// Pods of validators come or go; the disruption budget and the alerts' rules follow their number.
fn is_of_scaling(one: &Consequence) -> bool {
    match one.effect {
        Effect::Added | Effect::Removed | Effect::Retired | Effect::Lost => {
            is_of_validators(&one.subject) && !one.pods.is_empty()
        }
        Effect::Changed => one.subject.starts_with("PodDisruptionBudget/") || one.subject == RULES,
        _ => false,
    }
}

/// What the consequences depend on besides objects.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The committee of the new values.
    pub committee: &'a Committee,
    /// Their `validatorSet.retire`: attesters of pods that go leave the set first.
    pub retires: bool,
}

/// Compares what a release consists of with what it would consist of.
pub fn compare(before: &Manifest, after: &Manifest, wanted: &Wanted<'_>) -> Upgrade {
    let configs = config::Change::between(before, after);
    let mut consequences = configs.consequences();
    consequences.extend(workloads::consequences(
        before,
        after,
        &configs,
        wanted.retires,
    ));
    consequences.extend(objects::consequences(before, after));
    consequences.sort();
    consequences.dedup();
    let notes = notes(&consequences, wanted.committee);
    Upgrade {
        consequences,
        notes,
    }
}

/// What the restarts do to the quorum.
fn notes(consequences: &[Consequence], committee: &Committee) -> Vec<String> {
    let rolls = |consequence: &&Consequence| {
        consequence.effect == Effect::Restarted && is_of_validators(&consequence.subject)
    };
    let groups = consequences.iter().filter(rolls).count() as u64;
    if groups == 0 || committee.size == 0 {
        return Vec::new();
    }
    let spare = committee.pods_may_fail;
    let note = if groups <= spare {
        format!(
            "Validators are replaced one at a time; the quorum of {} is kept.",
            committee.quorum
        )
    } else if groups == 1 {
        format!(
            "Validators are replaced one at a time, and none may be away: no checkpoint while one restarts (a committee of {} needs {}).",
            committee.size, committee.quorum
        )
    } else {
        format!(
            "{groups} groups of validators are replaced at once, one pod of each, and {spare} may be away: hold groups back by updateStrategy.partition, or expect slots without a checkpoint."
        )
    };
    vec![note]
}
