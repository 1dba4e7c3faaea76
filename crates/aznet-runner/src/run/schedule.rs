//! Which tests may run now: pure, and the same for the same tests.

use std::collections::{BTreeSet, VecDeque};

use crate::test::{Class, Test, TestId};

/// The tests that wait for their turn, in order, and those that have it.
#[derive(Debug)]
pub(super) struct Schedule {
    waiting: VecDeque<Turn>,
    running: Vec<Turn>,
    capacity: u32,
    networks: usize,
}

/// What a test takes up while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Turn {
    /// Which of the tests.
    index: usize,
    place: Place,
    exclusive: bool,
    weight: u32,
}

/// The network that a test runs on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Shared(String),
    Own(TestId),
}

/// Whether a test may run now.
enum Fit {
    Yes,
    /// Not beside what runs on its network.
    NotHere,
    /// There is no room for it.
    Nowhere,
}

impl Schedule {
    /// Tests of together at most `capacity` run at once, on at most `networks` networks.
    pub(super) fn new(tests: &[Test], capacity: u32, networks: usize) -> Self {
        let turn = |(index, test): (usize, &Test)| Turn {
            index,
            place: match test.class {
                Class::Own => Place::Own(test.id.clone()),
                Class::Observe | Class::Disrupt => Place::Shared(test.id.network.clone()),
            },
            exclusive: test.class == Class::Disrupt,
            // One that weighs more than there is runs alone.
            weight: test.weight.min(capacity),
        };
        Self {
            waiting: tests.iter().enumerate().map(turn).collect(),
            running: Vec::new(),
            capacity,
            networks: networks.max(1),
        }
    }

    /// The next test that may run, which is then taken to run. No test overtakes another of its network, and none
    /// overtakes one that waits for room: each gets its turn.
    pub(super) fn next(&mut self) -> Option<usize> {
        let mut held = BTreeSet::new();
        for at in 0..self.waiting.len() {
            let turn = &self.waiting[at];
            if held.contains(&turn.place) {
                continue;
            }
            match self.fit(turn) {
                Fit::Yes => {
                    let turn = self.waiting.remove(at)?;
                    self.running.push(turn);
                    return self.running.last().map(|turn| turn.index);
                }
                Fit::NotHere => {
                    held.insert(turn.place.clone());
                }
                Fit::Nowhere => return None,
            }
        }
        None
    }

    fn fit(&self, turn: &Turn) -> Fit {
        let mut here = self.running.iter().filter(|one| one.place == turn.place);
        if here.any(|one| turn.exclusive || one.exclusive) {
            return Fit::NotHere;
        }
        let mut places: BTreeSet<&Place> = self.running.iter().map(|one| &one.place).collect();
        places.insert(&turn.place);
        let used: u32 = self.running.iter().map(|one| one.weight).sum();
        if places.len() > self.networks || used + turn.weight > self.capacity {
            return Fit::Nowhere;
        }
        Fit::Yes
    }

    /// The test has ended.
    pub(super) fn ended(&mut self, index: usize) {
        self.running.retain(|turn| turn.index != index);
    }

    /// How many have not had their turn.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nothing runs.
    pub(super) fn is_idle(&self) -> bool {
        self.running.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::Index};

    use super::*;

    fn test(network: &str, name: &str, class: Class, weight: u32) -> Test {
        Test::new(network, name, "", |_| async { Ok(()) })
            .class(class)
            .weight(weight)
    }

    fn all_of(schedule: &mut Schedule) -> Vec<usize> {
        std::iter::from_fn(|| schedule.next()).collect()
    }

    #[test]
    fn what_disrupts_runs_alone_and_nothing_starts_while_it_waits() {
        let classes = [
            Class::Observe,
            Class::Observe,
            Class::Disrupt,
            Class::Observe,
        ];
        let tests = classes.map(|class| test("n", "t", class, 1));
        let mut schedule = Schedule::new(&tests, 10, 1);
        assert_eq!(all_of(&mut schedule), [0, 1]);
        schedule.ended(0);
        assert_eq!(all_of(&mut schedule), [0; 0]);
        schedule.ended(1);
        assert_eq!(all_of(&mut schedule), [2]);
        schedule.ended(2);
        assert_eq!(all_of(&mut schedule), [3]);
    }

    #[test]
    fn a_heavy_test_is_not_overtaken_for_ever() {
        let weights = [2, 9, 1];
        let tests = weights.map(|weight| test("n", "t", Class::Observe, weight));
        let mut schedule = Schedule::new(&tests, 4, 1);
        assert_eq!(all_of(&mut schedule), [0]);
        schedule.ended(0);
        assert_eq!(all_of(&mut schedule), [1]);
        schedule.ended(1);
        assert_eq!(all_of(&mut schedule), [2]);
    }

    #[test]
    fn networks_are_used_one_after_the_other_or_several_at_once() {
        let tests = ["a", "a", "b"].map(|network| test(network, "t", Class::Observe, 1));
        let mut one = Schedule::new(&tests, 10, 1);
        assert_eq!(all_of(&mut one), [0, 1]);
        one.ended(0);
        assert_eq!(all_of(&mut one), [0; 0]);
        one.ended(1);
        assert_eq!(all_of(&mut one), [2]);
        assert_eq!(all_of(&mut Schedule::new(&tests, 10, 2)), [0, 1, 2]);
        let own = ["s", "t"].map(|name| test("a", name, Class::Own, 1));
        assert_eq!(all_of(&mut Schedule::new(&own, 10, 1)), [0]);
    }

    fn classes() -> impl Strategy<Value = Class> {
        proptest::sample::select(&Class::ALL[..])
    }

    proptest! {
        #[test]
        fn every_test_runs_once_and_no_limit_is_passed(
            kinds in vec(("[ab]", classes(), 0_u32..6), 0..20),
            capacity in 1_u32..5,
            networks in 1_usize..3,
            picks in vec(any::<Index>(), 20),
        ) {
            let numbered = kinds.iter().enumerate();
            let tests: Vec<Test> = numbered
                .map(|(n, (network, class, weight))| test(network, &n.to_string(), *class, *weight))
                .collect();
            let mut schedule = Schedule::new(&tests, capacity, networks);
            let (mut begun, mut running) = (Vec::new(), Vec::new());
            loop {
                while let Some(index) = schedule.next() {
                    begun.push(index);
                    running.push(index);
                }
                let disrupted: Vec<&str> = running
                    .iter()
                    .filter(|index| tests[**index].class == Class::Disrupt)
                    .map(|index| tests[*index].id.network.as_str())
                    .collect();
                for network in disrupted {
                    let shared = |index: &&usize| {
                        tests[**index].id.network == network && tests[**index].class != Class::Own
                    };
                    prop_assert_eq!(running.iter().filter(shared).count(), 1);
                }
                let weight: u32 = running.iter().map(|index| tests[*index].weight.min(capacity)).sum();
                prop_assert!(weight <= capacity);
                if running.is_empty() {
                    break;
                }
                let ended = running.remove(picks[begun.len() % picks.len()].index(running.len()));
                schedule.ended(ended);
            }
            prop_assert_eq!(schedule.waiting(), 0);
            let of = |network: &str| -> Vec<usize> {
                let shared = begun.iter().copied();
                shared.filter(|index| tests[*index].id.network == network && tests[*index].class != Class::Own).collect()
            };
            prop_assert!(of("a").is_sorted() && of("b").is_sorted());
            begun.sort_unstable();
            prop_assert_eq!(begun, (0..tests.len()).collect::<Vec<_>>());
        }
    }
}
