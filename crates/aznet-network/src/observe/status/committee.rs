//! The committee of an epoch and who of it is there.

use std::collections::{BTreeSet, HashMap};

use alloy_primitives::Address;
use aznet_model::{committee::quorum, timing::Moment};
use futures::future::join_all;
use serde::Serialize;

use crate::{
    clients::l1::Rollup,
    clients::l2::{Node, ValidatorsStats},
};

/// Sentinels look at slots with a delay; a member counts as absent if its last duty in this many slots was missed.
const RECENT_SLOTS: u64 = 16;

/// Nodes that are asked what they saw of validators, at most: they all watch the same slots.
const SENTINELS: usize = 32;

/// A committee and how far it is from losing its quorum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Committee {
    /// Its members.
    pub size: u64,
    /// Signatures that a checkpoint needs.
    pub quorum: u64,
    /// Members that are there: their pods serve, and they did their last duty where a sentinel saw it; `None` if neither is
    /// known.
    pub present: Option<u64>,
    /// How many more may fail before checkpoints stop; counts from `present` where that is known.
    pub may_fail: u64,
    /// Validators that may be drawn into a committee; `None` if the L1 doesn't say.
    pub validators: Option<u64>,
}

impl Committee {
    /// Members that are missing for a quorum; 0 where it is there, or isn't known not to be.
    pub fn short_of_quorum(&self) -> u64 {
        self.present
            .map_or(0, |present| self.quorum.saturating_sub(present))
    }
}

/// The committee at `moment`; `None` if the L1 has none for that epoch.
/// `absent`: attesters whose pods don't serve, if that is known.
pub(super) async fn of(
    rollup: &Rollup,
    moment: Moment,
    nodes: &[Node],
    absent: Option<&BTreeSet<Address>>,
) -> Option<Committee> {
    // Each tells of every validator.
    let every = nodes.len().div_ceil(SENTINELS).max(1);
    let sentinels = nodes.iter().step_by(every);
    let stats = join_all(sentinels.map(Node::validators_stats));
    let (members, validators, stats) = futures::join!(
        rollup.committee(moment.epoch),
        rollup.active_attesters(),
        stats
    );
    let members = members
        .inspect_err(|error| tracing::debug!(%error, "no committee"))
        .ok()?;
    let stats: Vec<ValidatorsStats> = stats.into_iter().flatten().collect();
    let mut committee = count(&members, &stats, moment.slot.0, absent);
    committee.validators = validators.ok();
    Some(committee)
}

fn count(
    members: &[Address],
    stats: &[ValidatorsStats],
    slot: u64,
    absent: Option<&BTreeSet<Address>>,
) -> Committee {
    let size = members.len() as u64;
    let quorum = quorum(size);
    let last = last_duties(stats, slot.saturating_sub(RECENT_SLOTS));
    let there = |member: &&Address| {
        let serves = absent.is_none_or(|absent| !absent.contains(*member));
        serves && last.get(*member).is_none_or(|(_, alive)| *alive)
    };
    let known = absent.is_some() || !last.is_empty();
    let present = known.then(|| members.iter().filter(there).count() as u64);
    Committee {
        size,
        quorum,
        present,
        may_fail: present.unwrap_or(size).saturating_sub(quorum),
        validators: None,
    }
}

/// The newest duty of each validator that any sentinel saw since `oldest`: its slot, and whether it was done. Of two
/// sentinels that disagree about a slot, the one that saw something is right.
fn last_duties(stats: &[ValidatorsStats], oldest: u64) -> HashMap<Address, (u64, bool)> {
    let mut last: HashMap<Address, (u64, bool)> = HashMap::new();
    for (address, validator) in stats.iter().flat_map(|stats| &stats.stats) {
        let (Ok(address), Some(duty)) = (address.parse(), validator.history.last()) else {
            continue;
        };
        if duty.slot >= oldest {
            let newest = last.entry(address).or_insert((0, false));
            *newest = (*newest).max((duty.slot, duty.status.alive()));
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn member(n: u8) -> Address {
        Address::repeat_byte(n)
    }

    fn stats(duties: &[(u8, u64, &str)]) -> ValidatorsStats {
        let stats: serde_json::Map<_, _> = duties
            .iter()
            .map(|(n, slot, status)| {
                let history = json!([{"slot": slot, "status": status}]);
                (
                    member(*n).to_string().to_lowercase(),
                    json!({"totalSlots": 1, "history": history}),
                )
            })
            .collect();
        serde_json::from_value(json!({"stats": stats, "slotWindow": 100})).unwrap()
    }

    #[test]
    fn without_sentinels_nobody_is_known_to_be_absent() {
        let committee = count(&[1, 2, 3, 4].map(member), &[], 40, None);
        assert_eq!(
            committee,
            Committee {
                size: 4,
                quorum: 3,
                present: None,
                may_fail: 1,
                validators: None
            }
        );
    }

    #[test]
    fn a_member_that_missed_its_last_duty_is_absent() {
        let one = stats(&[
            (1, 39, "attestation-sent"),
            (2, 39, "attestation-missed"),
            (3, 38, "checkpoint-mined"),
        ]);
        let other = stats(&[(1, 39, "attestation-missed"), (2, 38, "attestation-sent")]);
        let committee = count(&[1, 2, 3, 4].map(member), &[one, other], 40, None);
        assert_eq!((committee.present, committee.may_fail), (Some(3), 0));
    }

    #[test]
    fn members_whose_pods_do_not_serve_are_absent_before_a_sentinel_sees_it() {
        let gone = BTreeSet::from([member(2), member(3), member(9)]);
        let early = stats(&[(2, 39, "attestation-sent")]);
        let committee = count(&[1, 2, 3, 4].map(member), &[early], 40, Some(&gone));
        assert_eq!((committee.present, committee.may_fail), (Some(2), 0));
        assert_eq!(committee.short_of_quorum(), 1);
    }

    #[test]
    fn what_was_long_ago_does_not_count() {
        let committee = count(
            &[1, 2, 3, 4].map(member),
            &[stats(&[(2, 3, "attestation-missed")])],
            40,
            None,
        );
        assert_eq!(committee.present, None);
    }
}
