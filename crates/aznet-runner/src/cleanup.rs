//! What a test must clean up, until it is proved that it has.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// What is to be cleaned up, in the order in which it was announced. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct CleanUps(Arc<Mutex<Open>>);

#[derive(Debug, Default)]
struct Open {
    next: u64,
    whats: BTreeMap<u64, String>,
}

/// Something that a test must clean up. Unless [`proved`](Self::proved) is called, the test is reported as leaky.
#[must_use = "without a proof the test is reported as leaky"]
#[derive(Debug)]
pub struct CleanUp {
    of: CleanUps,
    number: u64,
}

impl CleanUps {
    /// Announces `what`.
    pub(crate) fn announce(&self, what: String) -> CleanUp {
        let number = self.with(|open| {
            open.next += 1;
            open.whats.insert(open.next, what);
            open.next
        });
        CleanUp {
            of: self.clone(),
            number,
        }
    }

    /// What no proof was given for.
    pub(crate) fn unproved(&self) -> Vec<String> {
        self.with(|open| open.whats.values().cloned().collect())
    }

    fn with<T>(&self, work: impl FnOnce(&mut Open) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl CleanUp {
    /// Says that it was looked at, and is gone.
    pub fn proved(self) {
        self.of.with(|open| open.whats.remove(&self.number));
    }
}
