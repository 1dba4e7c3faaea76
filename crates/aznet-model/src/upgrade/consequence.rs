//! Something that an upgrade does, and to what.

use crate::pod::PodName;
use serde::Serialize;
use std::fmt;

/// What happens to something, the gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It can't be: the cluster or the L1 contracts don't allow it. Nothing is applied.
    Refused,
    /// Data goes that doesn't come back by itself.
    Lost,
    /// Attesters leave the validator set on L1 for good.
    Retired,
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

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Refused => "refused",
            Self::Lost => "lost",
            Self::Retired => "retired",
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
    pub(super) fn new(effect: Effect, subject: impl Into<String>, reasons: Vec<String>) -> Self {
        Self {
            effect,
            subject: subject.into(),
            pods: Vec::new(),
            reasons,
        }
    }

    pub(super) fn of_pods(self, pods: Vec<String>) -> Self {
        Self { pods, ..self }
    }
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
