//! What a condition needs of a network.

use aznet_model::plan::Committee;
use aznet_model::role::Role;
use aznet_model::units::count;

use crate::topology::Facts;

/// What a condition needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// So many pods of a role, and why.
    Pods(Role, u32, &'static str),
    /// A validator pod without which any committee has a quorum.
    SparePod,
    /// Validator pods without which no committee has a quorum.
    BreakableQuorum,
    /// Validator pods without which no committee has a quorum, and which have none by themselves.
    Sides,
    /// So many validator pods that faults may be done to, and why.
    ValidatorPods(u32, &'static str),
    /// Keys for another validator pod.
    KeysForOneMore,
    /// No penalties: one prune would have the whole committee slashed, and the chain would halt for good.
    NoPenalties,
}

impl Need {
    pub(super) fn words(&self) -> String {
        match *self {
            Self::Pods(role, 1, why) => format!("a {role}: {why}"),
            Self::Pods(role, pods, why) => format!("{}: {why}", count(pods as usize, role.name())),
            Self::SparePod => "a validator pod that may be away with all its keys".to_owned(),
            Self::BreakableQuorum => {
                "validators of the group `default` that no quorum is possible without".to_owned()
            }
            Self::Sides => {
                "validators of the group `default` that no quorum is possible without, and that are none themselves".to_owned()
            }
            Self::ValidatorPods(pods, _) => {
                format!("{pods} validator pods of the group `default`")
            }
            Self::KeysForOneMore => "keys for another validator of the group `default`".to_owned(),
            Self::NoPenalties => {
                "no penalties (network.slashing.disablePenalties): the whole committee would be slashed for a prune"
                    .to_owned()
            }
        }
    }

    pub(super) fn refusal(&self, facts: &Facts) -> Option<String> {
        match *self {
            Self::Pods(role, pods, why) => {
                let there = facts.pods(role);
                let seen = if there == 0 {
                    format!("no {role}")
                } else {
                    count(there as usize, role.name())
                };
                (there < pods).then(|| format!("has {seen}: {why}"))
            }
            Self::SparePod => without_one(facts),
            Self::BreakableQuorum => facts.breaking().is_none().then(|| unbreakable(facts)),
            Self::Sides => one_sided(facts),
            Self::ValidatorPods(pods, why) => {
                let there = facts.validator_pods();
                (there < pods).then(|| {
                    let there = count(there as usize, "validator pod");
                    format!("has {there}: {why}")
                })
            }
            Self::KeysForOneMore => {
                let there = facts.validator_pods();
                let end = facts.room_for_validators().filter(|room| *room <= u64::from(there));
                end.map(|_| format!("has no keys for more than {}", count(there as usize, "validator pod")))
            }
            Self::NoPenalties => facts.has_penalties().then(|| {
                "has penalties: the whole committee would be slashed for the prune, and the chain would halt for good"
                    .to_owned()
            }),
        }
    }
}

fn unbreakable(facts: &Facts) -> String {
    let Committee { quorum, .. } = facts.committee();
    format!("other groups of validators have the quorum of {quorum} by themselves")
}

/// Why one of two sides would have a quorum.
fn one_sided(facts: &Facts) -> Option<String> {
    let Some(pods) = facts.breaking() else {
        return Some(unbreakable(facts));
    };
    let Committee { size, quorum, .. } = *facts.committee();
    // Where more are validators than are drawn, all that are drawn may be of one side.
    let most = (u64::from(pods) * facts.keys_per_pod()).min(size);
    (most >= quorum).then(|| {
        format!(
            "one side would be {} with {}, and a quorum is {quorum}",
            count(pods as usize, "validator pod"),
            count(usize::try_from(most).unwrap_or(usize::MAX), "attester"),
        )
    })
}

/// Why no validator pod may be away.
fn without_one(facts: &Facts) -> Option<String> {
    let Committee {
        size,
        quorum,
        may_fail,
        ..
    } = *facts.committee();
    let keys = facts.keys_per_pod();
    if facts.validator_pods() == 0 {
        return Some("has no validator in the group `default`".to_owned());
    }
    let taken = keys.min(size);
    let all = count(usize::try_from(size).unwrap_or(usize::MAX), "attester");
    (keys > may_fail).then(|| {
        format!(
            "a validator pod holds {taken} of {all} in the committee: without it {} attest, and a checkpoint needs {quorum}",
            size - taken
        )
    })
}
