//! Pods whose memory must stay bounded, whatever is done to them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The pods that a test attacks so. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bounded(Arc<Mutex<BTreeSet<String>>>);

impl Bounded {
    /// From now on a container of this pod may not run out of memory.
    pub(crate) fn add(&self, pod: &str) {
        self.pods().insert(pod.to_owned());
    }

    /// Whether this is one of them.
    pub(crate) fn has(&self, pod: &str) -> bool {
        self.pods().contains(pod)
    }

    fn pods(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
