//! How a run goes about it.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::sync::Notify;

use crate::{gate::Gate, verdict::Leaks};

/// How a run goes about it.
#[derive(Debug, Clone)]
pub struct Options {
    /// The time at the start; events count from it.
    pub now: Timestamp,
    /// Source of all chance.
    pub seed: u64,
    /// How often each test runs.
    pub repeat: u32,
    /// For how long rounds of all tests begin, after as many as that.
    pub lasts: Duration,
    /// Commit of the checkout whose charts and networks are used, where it is one.
    pub commit: Option<String>,
    /// Whether attacks are only gone through.
    pub dud_attacks: bool,
    /// After so many tests that did not pass no more are started.
    pub max_fail: Option<usize>,
    /// How much the tests that run at once may weigh together.
    pub capacity: u32,
    /// On how many networks tests may run at once.
    pub networks: usize,
    /// What becomes of tests that leave something behind.
    pub leaks: Leaks,
    /// What a test gets to clean up after its deadline or an interruption.
    pub grace: Duration,
    /// What must be so before a test is tried again; without it none is.
    pub gate: Option<Gate>,
    /// Notified when somebody asks what runs.
    pub asked: Arc<Notify>,
}

impl Options {
    /// The time so long after the start.
    pub(super) fn after(&self, elapsed: Duration) -> Timestamp {
        self.now.checked_add(elapsed).unwrap_or(self.now)
    }
}
