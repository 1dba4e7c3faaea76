//! Between rounds, after one in which tests did not pass: a pause, and a wait until their networks are healthy. Without it
//! rounds in which nothing can be tested would follow each other by the second.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use tokio::time::{Instant, sleep_until, timeout};

use super::Run;
use crate::{
    event::{Kind, Outage},
    gate::Gate,
    test::{Test, TestId},
    verdict::Verdict,
};

/// The first pause; each after that is twice as long as the one before, until a round goes well.
pub(super) const FIRST_PAUSE: Duration = Duration::from_secs(10);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// What became of a round.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// Whether a test was not skipped: where all of them are, another round shows nothing.
    pub(super) tested: bool,
    /// By network, the first test that did not pass, and when that was seen.
    bad: BTreeMap<String, (TestId, Timestamp)>,
}

impl Round {
    /// Takes in how a test ended.
    pub(super) fn finished(&mut self, test: &TestId, verdict: &Verdict, now: Timestamp) {
        self.tested |= !matches!(verdict, Verdict::Skipped { .. });
        if matches!(
            verdict,
            Verdict::Failed { .. } | Verdict::Infrastructure { .. }
        ) {
            let network = self.bad.entry(test.network.clone());
            network.or_insert_with(|| (test.clone(), now));
        }
    }
}

impl Run<'_> {
    /// Goes on at once after a round that went well, and after an outage; else after a pause.
    pub(super) async fn recover(&mut self, tests: &[Test]) {
        let bad = std::mem::take(&mut self.last.bad);
        if bad.is_empty() {
            self.pause = FIRST_PAUSE;
        }
        if bad.is_empty() || !self.goes_on(tests) {
            return;
        }
        let before = self.summary.outages;
        if let Some(gate) = &self.options.gate {
            for (test, since) in bad.into_values() {
                self.until_healthy(gate, &test, since).await;
            }
        }
        if self.summary.outages > before {
            self.pause = FIRST_PAUSE;
        } else {
            self.pause().await;
        }
    }

    /// Waits until the network of a test is healthy, and tells of it where that is not at once.
    async fn until_healthy(&mut self, gate: &Gate, test: &TestId, since: Timestamp) {
        let mut wrong = None;
        let healed = loop {
            match self.while_it_lasts(gate.passes(test)).await {
                None => break false,
                Some(Ok(())) => break true,
                Some(Err(why)) => {
                    if wrong.is_none() {
                        self.tell(Kind::OutageBegan {
                            network: test.network.clone(),
                            since,
                            why: why.clone(),
                        });
                    }
                    wrong = Some(why);
                }
            }
            self.pause().await;
        };
        let Some(why) = wrong else { return };
        let took = self.now().duration_since(since);
        self.summary.outages += 1;
        self.tell(Kind::OutageEnded(Outage {
            network: test.network.clone(),
            since,
            took: took.try_into().unwrap_or_default(),
            why,
            healed,
        }));
    }

    async fn pause(&mut self) {
        let end = Instant::now() + self.pause;
        self.pause = LONGEST_PAUSE.min(self.pause * 2);
        self.while_it_lasts(sleep_until(end)).await;
    }

    /// `None` if before that the run's time is over, or it is interrupted.
    async fn while_it_lasts<T>(&mut self, what: impl Future<Output = T>) -> Option<T> {
        let left = self.options.lasts.saturating_sub(self.start.elapsed());
        if left.is_zero() || self.cancel.is_cancelled() {
            return None;
        }
        let done = timeout(left, self.cancel.run_until_cancelled(what));
        done.await.ok().flatten()
    }
}
