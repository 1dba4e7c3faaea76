//! Whose turn it is to misbehave, when, and with whom.

use std::time::Duration;

use aznet_model::{
    chain::{Epoch, L1Block, Slot},
    committee::quorum,
    timing::Timing,
};
use aznet_network::{
    clients::l1::{L1, Rollup},
    validators::{self, Address, Validators},
};
use aznet_runner::Failure;
use jiff::Timestamp;

use crate::world::World;

/// Slots from being told until its turn, so that the proposer knows when it begins to build.
const SLOTS_AHEAD: u64 = 2;

/// Whose turn it is to misbehave.
pub(super) struct Turn {
    pub(super) slot: Slot,
    pub(super) pod: String,
    pub(super) attesters: Vec<Address>,
    pub(super) timing: Timing,
    /// The L1 before anything was done.
    pub(super) from: L1Block,
    pub(super) since: Timestamp,
    /// All that could be with it.
    validators: Validators,
}

/// Validator pods by what they do in a turn.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sides {
    /// With the proposer a quorum, and no more of them than that takes.
    pub(super) accomplices: Vec<String>,
    /// The others.
    pub(super) honest: Vec<String>,
}

impl Turn {
    /// Until the slot is over.
    pub(super) fn left(&self) -> Duration {
        let now = u64::try_from(Timestamp::now().as_second()).unwrap_or_default();
        let end = self.timing.genesis + (self.slot.0 + 1) * self.timing.slot.as_secs();
        Duration::from_secs(end.saturating_sub(now))
    }

    /// The epoch of the slot.
    pub(super) fn epoch(&self) -> Epoch {
        Epoch(self.slot.0 / self.timing.epoch_slots.max(1))
    }

    /// Another pod with which it is no quorum.
    pub(super) fn accomplice(&self) -> Option<&str> {
        accomplice(&self.validators, &self.pod)
    }

    /// With whom it is a quorum of `committee`, if somebody is left who is not.
    pub(super) fn sides(&self, committee: &[Address]) -> Option<Sides> {
        sides(&self.validators, &self.pod, committee)
    }
}

impl World {
    /// The next slot in which a pod proposes without which there is a quorum.
    pub(super) async fn turn(&self, l1: &L1, rollup: &Rollup) -> Result<Turn, Failure> {
        let since = Timestamp::now();
        let all = validators::collect(&self.network, &[]);
        let (timing, heads) = futures::join!(rollup.timing(), l1.heads());
        let (timing, heads) = (
            timing.map_err(Failure::infrastructure)?,
            heads.map_err(Failure::infrastructure)?,
        );
        let all = all.await.map_err(Failure::infrastructure)?;
        let now = u64::try_from(Timestamp::now().as_second()).unwrap_or_default();
        let moment = timing.at(now);
        // The committee of the next epoch is known, that of the one after it may not be.
        let last = (moment.epoch.0 + 2) * timing.epoch_slots;
        for slot in moment.slot.0 + SLOTS_AHEAD..last {
            let begin = timing.genesis + slot * timing.slot.as_secs();
            let proposer = rollup
                .proposer_at(begin)
                .await
                .map_err(Failure::infrastructure)?;
            let Some(pod) = dispensable(&all, proposer) else {
                continue;
            };
            return Ok(Turn {
                slot: Slot(slot),
                attesters: all.attesters_of(pod).unwrap_or_default().to_vec(),
                pod: pod.to_owned(),
                timing,
                from: heads.block,
                since,
                validators: all,
            });
        }
        Err(Failure::skipped(
            "a proposer in this epoch or the next without whose pod there is a quorum",
        ))
    }
}

/// The ready pod that proposes for `proposer`, if the others are a quorum without it.
pub(super) fn dispensable(all: &Validators, proposer: Address) -> Option<&str> {
    let pod = all.holder(proposer)?;
    let attesters = all.attesters_of(pod)?.len() as u64;
    let committee = all.set.committee_size;
    let rest = committee.checked_sub(attesters)?;
    let is_ready = all.pods.iter().any(|one| one.name == pod && one.ready);
    (is_ready && rest >= quorum(committee)).then_some(pod)
}

/// A ready pod with which the attesters of `pod` are no quorum.
fn accomplice<'a>(all: &'a Validators, pod: &str) -> Option<&'a str> {
    let quorum = quorum(all.set.committee_size);
    let attesters = |pod: &str| all.attesters_of(pod).map_or(0, <[_]>::len) as u64;
    let fits = |other: &str| {
        let both = attesters(pod) + attesters(other);
        other != pod && attesters(other) > 0 && both < quorum
    };
    let other = all.pods.iter().find(|one| one.ready && fits(&one.name));
    other.map(|one| one.name.as_str())
}

/// Who is with `pod`, and who is not, of those that have seats in `committee` and are ready.
fn sides(all: &Validators, pod: &str, committee: &[Address]) -> Option<Sides> {
    let seats = |pod: &str| {
        let attesters = all.attesters_of(pod).unwrap_or_default().iter();
        attesters.filter(|one| committee.contains(one)).count() as u64
    };
    let others = all.pods.iter().filter(|one| one.ready && one.name != pod);
    let mut others = others.filter(|one| seats(&one.name) > 0);
    let mut votes = seats(pod);
    let mut accomplices = Vec::new();
    while votes < quorum(committee.len() as u64) {
        let next = others.next()?;
        votes += seats(&next.name);
        accomplices.push(next.name.clone());
    }
    let honest: Vec<String> = others.map(|one| one.name.clone()).collect();
    (!honest.is_empty()).then_some(Sides {
        accomplices,
        honest,
    })
}

#[cfg(test)]
mod tests {
    use aznet_model::report::{Held, ValidatorSet};
    use aznet_network::validators::ValidatorPod;

    use super::*;

    fn pod(name: &str, ready: bool, attesters: &[u8]) -> ValidatorPod {
        let attesters = attesters.iter().map(|n| Address::repeat_byte(*n)).collect();
        ValidatorPod {
            name: name.to_owned(),
            ready,
            held: Some(Held {
                attesters,
                ..Held::default()
            }),
        }
    }

    fn committee_of(size: u64) -> ValidatorSet {
        ValidatorSet {
            rollup: Address::ZERO,
            l1_time: 0,
            genesis: 0,
            slot_duration: 12,
            epoch_duration: 4,
            lag_in_epochs: 2,
            committee_size: size,
            exit_delay: 0,
            active: size,
            attesters: Vec::new(),
            queue: Vec::new(),
            draws: Vec::new(),
        }
    }

    #[test]
    fn only_a_pod_without_which_there_is_a_quorum_misbehaves() {
        let mut all = Validators {
            groups: Vec::new(),
            pods: vec![
                pod("validator-0", true, &[1]),
                pod("validator-1", true, &[2, 3]),
            ],
            set: committee_of(4),
            others: [].into(),
        };
        let who =
            |all: &Validators, n| dispensable(all, Address::repeat_byte(n)).map(str::to_owned);
        assert_eq!(who(&all, 1).as_deref(), Some("validator-0"));
        assert_eq!(who(&all, 2), None, "two of four are no quorum");
        assert_eq!(who(&all, 9), None, "nobody's attester");
        assert_eq!(accomplice(&all, "validator-0"), None, "three are a quorum");
        all.pods.push(pod("validator-2", true, &[4]));
        assert_eq!(accomplice(&all, "validator-0"), Some("validator-2"));
        all.pods[0].ready = false;
        assert_eq!(who(&all, 1), None, "a pod that can't be told");
    }
    #[test]
    fn a_quorum_is_no_larger_than_it_must_be_and_leaves_somebody_honest() {
        let all = Validators {
            groups: Vec::new(),
            pods: (0..5)
                .map(|n| pod(&format!("validator-{n}"), n != 1, &[n]))
                .collect(),
            set: committee_of(4),
            others: [].into(),
        };
        let sides = |committee: &[u8]| {
            let committee: Vec<Address> =
                committee.iter().map(|n| Address::repeat_byte(*n)).collect();
            sides(&all, "validator-2", &committee)
        };
        let names = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
        // The first is not of the committee, the second is not ready.
        assert_eq!(sides(&[1, 2, 3, 4]), None, "nobody honest is left");
        let some = Sides {
            accomplices: names(&["validator-0", "validator-3"]),
            honest: names(&["validator-4"]),
        };
        assert_eq!(sides(&[0, 2, 3, 4]), Some(some));
    }
}
