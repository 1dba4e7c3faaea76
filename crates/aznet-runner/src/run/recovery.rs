//! Between rounds, after one in which tests did not pass: a pause, and a wait until their networks are healthy. Without it
//! rounds in which nothing can be tested would follow each other by the second.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::options::Options;
use crate::{
    event::{Kind, Outage},
    test::TestId,
    verdict::Verdict,
};

/// The first pause; each after that is twice as long as the one before, until a round goes well.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// What became of a round.
#[derive(Debug, Clone, Default)]
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
        if verdict.is_bad() {
            let network = self.bad.entry(test.network.clone());
            network.or_insert_with(|| (test.clone(), now));
        }
    }
}

/// Waits between rounds.
pub(super) struct Recovery<'a> {
    options: &'a Options,
    cancel: &'a CancellationToken,
    start: Instant,
    /// How long the next pause is.
    pause: Duration,
}

type Tell<'a> = &'a mut (dyn FnMut(Kind) + Send);

impl<'a> Recovery<'a> {
    /// For a run that began then.
    pub(super) fn new(options: &'a Options, cancel: &'a CancellationToken, start: Instant) -> Self {
        Self {
            options,
            cancel,
            start,
            pause: FIRST_PAUSE,
        }
    }

    /// Goes on at once after a round that went well, and after an outage; else after a pause.
    pub(super) async fn after(&mut self, round: Round, tell: Tell<'_>) {
        if round.bad.is_empty() {
            self.pause = FIRST_PAUSE;
            return;
        }
        let mut outage = false;
        for (test, since) in round.bad.into_values() {
            outage |= self.outage(&test, since, tell).await;
        }
        if outage {
            self.pause = FIRST_PAUSE;
        } else {
            self.pause().await;
        }
    }

    /// Waits until the network of a test is healthy, and tells of it where the first look finds that it is not.
    async fn outage(&mut self, test: &TestId, since: Timestamp, tell: Tell<'_>) -> bool {
        let Some(gate) = &self.options.gate else {
            return false;
        };
        let network = || test.network.clone();
        let mut wrong = None;
        let healed = loop {
            match self.while_it_lasts(gate.is_healthy(test)).await {
                None => break false,
                Some(Ok(())) => break true,
                Some(Err(why)) => {
                    if wrong.replace(why.clone()).is_none() {
                        let network = network();
                        tell(Kind::OutageBegan {
                            network,
                            since,
                            why,
                        });
                    }
                }
            }
            self.pause().await;
        };
        let Some(why) = wrong else { return false };
        let took = self
            .options
            .after(self.start.elapsed())
            .duration_since(since);
        tell(Kind::OutageEnded(Outage {
            network: network(),
            since,
            took: took.try_into().unwrap_or_default(),
            why,
            healed,
        }));
        true
    }

    async fn pause(&mut self) {
        let end = Instant::now() + self.pause;
        self.pause = LONGEST_PAUSE.min(self.pause * 2);
        self.while_it_lasts(sleep_until(end)).await;
    }

    /// `None` if before that the run's time is over, or it is interrupted.
    async fn while_it_lasts<T>(&self, what: impl Future<Output = T>) -> Option<T> {
        let left = self.options.lasts.saturating_sub(self.start.elapsed());
        if left.is_zero() || self.cancel.is_cancelled() {
            return None;
        }
        let done = timeout(left, self.cancel.run_until_cancelled(what));
        done.await.ok().flatten()
    }
}
