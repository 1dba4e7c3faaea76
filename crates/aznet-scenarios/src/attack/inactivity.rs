//! A validator that does nothing.

use std::{cmp::Reverse, collections::BTreeMap, time::Duration};

use alloy_primitives::U256;
use aznet_kit::wait::Look;
use aznet_model::{
    chain::{Epoch, L1Block, Slot},
    role::Role,
    slashing::{SlasherFlavor, Slashing},
    timing::{Moment, Timing},
    values::{Validators as Group, Values},
};
use aznet_network::{
    clients::l1::{L1Error, Rollup, stakes::Slash},
    observe::timing,
    validators::{self, Address, Validators},
};
use aznet_runner::Failure;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{adversary::INACTIVITY, offence, turn::dispensable};
use crate::world::World;

/// Slots after the vote in which the slash must be executed; each proposer may do it.
const SLOTS_TO_EXECUTE: u64 = 6;

/// When a validator does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Idleness {
    /// The first slot, with which an epoch begins.
    first: Slot,
    /// The last slot. Its epoch is the one that the offence is in.
    last: Slot,
    /// The last slot of the vote on it.
    end: Slot,
}

/// What it did not do.
#[derive(Debug, Deserialize)]
struct Omitted {
    proposals: u64,
}

/// What the L1 says of stakes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Books {
    slashes: Vec<Slash>,
    stakes: BTreeMap<Address, U256>,
}

/// What is needed of a network: that an inactive validator is slashed, has duties in every epoch, and stays one.
pub(crate) fn lacks(values: &Values) -> Option<&'static str> {
    let (network, slashing) = (&values.network, &values.network.slashing);
    let penalty = slashing.taken(&slashing.penalties.inactivity);
    let punished = network.sentinel.enabled && slashing.flavor == SlasherFlavor::Tally;
    let punished = (penalty.is_none() || !punished)
        .then_some("a penalty for inactivity (set network.slashing.disablePenalties to false)");
    let stake: U256 = network
        .staking
        .activation_threshold
        .parse()
        .unwrap_or_default();
    let ejected = !slashing.keeps(stake.saturating_sub(penalty.unwrap_or_default()));
    let ejected = ejected
        .then_some("a slash that does not eject (set network.slashing.localEjectionThreshold)");
    let validators: u64 = values.validators().iter().map(Group::attesters).sum();
    let idle = (validators != network.committee_size)
        .then_some("a committee of all validators (set network.committeeSize)");
    let needed = super::lacks(values).or_else(|| super::lacks_prover(values));
    needed.or(punished).or(ejected).or(idle)
}

/// A validator does nothing for as long as that is an offence, and no longer. It is slashed once, nobody else is, and the chain goes
/// on.
pub(crate) async fn run(world: World) -> Result<(), Failure> {
    let nodes = world.nodes().await?;
    let (_, rollup) = world.rollup(&nodes[0]).await?;
    let slashing = timing::slashing(&world.network).await;
    let slashing = slashing.map_err(Failure::infrastructure)?;
    let penalty = slashing.taken(&slashing.penalties.inactivity);
    let penalty = penalty.ok_or_else(|| Failure::skipped("a penalty for inactivity"))?;
    let all = validators::collect(&world.network, &[]).await;
    let all = all.map_err(Failure::infrastructure)?;
    if all.set.active != all.set.committee_size {
        return Err(Failure::skipped("a committee of all validators"));
    }
    let pod = idler(&all, &slashing, penalty)
        .ok_or_else(|| Failure::skipped("a validator pod without which there is a quorum"))?;
    let before = Books::read(&rollup, &all).await;
    let before = before.map_err(Failure::infrastructure)?;
    let epoch = idle(&world, &rollup, pod, &slashing).await?;
    let attesters = all.attesters_of(pod).unwrap_or_default();
    offence::inactivity(&world, (pod, attesters), epoch).await?;
    executed(&world, &rollup, &before, &slashing).await?;
    world.goes_on(&nodes).await?;
    let after = Books::read(&rollup, &all).await;
    let after = after.map_err(Failure::infrastructure)?;
    let told = after.since(&before, attesters, penalty);
    world
        .context
        .step(format!("{pod}: {}", told.map_err(Failure::assertion)?));
    Ok(())
}

/// Has a validator do nothing for a while; until the vote on it is over. The epoch that the offence is in.
async fn idle(
    world: &World,
    rollup: &Rollup,
    pod: &str,
    slashing: &Slashing,
) -> Result<Epoch, Failure> {
    let timing = rollup.timing().await.map_err(Failure::infrastructure)?;
    let now = u64::try_from(Timestamp::now().as_second()).unwrap_or_default();
    let idleness = Idleness::after(timing.at(now), slashing);
    let Idleness { first, last, end } = idleness;
    world.context.step(format!(
        "{pod} does nothing from {first} to {last}; the vote on that ends with {end}"
    ));
    let omitted: Omitted = INACTIVITY
        .misbehave_with(
            world,
            (pod, Role::Validator),
            json!(idleness),
            idleness.left(&timing, now),
        )
        .await?;
    world.context.step(format!(
        "{pod} left {} proposals unanswered",
        omitted.proposals
    ));
    Ok(Epoch(last.0 / timing.epoch_slots.max(1)))
}

/// Waits until somebody more is slashed.
async fn executed(
    world: &World,
    rollup: &Rollup,
    before: &Books,
    slashing: &Slashing,
) -> Result<(), Failure> {
    let delay = slashing.execution_delay_in_rounds * slashing.round_size_in_epochs;
    let slots = SLOTS_TO_EXECUTE + delay * u64::from(world.time.epoch_slots);
    let within = world.time.slots(u32::try_from(slots).unwrap_or(u32::MAX));
    world
        .until("a slash on L1", within, || async {
            let slashes = rollup.slashes(L1Block(0)).await;
            Ok(Look::or_pending(slashes.map(|slashes| {
                if slashes.len() > before.slashes.len() {
                    Look::Done(())
                } else {
                    Look::Pending(format!("{} since the beginning", slashes.len()))
                }
            })))
        })
        .await
}

/// The ready pod with the most at stake without which there is a quorum, and which keeps its place without the penalty.
fn idler<'a>(all: &'a Validators, slashing: &Slashing, penalty: U256) -> Option<&'a str> {
    let mut richest: Vec<_> = all.set.attesters.iter().collect();
    richest.sort_by_key(|one| Reverse(one.stake));
    let mut able = richest
        .into_iter()
        .filter(|one| slashing.keeps(one.stake.saturating_sub(penalty)));
    able.find_map(|one| dispensable(all, one.address))
}

impl Idleness {
    /// The next epochs, as many in a row as make an offence.
    fn after(now: Moment, slashing: &Slashing) -> Self {
        let slots = now.epoch_slots;
        // It has to be told before they begin.
        let told = u64::from(now.slot_in_epoch + 1 >= slots);
        let begin = now.epoch.0 + 1 + told;
        let offence = begin + slashing.inactivity.consecutive_epochs.max(1) - 1;
        let epochs = slashing.round_size_in_epochs.max(1);
        let vote = offence / epochs + slashing.offset_in_rounds;
        Self {
            first: Slot(begin * slots),
            last: Slot((offence + 1) * slots - 1),
            end: Slot((vote + 1) * epochs * slots - 1),
        }
    }

    /// From a time in Unix seconds until the vote is over, and a slot more in which that is noticed.
    fn left(&self, timing: &Timing, now: u64) -> Duration {
        let end = timing.genesis + (self.end.0 + 2) * timing.slot.as_secs();
        Duration::from_secs(end.saturating_sub(now))
    }
}

impl Books {
    async fn read(rollup: &Rollup, all: &Validators) -> Result<Self, L1Error> {
        let mut stakes = BTreeMap::new();
        for one in &all.set.attesters {
            stakes.insert(one.address, rollup.stake(one.address).await?);
        }
        let slashes = rollup.slashes(L1Block(0)).await?;
        Ok(Self { slashes, stakes })
    }

    /// That since `before` each of these, and nobody else, was slashed once and has so much less at stake; else what is otherwise.
    fn since(&self, before: &Self, who: &[Address], penalty: U256) -> Result<String, String> {
        let new = self.slashes.iter().skip(before.slashes.len());
        let mut taken = BTreeMap::<Address, Vec<U256>>::new();
        for slash in new {
            taken.entry(slash.attester).or_default().push(slash.amount);
        }
        let due: BTreeMap<_, _> = who.iter().map(|one| (*one, vec![penalty])).collect();
        if taken != due {
            return Err(format!("expected that {due:?} is slashed, seen {taken:?}"));
        }
        for (one, had) in &before.stakes {
            let has = self.stakes.get(one).copied().unwrap_or_default();
            let lost = had.saturating_sub(has);
            let due = due.get(one).map_or(U256::ZERO, |_| penalty);
            if *had != has + due {
                return Err(format!("{one}: expected that it loses {due}, seen {lost}"));
            }
        }
        Ok(format!(
            "slashed by {penalty}, once, and nobody else; slashes since the beginning: {}",
            self.slashes.len()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::tests::values;

    fn moment(slot: u64) -> Moment {
        Moment {
            slot: Slot(slot),
            epoch: Epoch(slot / 5),
            seconds_into_slot: 0,
            slot_seconds: 12,
            slot_in_epoch: slot % 5,
            epoch_slots: 5,
        }
    }

    #[test]
    fn an_idler_is_told_before_its_epochs_and_watched_until_the_vote_is_over() {
        let mut slashing = values("guarded", &[]).network.slashing;
        let idleness = |slot, slashing: &Slashing| {
            let Idleness { first, last, end } = Idleness::after(moment(slot), slashing);
            (first.0, last.0, end.0)
        };
        // Epochs 3 and 4; the vote on what happened in epoch 4 is in epoch 6.
        assert_eq!(idleness(13, &slashing), (15, 24, 34));
        assert_eq!(idleness(14, &slashing), (20, 29, 39));
        // Rounds of two epochs: epoch 4 is in round 2, which round 3 votes on, epochs 6 and 7.
        (slashing.round_size_in_epochs, slashing.offset_in_rounds) = (2, 1);
        assert_eq!(idleness(13, &slashing), (15, 24, 39));
    }

    #[test]
    fn who_is_slashed_is_held_against_who_was_idle() {
        let (idle, other) = (Address::repeat_byte(1), Address::repeat_byte(2));
        let amount = |n: u64| U256::from(n);
        let books = |slashes: &[(Address, u64)], stakes: [u64; 2]| Books {
            slashes: slashes
                .iter()
                .map(|(attester, n)| Slash {
                    attester: *attester,
                    amount: amount(*n),
                    block: L1Block(7),
                })
                .collect(),
            stakes: [(idle, amount(stakes[0])), (other, amount(stakes[1]))].into(),
        };
        let before = books(&[(other, 10)], [100, 90]);
        let seen = |slashes: &[(Address, u64)], stakes| {
            let slashes = [&[(other, 10)], slashes].concat();
            books(&slashes, stakes).since(&before, &[idle], amount(10))
        };
        assert!(seen(&[(idle, 10)], [90, 90]).is_ok());
        for (slashes, stakes) in [
            (&[][..], [100, 90]),
            (&[(idle, 20)], [80, 90]),
            (&[(idle, 10), (idle, 10)], [80, 90]),
            (&[(idle, 10), (other, 10)], [90, 80]),
            (&[(idle, 10)], [100, 90]),
            (&[(idle, 10)], [90, 80]),
            (&[(other, 10)], [100, 80]),
        ] {
            let told = seen(slashes, stakes);
            assert!(told.is_err(), "{slashes:?} {stakes:?}: {told:?}");
        }
    }

    #[test]
    fn only_a_network_with_a_penalty_that_ejects_nobody_can_be_tested() {
        let lacks = |name, sets: &[&str]| lacks(&values(name, sets));
        assert_eq!(lacks("guarded", &[]), None);
        assert!(lacks("small", &[]).is_some_and(|why| why.contains("a penalty")));
        let on = "network.slashing.disablePenalties=false";
        assert!(lacks("small", &[on]).is_some_and(|why| why.contains("eject")));
        let five = "validator.replicas=5";
        assert!(lacks("guarded", &[five]).is_some_and(|why| why.contains("committee")));
        let blind = "network.sentinel.enabled=false";
        assert!(lacks("guarded", &[blind]).is_some_and(|why| why.contains("a penalty")));
    }
}
