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
    /// With the proposer: a quorum and no more of them than that takes, or fewer.
    pub(super) accomplices: Vec<String>,
    /// The others.
    pub(super) honest: Vec<String>,
    /// Seats of the proposer and its accomplices.
    pub(super) votes: u64,
    /// Seats that are a quorum.
    pub(super) quorum: u64,
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

    /// The other pods that are ready.
    pub(super) fn others(&self) -> Vec<String> {
        let others = self.validators.pods.iter();
        let others = others.filter(|one| one.ready && one.name != self.pod);
        others.map(|one| one.name.clone()).collect()
    }

    /// With whom it is no quorum of `committee`: with nobody, or with one other pod.
    pub(super) fn minority(&self, committee: &[Address], accomplice: bool) -> Option<Sides> {
        minority(&self.validators, &self.pod, committee, accomplice)
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

/// The seats in `committee` of `pod`, and of the others that have some and are ready.
fn seats(all: &Validators, pod: &str, committee: &[Address]) -> (u64, Vec<(String, u64)>) {
    let seats = |pod: &str| {
        let attesters = all.attesters_of(pod).unwrap_or_default().iter();
        attesters.filter(|one| committee.contains(one)).count() as u64
    };
    let others = all.pods.iter().filter(|one| one.ready && one.name != pod);
    let others = others.map(|one| (one.name.clone(), seats(&one.name)));
    (seats(pod), others.filter(|(_, seats)| *seats > 0).collect())
}

/// Fewer than a quorum with `pod`, and everybody else.
fn minority(all: &Validators, pod: &str, committee: &[Address], accomplice: bool) -> Option<Sides> {
    let quorum = quorum(committee.len() as u64);
    let (mut votes, mut others) = seats(all, pod, committee);
    let mut accomplices = Vec::new();
    if accomplice {
        let fits = |(_, seats): &(String, u64)| votes + seats < quorum;
        let (name, seats) = others.remove(others.iter().position(fits)?);
        votes += seats;
        accomplices.push(name);
    }
    let honest: Vec<String> = others.into_iter().map(|(name, _)| name).collect();
    (votes < quorum && !honest.is_empty()).then_some(Sides {
        accomplices,
        honest,
        votes,
        quorum,
    })
}

/// Who is with `pod`, and who is not, of those that have seats in `committee` and are ready.
fn sides(all: &Validators, pod: &str, committee: &[Address]) -> Option<Sides> {
    let quorum = quorum(committee.len() as u64);
    let (mut votes, others) = seats(all, pod, committee);
    let mut others = others.into_iter();
    let mut accomplices = Vec::new();
    while votes < quorum {
        let (name, seats) = others.next()?;
        votes += seats;
        accomplices.push(name);
    }
    let honest: Vec<String> = others.map(|(name, _)| name).collect();
    (!honest.is_empty()).then_some(Sides {
        accomplices,
        honest,
        votes,
        quorum,
    })
}

#[cfg(test)]
pub(super) mod tests {
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

    /// A validator set of nobody.
    pub(in crate::attack) fn committee_of(size: u64) -> ValidatorSet {
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

    /// One has one key, and the other two.
    fn two_pods() -> Validators {
        Validators {
            groups: Vec::new(),
            pods: vec![
                pod("validator-0", true, &[1]),
                pod("validator-1", true, &[2, 3]),
            ],
            set: committee_of(4),
            others: [].into(),
        }
    }

    #[test]
    fn only_a_pod_without_which_there_is_a_quorum_misbehaves() {
        let mut all = two_pods();
        let who =
            |all: &Validators, n| dispensable(all, Address::repeat_byte(n)).map(str::to_owned);
        assert_eq!(who(&all, 1).as_deref(), Some("validator-0"));
        assert_eq!(who(&all, 2), None, "two of four are no quorum");
        assert_eq!(who(&all, 9), None, "nobody's attester");
        all.pods[0].ready = false;
        assert_eq!(who(&all, 1), None, "a pod that can't be told");
    }

    /// In the log of the proposer stands how many attest: exactly these.
    #[test]
    fn a_minority_is_counted_by_its_seats() {
        let mut all = two_pods();
        let minority = |all: &Validators, accomplice, committee: &[u8]| {
            let committee: Vec<Address> =
                committee.iter().map(|n| Address::repeat_byte(*n)).collect();
            let sides = minority(all, "validator-0", &committee, accomplice)?;
            Some((sides.votes, sides.quorum, sides.accomplices, sides.honest))
        };
        let names = |all: &[&str]| -> Vec<String> { all.iter().map(|&one| one.into()).collect() };
        let alone = Some((1, 3, vec![], names(&["validator-1"])));
        assert_eq!(minority(&all, false, &[1, 2, 3, 4]), alone);
        assert_eq!(
            minority(&all, true, &[1, 2, 3, 4]),
            None,
            "three are a quorum"
        );
        all.pods.push(pod("validator-2", true, &[4]));
        all.pods.push(pod("validator-3", true, &[5]));
        all.pods.push(pod("validator-4", false, &[6]));
        let two = Some((2, 3, names(&["validator-2"]), names(&["validator-1"])));
        assert_eq!(
            minority(&all, true, &[1, 2, 3, 4]),
            two,
            "who has no seat is left out"
        );
        let one = Some((2, 3, names(&["validator-1"]), names(&["validator-3"])));
        assert_eq!(minority(&all, true, &[1, 2, 5, 6]), one);
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
            votes: 3,
            quorum: 3,
        };
        assert_eq!(sides(&[0, 2, 3, 4]), Some(some));
    }
}
