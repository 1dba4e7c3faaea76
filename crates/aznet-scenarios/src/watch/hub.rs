//! Who hears what is seen of a network: the tests that run on it. One of them passes it on to the run, so that it is
//! told once; what is broken concerns each of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aznet_runner::{Context, Observation};

use super::invariant::{Rule, Violation};

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
    /// Whether it restarts containers itself.
    restarts: bool,
    /// What broke of the machine.
    machine: Option<String>,
}

/// A test's place among those that hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place(u64);

impl Hub {
    /// Lets a test hear from now on. `restarts`: it restarts containers itself.
    pub(crate) fn enter(&self, context: Context, restarts: bool) -> Place {
        let mut state = self.state();
        let place = state.next;
        state.next += 1;
        let listener = Listener {
            context,
            restarts,
            machine: None,
        };
        state.listeners.insert(place, listener);
        Place(place)
    }

    /// Ends it; what broke of the machine meanwhile, if anything did.
    pub(crate) fn leave(&self, place: Place) -> Option<String> {
        self.state().listeners.remove(&place.0)?.machine
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

    /// Tells every test what is broken; a restart that one of them makes is none.
    pub(crate) fn violated(&self, violation: &Violation) {
        let state = self.state();
        if violation.rule == Rule::Restart && state.listeners.values().any(|one| one.restarts) {
            return;
        }
        for listener in state.listeners.values() {
            listener.context.observed(Observation::Violated {
                invariant: violation.rule.to_string(),
                seen: violation.seen.clone(),
                slot: violation.slot,
            });
        }
    }

    /// Notes for every test that the machine failed it, unless one of them makes restarts.
    pub(crate) fn failed(&self, machine: &str) {
        let mut state = self.state();
        if state.listeners.values().any(|one| one.restarts) {
            return;
        }
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
    use aznet_runner::Failure;
    use aznet_runner::event::Kind;

    use super::*;
    use crate::rehearsal::events_of;

    fn broken(rule: Rule) -> Violation {
        Violation {
            rule,
            seen: "x".to_owned(),
            slot: Some(7),
            if_still: None,
        }
    }

    /// What is told to a test that does this with its place in the hub.
    async fn told(restarts: bool, act: fn(&Hub)) -> Vec<Kind> {
        events_of(move |context: Context| async move {
            let hub = Hub::default();
            let place = hub.enter(context, restarts);
            act(&hub);
            assert!(!hub.is_deserted());
            let machine = hub.leave(place);
            assert!(hub.is_deserted());
            machine.map_or(Ok(()), |words| Err(Failure::Infrastructure(words)))
        })
        .await
    }

    fn violations(heard: &[Kind]) -> usize {
        let is = |kind: &&Kind| {
            matches!(
                kind,
                Kind::Observed {
                    seen: Observation::Violated { .. },
                    ..
                }
            )
        };
        heard.iter().filter(is).count()
    }

    #[tokio::test]
    async fn restarts_are_broken_rules_unless_a_test_makes_them() {
        let act: fn(&Hub) = |hub| hub.violated(&broken(Rule::Restart));
        assert_eq!(violations(&told(false, act).await), 1);
        assert_eq!(violations(&told(true, act).await), 0);
        let other: fn(&Hub) = |hub| hub.violated(&broken(Rule::Agreement));
        assert_eq!(violations(&told(true, other).await), 1);
    }

    #[tokio::test]
    async fn what_broke_of_the_machine_is_kept_for_the_end() {
        let act: fn(&Hub) = |hub| {
            hub.failed("out of memory");
            hub.failed("later");
        };
        let heard = told(false, act).await;
        let failed = |kind: &Kind| matches!(kind, Kind::TestFinished { verdict, .. } if verdict.message() == Some("out of memory"));
        assert!(heard.iter().any(failed), "{heard:?}");
    }
}
