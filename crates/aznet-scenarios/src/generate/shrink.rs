//! From a scenario that fails to a smaller one that fails, too, in few runs: each costs minutes.

use std::iter::once;

use super::drawn::{Drawn, Fault};
use super::ground::Ground;
use super::survival;

/// A fault is hardly seen in less.
const SHORTEST: u32 = 3;

/// Makes a scenario smaller, step by step, as long as it fails.
#[derive(Debug)]
pub struct Shrinker<'a> {
    smallest: Drawn,
    /// What did not fail.
    held: Vec<Drawn>,
    ground: &'a Ground,
}

/// A smaller scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What was done to the one before.
    pub words: String,
    /// The scenario.
    pub drawn: Drawn,
}

impl<'a> Shrinker<'a> {
    /// Begins with a scenario that fails.
    pub const fn new(failed: Drawn, ground: &'a Ground) -> Self {
        Self {
            smallest: failed,
            held: Vec::new(),
            ground,
        }
    }

    /// What is to be tried next; `None`: nothing smaller is left.
    pub fn next(&self) -> Option<Step> {
        let all = once(halved(&self.smallest, self.ground));
        let all = all
            .chain(fewer(&self.smallest))
            .chain(once(shorter(&self.smallest)));
        let mut new =
            all.filter(|step| step.drawn != self.smallest && !self.held.contains(&step.drawn));
        new.find(|step| survival::refusal(&step.drawn, self.ground).is_none())
    }

    /// Takes in whether a step failed as the scenario did.
    pub fn tried(&mut self, step: Step, failed: bool) {
        if failed {
            self.smallest = step.drawn;
        } else {
            self.held.push(step.drawn);
        }
    }

    /// The smallest that is known to fail.
    pub fn smallest(self) -> Drawn {
        self.smallest
    }
}

/// Every number of the network halved, as far as the rest of the scenario is possible on it.
fn halved(drawn: &Drawn, ground: &Ground) -> Step {
    let mut half = drawn.clone();
    for (key, value) in &drawn.set {
        let mut more = half.clone();
        more.set.insert(key.clone(), value / 2);
        fit(&mut more);
        if survival::refusal(&more, ground).is_none() {
            half = more;
        }
    }
    let words = "half the network".to_owned();
    Step { words, drawn: half }
}

/// A committee has no more members than there are validators.
fn fit(drawn: &mut Drawn) {
    let number = |key: &str| drawn.set.get(key).copied();
    let validators = number("validator.replicas").zip(number("validator.keysPerReplica"));
    let committee = drawn.set.get_mut("network.committeeSize");
    if let (Some((pods, keys)), Some(committee)) = (validators, committee) {
        *committee = pods.saturating_mul(keys).min(*committee);
    }
}

/// Without the attack, without the load, without each of the faults.
fn fewer(drawn: &Drawn) -> Vec<Step> {
    let step = |what: &str, drawn: Drawn| Step {
        words: format!("without {what}"),
        drawn,
    };
    let mut steps = Vec::new();
    if let Some(attack) = &drawn.attack {
        let attack_left_out = Drawn {
            attack: None,
            ..drawn.clone()
        };
        steps.push(step(attack, attack_left_out));
    }
    if drawn.load > 0 {
        steps.push(step(
            "load",
            Drawn {
                load: 0,
                ..drawn.clone()
            },
        ));
    }
    for (index, fault) in drawn.faults.iter().enumerate() {
        let mut without = drawn.clone();
        without.faults.remove(index);
        // The first begins at once.
        let first = without
            .faults
            .iter()
            .map(|fault| fault.after)
            .min()
            .unwrap_or_default();
        for fault in &mut without.faults {
            fault.after -= first;
        }
        steps.push(step(&fault.name, without));
    }
    steps
}

/// All faults at once, and for half as long.
fn shorter(drawn: &Drawn) -> Step {
    let half = |fault: &Fault| Fault {
        after: fault.after / 2,
        slots: (fault.slots / 2).max(SHORTEST).min(fault.slots),
        ..fault.clone()
    };
    let faults = drawn.faults.iter().map(half).collect();
    let words = "half as long".to_owned();
    let drawn = Drawn {
        faults,
        ..drawn.clone()
    };
    Step { words, drawn }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::draw;
    use crate::topology::tests::source;

    /// Shrinks against a network that is made up; the smallest, and how many runs that took.
    fn shrunk(drawn: Drawn, ground: &Ground, fails: impl Fn(&Drawn) -> bool) -> (Drawn, usize) {
        let (mut shrinker, mut runs) = (Shrinker::new(drawn, ground), 0);
        while let Some(step) = shrinker.next() {
            runs += 1;
            let failed = fails(&step.drawn);
            shrinker.tried(step, failed);
        }
        (shrinker.smallest(), runs)
    }

    fn ground() -> Ground {
        Ground::read(&source()).expect("a source tree")
    }

    fn large() -> Drawn {
        let text = "
            seed: 7
            set: {network.committeeSize: 7, validator.replicas: 7, validator.keysPerReplica: 1, fullNode.replicas: 2, pxe.replicas: 2}
            faults:
              - {name: validator-offline, slots: 12}
              - {name: boot-node-offline, after: 3, slots: 10}
            load: 2";
        Drawn::read(text).expect("a scenario")
    }

    #[test]
    fn what_has_nothing_to_do_with_a_failure_is_left_out() {
        let (ground, large) = (ground(), large());
        assert_eq!(survival::refusal(&large, &ground), None);
        let fails = |drawn: &Drawn| {
            drawn
                .faults
                .iter()
                .any(|fault| fault.name == "boot-node-offline")
        };
        let (smallest, runs) = shrunk(large, &ground, fails);
        let set = |key: &str| smallest.set[key];
        assert_eq!(smallest.faults.len(), 1, "{}", smallest.words());
        assert_eq!((smallest.faults[0].after, smallest.faults[0].slots), (0, 3));
        assert_eq!(
            (
                smallest.load,
                set("validator.replicas"),
                set("pxe.replicas")
            ),
            (0, 1, 1)
        );
        // The boot node may be away only where the pxe has another one.
        assert_eq!(set("fullNode.replicas"), 1);
        assert!(runs <= 8, "{runs} runs");
    }

    #[test]
    fn a_failure_of_two_faults_at_once_keeps_both() {
        let (ground, large) = (ground(), large());
        let fails = |drawn: &Drawn| drawn.faults.len() == 2;
        let (smallest, _) = shrunk(large, &ground, fails);
        assert_eq!(smallest.faults.len(), 2, "{}", smallest.words());
        assert_eq!(smallest.load, 0);
        assert!(smallest.set["validator.replicas"] >= 4, "one may be away");
    }

    #[test]
    fn a_failure_that_does_not_come_again_stays_as_it_is() {
        let (ground, large) = (ground(), large());
        assert_eq!(shrunk(large.clone(), &ground, |_| false).0, large);
    }

    #[test]
    fn whatever_is_tried_must_be_survived_and_comes_to_an_end() {
        let ground = ground();
        for seed in 0..40 {
            let drawn = draw(seed, &ground);
            let possible = |drawn: &Drawn| {
                assert_eq!(survival::refusal(drawn, &ground), None, "{}", drawn.words());
                true
            };
            let (smallest, runs) = shrunk(drawn, &ground, possible);
            assert!(smallest.faults.is_empty() && smallest.attack.is_none() && smallest.load == 0);
            assert!(runs <= 12, "seed {seed}: {runs} runs");
        }
    }
}
