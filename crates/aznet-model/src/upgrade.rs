//! What an upgrade would do to a running network, from what its release consists of and what it would consist of.
//! Pure: compares manifests, asks nobody.

mod config;
mod fixed;
mod manifest;
mod objects;
mod template;
mod workloads;

use crate::plan::Committee;
use crate::pod::PodName;
use crate::role::Role;
use crate::workload::Workload;
use serde::Serialize;
use std::fmt;

pub use fixed::fixed;
pub use manifest::{Manifest, ManifestError};

/// What happens to something, the gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It can't be: the cluster or the L1 contracts don't allow it. Nothing is applied.
    Refused,
    /// Data goes that doesn't come back by itself.
    Lost,
    /// Pods or objects go.
    Removed,
    /// Keys move to other hands.
    Keys,
    /// Pods are replaced.
    Restarted,
    /// Pods stay as they are until `updateStrategy.partition` is lowered.
    HeldBack,
    /// Pods or objects come.
    Added,
    /// It changes while it runs.
    Changed,
}

/// Something that an upgrade does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Consequence {
    /// What happens.
    pub effect: Effect,
    /// To what: a workload (`validator-slow`), an object (`Service/validator`) or a key of the values (`network.slotDuration`).
    pub subject: String,
    /// The pods that it happens to, by name; of a Deployment, its own name once for each.
    pub pods: Vec<String>,
    /// How or why, each a phrase of its own.
    pub reasons: Vec<String>,
}

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

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Refused => "refused",
            Self::Lost => "lost",
            Self::Removed => "removed",
            Self::Keys => "keys",
            Self::Restarted => "restart",
            Self::HeldBack => "held back",
            Self::Added => "added",
            Self::Changed => "changed",
        })
    }
}

impl Consequence {
    fn new(effect: Effect, subject: impl Into<String>, reasons: Vec<String>) -> Self {
        Self {
            effect,
            subject: subject.into(),
            pods: Vec::new(),
            reasons,
        }
    }

    fn of_pods(self, pods: Vec<String>) -> Self {
        Self { pods, ..self }
    }
}

/// Compares what a release consists of with what it would consist of. `committee` is that of the new values.
pub fn compare(before: &Manifest, after: &Manifest, committee: &Committee) -> Upgrade {
    let configs = config::Change::between(before, after);
    let mut consequences = configs.consequences();
    consequences.extend(workloads::consequences(before, after, &configs));
    consequences.extend(objects::consequences(before, after));
    consequences.sort();
    consequences.dedup();
    let notes = notes(&consequences, committee);
    Upgrade {
        consequences,
        notes,
    }
}

/// `true` for the name of a workload of validators.
fn is_of_validators(name: &str) -> bool {
    Workload::from_name(name).is_some_and(|workload| workload.role() == Role::Validator)
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

/// `validator-0 to validator-3`, or the names one by one where they are not consecutive.
pub fn span(pods: &[String]) -> String {
    let parsed: Option<Vec<PodName>> = pods.iter().map(|pod| PodName::parse(pod)).collect();
    let consecutive = parsed.is_some_and(|parsed| {
        parsed.windows(2).all(|pair| {
            pair[1] == PodName::new(&pair[0].workload, pair[0].ordinal.saturating_add(1))
        })
    });
    match pods {
        [first, .., last] if consecutive && pods.len() > 2 => format!("{first} to {last}"),
        [first, ..] if pods.len() > 1 && pods.iter().all(|pod| pod == first) => {
            format!("{} × {first}", pods.len())
        }
        _ => pods.join(", "),
    }
}
