//! Drawing.

use std::collections::BTreeMap;

use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::drawn::{Drawn, Fault, attacks, catalogue};
use super::ground::{Ground, Setting};
use super::survival::Case;
use crate::condition::{Condition, Expects, Length, Wave};

/// Networks that are tried: most can be had.
const TRIES: usize = 64;
/// Faults of a scenario, at most.
const FAULTS: usize = 3;
/// Slots within which faults begin.
const WITHIN: u32 = 6;
/// What a fault lasts, at least.
const SHORTEST: u32 = 3;
/// Of so many scenarios one has an attack.
const ATTACKS: u32 = 3;
/// Transfers a slot, at most.
const LOAD: u32 = 2;
/// Keys in a validator pod, and how many pods may have as many.
const PODS: [(u32, std::ops::RangeInclusive<u32>); 5] =
    [(1, 1..=1), (1, 4..=7), (1, 4..=7), (2, 2..=5), (4, 1..=3)];
/// Prover nodes, brokers and agents.
const PROVERS: [[u32; 3]; 3] = [[1, 0, 0], [1, 1, 1], [2, 1, 2]];

/// The scenario of a seed: the same wherever it is drawn.
pub fn draw(seed: u64, ground: &Ground) -> Drawn {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    for _ in 0..TRIES {
        let drawn = network(seed, &mut dice);
        if let Ok(setting) = ground.setting(&drawn)
            && is_survived(&drawn, &setting, ground)
        {
            return beset(drawn, (&setting, ground), &mut dice);
        }
    }
    let none = BTreeMap::new();
    empty(seed, none)
}

fn empty(seed: u64, set: BTreeMap<String, u32>) -> Drawn {
    Drawn {
        seed,
        failed: None,
        set,
        faults: Vec::new(),
        attack: None,
        load: 0,
    }
}

fn is_survived(drawn: &Drawn, setting: &Setting, ground: &Ground) -> bool {
    Case::new(drawn, setting, ground).is_ok_and(|case| case.refusal().is_none())
}

fn network(seed: u64, dice: &mut ChaCha8Rng) -> Drawn {
    let (keys, pods) = PODS[index(dice, PODS.len())].clone();
    let pods = dice.gen_range(pods);
    let validators = keys * pods;
    // Of more validators than a committee has, another one is drawn for each epoch.
    let all = validators < 5 || dice.gen_ratio(2, 3);
    let committee = if all {
        validators
    } else {
        dice.gen_range(4..validators)
    };
    let [prover_nodes, brokers, agents] = PROVERS[index(dice, PROVERS.len())];
    let set = [
        ("network.committeeSize", committee),
        ("validator.replicas", pods),
        ("validator.keysPerReplica", keys),
        ("fullNode.replicas", dice.gen_range(0..=2)),
        ("pxe.replicas", dice.gen_range(1..=2)),
        ("proverNode.replicas", prover_nodes),
        ("proverBroker.replicas", brokers),
        ("proverAgent.replicas", agents),
    ];
    let set = set.into_iter().map(|(key, value)| (key.to_owned(), value));
    empty(seed, set.collect())
}

/// Faults, an attack and load, each as far as the network must survive it.
fn beset(mut drawn: Drawn, (setting, ground): (&Setting, &Ground), dice: &mut ChaCha8Rng) -> Drawn {
    let add = |drawn: &mut Drawn, more: Drawn| {
        if is_survived(&more, setting, ground) {
            *drawn = more;
        }
    };
    let mut attacks = attacks();
    let attack = attacks.swap_remove(index(dice, attacks.len()));
    if dice.gen_ratio(1, ATTACKS) {
        let attack = Some(attack.name.to_owned());
        let more = drawn.clone();
        add(&mut drawn, Drawn { attack, ..more });
    }
    let mut waves: Vec<&Wave> = survivable().map(|(_, wave)| wave).collect();
    waves.shuffle(dice);
    let wanted = 1 + index(dice, FAULTS);
    for wave in waves {
        let fault = fault(wave, drawn.faults.is_empty(), dice);
        if drawn.faults.len() < wanted {
            let mut more = drawn.clone();
            more.faults.push(fault);
            add(&mut drawn, more);
        }
    }
    drawn.faults.sort_by_key(|fault| fault.after);
    let (load, more) = (dice.gen_range(0..=LOAD), drawn.clone());
    add(&mut drawn, Drawn { load, ..more });
    drawn
}

/// Faults after which the chain goes on.
fn survivable() -> impl Iterator<Item = (&'static Condition, &'static Wave)> {
    catalogue().filter(|(condition, _)| {
        matches!(
            condition.expects,
            Expects::GoesOn { .. } | Expects::Recovers
        )
    })
}

/// A fault that begins and ends at some time; the first begins at once.
fn fault(wave: &Wave, is_first: bool, dice: &mut ChaCha8Rng) -> Fault {
    let (after, slots) = (
        dice.gen_range(0..=WITHIN),
        dice.gen_range(SHORTEST..=usual(wave)),
    );
    Fault {
        name: wave.name.to_owned(),
        after: if is_first { 0 } else { after },
        slots: if wave.is_over_at_once() {
            usual(wave)
        } else {
            slots
        },
    }
}

/// How long the condition has it.
fn usual(wave: &Wave) -> u32 {
    match wave.lasts {
        Length::Slots(slots) => slots.max(SHORTEST),
        Length::ProofWindowAnd(_) => SHORTEST,
    }
}

/// A place among so many; of 32 bits, so that it is the same on every machine.
fn index(dice: &mut ChaCha8Rng, of: usize) -> usize {
    let of = u32::try_from(of).unwrap_or(u32::MAX).max(1);
    usize::try_from(dice.gen_range(0..of)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::generate::survival::refusal;
    use crate::topology::tests::source;

    fn ground() -> Ground {
        Ground::read(&source()).expect("a source tree")
    }

    /// Another crate of random numbers, or another order of the same questions, would make every seed that was told useless.
    #[test]
    fn a_seed_draws_the_same_everywhere() {
        let ground = ground();
        let words = (0..16).map(|seed| format!("{seed}: {}", draw(seed, &ground).words()));
        insta::assert_snapshot!(words.collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn all_that_is_drawn_is_possible_and_must_be_survived() {
        let ground = ground();
        let (mut faults, mut attacks, mut most, mut load) =
            (BTreeSet::new(), BTreeSet::new(), 0, 0);
        for seed in 0..2_000 {
            let drawn = draw(seed, &ground);
            assert_eq!(refusal(&drawn, &ground), None, "{}", drawn.words());
            most = most.max(drawn.faults.len());
            load = load.max(drawn.load);
            faults.extend(drawn.faults.into_iter().map(|fault| fault.name));
            attacks.extend(drawn.attack);
        }
        // What is never drawn is not tested.
        assert_eq!((most, load), (FAULTS, LOAD));
        assert_eq!(faults.len(), survivable().count(), "{faults:?}");
        assert_eq!(attacks.len(), super::attacks().len(), "{attacks:?}");
    }
}
