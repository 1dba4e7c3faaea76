//! Who hears what is seen of a network: the tests that run on it. One of them passes it on to the run, so that it is
//! told once; what is broken concerns each of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aznet_model::role::Role;
use aznet_runner::{Context, Observation};

use super::invariant::Violation;
use crate::bounded::Bounded;

/// The tests on a network. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hub(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    next: u64,
    listeners: BTreeMap<u64, Listener>,
}

#[derive(Debug)]
struct Listener {
    context: Context,
    /// Roles whose containers it ends itself.
    restarts: Vec<Role>,
    /// Pods whose memory must stay bounded.
    bounded: Bounded,
    /// What broke of the machine.
    machine: Option<String>,
    /// How many looks at nodes were judged meanwhile.
    looks: u64,
}

/// What came of hearing.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// What broke of the machine.
    pub(crate) machine: Option<String>,
    /// How many looks at nodes were judged.
    pub(crate) looks: u64,
}

/// A test's place among those that hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place(u64);

impl Hub {
    /// Lets a test hear from now on, which ends containers of these roles itself, and by which the memory of these pods must
    /// stay bounded.
    pub(crate) fn enter(&self, context: Context, restarts: &[Role], bounded: &Bounded) -> Place {
        let mut state = self.state();
        let place = state.next;
        state.next += 1;
        let listener = Listener {
            context,
            restarts: restarts.to_vec(),
            bounded: bounded.clone(),
            machine: None,
            looks: 0,
        };
        state.listeners.insert(place, listener);
        Place(place)
    }

    /// Ends it.
    pub(crate) fn leave(&self, place: Place) -> Heard {
        let left = self.state().listeners.remove(&place.0);
        left.map_or_else(Heard::default, |one| Heard {
            machine: one.machine,
            looks: one.looks,
        })
    }

    /// Notes for every test that so many looks at nodes were judged.
    pub(crate) fn judged(&self, looks: u64) {
        for listener in self.state().listeners.values_mut() {
            listener.looks += looks;
        }
    }

    /// Whether a test ends containers of this role itself.
    pub(crate) fn restarts(&self, role: Role) -> bool {
        let state = self.state();
        let mut all = state.listeners.values();
        all.any(|one| one.restarts.contains(&role))
    }

    /// Whether a test attacks this pod, whose memory must stay bounded.
    pub(crate) fn bounds(&self, pod: &str) -> bool {
        let state = self.state();
        let mut all = state.listeners.values();
        all.any(|one| one.bounded.has(pod))
    }

    /// Whether nobody but this one hears.
    pub(crate) fn hears_only(&self, place: Place) -> bool {
        let state = self.state();
        let mut others = state
            .listeners
            .iter()
            .filter(|(other, _)| **other != place.0);
        others.all(|(_, one)| one.context.cancel.is_cancelled())
    }

    /// Whether nobody hears: a test that was told to stop may be gone without having left.
    pub(crate) fn is_deserted(&self) -> bool {
        let state = self.state();
        let mut all = state.listeners.values();
        all.all(|one| one.context.cancel.is_cancelled())
    }

    /// Tells what was seen.
    pub(crate) fn observed(&self, seen: Observation) {
        let state = self.state();
        let live = |one: &&Listener| !one.context.cancel.is_cancelled();
        if let Some(one) = state.listeners.values().find(live) {
            one.context.observed(seen);
        }
    }

    /// Tells every test what is broken.
    pub(crate) fn violated(&self, violation: &Violation) {
        let state = self.state();
        for listener in state.listeners.values() {
            listener.context.observed(Observation::Violated {
                invariant: violation.rule.to_string(),
                seen: violation.seen.clone(),
                slot: violation.slot,
            });
        }
    }

    /// Notes for every test that the machine failed it.
    pub(crate) fn failed(&self, machine: &str) {
        let mut state = self.state();
        for listener in state.listeners.values_mut() {
            listener.machine.get_or_insert_with(|| machine.to_owned());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use aznet_runner::event::Kind;
    use aznet_runner::{Failure, Verdict};

    use super::*;
    use crate::rehearsal::events_of;
    use crate::watch::invariant::Rule;

    /// What is told to a test that does this with its place in the hub.
    async fn told(act: fn(&Hub)) -> Vec<Kind> {
        events_of(move |context: Context| async move {
            let hub = Hub::default();
            let bounded = Bounded::default();
            let place = hub.enter(context, &[Role::Validator], &bounded);
            // The test says so after it was let in.
            bounded.add("full-node-0");
            assert!(hub.bounds("full-node-0") && !hub.bounds("validator-0"));
            act(&hub);
            assert!(!hub.is_deserted());
            let heard = hub.leave(place);
            assert!(hub.is_deserted());
            let machine = heard.machine;
            machine.map_or(Ok(()), |words| Err(Failure::Infrastructure(words)))
        })
        .await
    }

    #[tokio::test]
    async fn what_is_broken_is_told() {
        let act: fn(&Hub) = |hub| {
            assert!(hub.restarts(Role::Validator) && !hub.restarts(Role::BootNode));
            hub.violated(&Violation {
                rule: Rule::Agreement,
                seen: "x".to_owned(),
                slot: Some(7),
                if_still: None,
            });
        };
        let violated = |kind: &Kind| {
            let Kind::Observed { seen, .. } = kind else {
                return false;
            };
            matches!(seen, Observation::Violated { .. })
        };
        assert!(told(act).await.iter().any(violated));
    }

    #[tokio::test]
    async fn what_broke_of_the_machine_is_kept_for_the_end() {
        let act: fn(&Hub) = |hub| {
            hub.failed("out of memory");
            hub.failed("later");
        };
        let heard = told(act).await;
        let failed = |kind: &Kind| matches!(kind, Kind::TestFinished { verdict, .. } if verdict.message() == Some("out of memory"));
        assert!(heard.iter().any(failed), "{heard:?}");
    }

    #[tokio::test]
    async fn each_test_has_the_looks_of_its_own_time() {
        let events = events_of(|context: Context| async move {
            let hub = Hub::default();
            let first = hub.enter(context.clone(), &[], &Bounded::default());
            hub.judged(2);
            let second = hub.enter(context, &[], &Bounded::default());
            hub.judged(1);
            assert_eq!((hub.leave(first).looks, hub.leave(second).looks), (3, 1));
            Ok(())
        });
        let passed = |kind: &Kind| matches!(kind, Kind::TestFinished { verdict, .. } if *verdict == Verdict::Passed);
        assert!(events.await.iter().any(passed));
    }
}
