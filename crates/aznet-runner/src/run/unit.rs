//! One test: its attempts, their deadlines and slow lines, and whether there is another.

use std::time::Duration;

use tokio::{
    sync::mpsc,
    task::{JoinError, JoinHandle},
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use super::options::Options;
use crate::{
    cleanup::CleanUps,
    event::Kind,
    test::{Context, Note, Test, TestId, Waiting},
    verdict::{Failure, Leaks, Verdict},
};

/// A test that has its turn.
pub(super) struct Unit<'a> {
    pub(super) test: &'a Test,
    pub(super) repetition: u32,
    pub(super) options: &'a Options,
    pub(super) cancel: &'a CancellationToken,
    /// Where to tell what happens.
    pub(super) told: mpsc::UnboundedSender<Kind>,
}

/// How a test ended.
pub(super) struct Finished {
    pub(super) verdict: Verdict,
    pub(super) attempts: u32,
    pub(super) took: Duration,
    pub(super) leaks: Vec<String>,
    pub(super) interrupted: bool,
}

/// How an attempt ended.
struct Ended {
    verdict: Verdict,
    took: Duration,
    steps: Vec<String>,
    leaks: Vec<String>,
    interrupted: bool,
}

impl Unit<'_> {
    /// Runs it until an attempt passes, or there is no other.
    pub(super) async fn run(self) -> Finished {
        let (begun, mut attempt, mut all_leaks) = (Instant::now(), 1, Vec::new());
        loop {
            self.tell(Kind::TestStarted {
                test: self.test.id.clone(),
                repetition: self.repetition,
                attempt,
            });
            let ended = self.attempt().await;
            let again = self.may_be_retried(&ended, attempt).await;
            all_leaks.extend(ended.leaks.iter().cloned());
            self.tell(Kind::AttemptFinished {
                test: self.test.id.clone(),
                repetition: self.repetition,
                attempt,
                took: ended.took,
                verdict: ended.verdict.clone(),
                steps: ended.steps,
                again: again == Ok(true),
                not_retried: again.clone().err(),
                leaks: ended.leaks,
            });
            if again != Ok(true) {
                return Finished {
                    verdict: ended.verdict,
                    attempts: attempt,
                    took: begun.elapsed(),
                    leaks: all_leaks,
                    interrupted: ended.interrupted,
                };
            }
            attempt += 1;
            // What the attempt has left is looked at before another changes it: the run hears now.
            tokio::task::yield_now().await;
        }
    }

    fn tell(&self, kind: Kind) {
        // The run hears until its last test has ended.
        let _ = self.told.send(kind);
    }

    async fn attempt(&self) -> Ended {
        let (sender, notes) = mpsc::unbounded_channel();
        let (token, clean_ups) = (CancellationToken::new(), CleanUps::default());
        let context = Context::new(token.clone(), self.options.seed, sender, clean_ups.clone());
        let task = tokio::spawn(self.test.start(context));
        let mut watched = Watched {
            test: self.test.id.clone(),
            start: Instant::now(),
            steps: Vec::new(),
            waiting: None,
            divergence: None,
        };
        let outcome = self.watch(&mut watched, task, notes, &token).await;
        let leaks = clean_ups.unproved();
        Ended {
            interrupted: matches!(outcome, Outcome::Interrupted),
            verdict: self.judged(
                outcome.verdict(self.test.deadline, watched.divergence),
                &leaks,
            ),
            took: watched.start.elapsed(),
            steps: watched.steps,
            leaks,
        }
    }

    /// The verdict, where leaving something behind may be a failure, too.
    fn judged(&self, verdict: Verdict, leaks: &[String]) -> Verdict {
        if verdict == Verdict::Passed && !leaks.is_empty() && self.options.leaks == Leaks::Fail {
            let message = format!("not proved to be cleaned up: {}", leaks.join(", "));
            return Verdict::Failed { message };
        }
        verdict
    }

    /// Whether another attempt follows; an error says why none does although there are retries left.
    async fn may_be_retried(&self, ended: &Ended, attempt: u32) -> Result<bool, String> {
        let wanted = ended.verdict.may_be_retried() && attempt <= self.test.retries;
        if ended.interrupted || !wanted {
            return Ok(false);
        }
        let Some(gate) = &self.options.gate else {
            return Err("whether its network is healthy can't be looked at here".to_owned());
        };
        self.tell(Kind::Waits {
            test: self.test.id.clone(),
            waiting: Waiting {
                what: "a healthy network, before a retry".to_owned(),
                last: "nothing yet".to_owned(),
            },
        });
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err("interrupted".to_owned()),
            passed = gate.passes(&self.test.id) => passed.map(|()| true),
        }
    }

    /// Follows an attempt until it ends by itself, or has used up its deadline and grace.
    async fn watch(
        &self,
        watched: &mut Watched,
        mut task: JoinHandle<Result<(), Failure>>,
        mut notes: mpsc::UnboundedReceiver<Note>,
        token: &CancellationToken,
    ) -> Outcome {
        let deadline = watched.start + self.test.deadline;
        let mut stopping: Option<(Outcome, Instant)> = None;
        let mut slow =
            tokio::time::interval_at(watched.start + self.test.slow_after, self.test.slow_after);
        slow.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let end = stopping.as_ref().map_or(deadline, |(_, end)| *end);
            tokio::select! {
                biased;
                Some(note) = notes.recv() => self.tell(watched.note(note)),
                result = &mut task => return stopping.map_or(Outcome::Ended(result), |(outcome, _)| outcome),
                () = self.cancel.cancelled(), if stopping.is_none() => {
                    token.cancel();
                    stopping = Some((Outcome::Interrupted, Instant::now() + self.options.grace));
                }
                () = tokio::time::sleep_until(end) => {
                    if let Some((outcome, _)) = stopping {
                        task.abort();
                        return outcome;
                    }
                    token.cancel();
                    stopping = Some((Outcome::TooLate(watched.waiting.clone()), Instant::now() + self.options.grace));
                }
                _ = slow.tick() => self.tell(watched.slow()),
            }
        }
    }
}

/// How the watch over an attempt ended.
enum Outcome {
    Ended(Result<Result<(), Failure>, JoinError>),
    /// With what was waited for at the deadline.
    TooLate(Option<Waiting>),
    Interrupted,
}

impl Outcome {
    /// What was seen to be broken meanwhile fails a test whatever its own word.
    fn verdict(self, deadline: Duration, divergence: Option<String>) -> Verdict {
        let verdict: Verdict = match self {
            Self::Ended(Ok(result)) => result.into(),
            Self::Ended(Err(error)) => Verdict::Failed {
                message: panic_words(error),
            },
            Self::Interrupted => {
                return Verdict::Infrastructure {
                    message: "interrupted".into(),
                };
            }
            Self::TooLate(waiting) => {
                let limit = format!("not done within {:.1}s", deadline.as_secs_f64());
                let waiting = waiting.map_or_else(String::new, |Waiting { what, last }| {
                    format!("; waiting for {what} (last seen: {last})")
                });
                Verdict::Failed {
                    message: limit + &waiting,
                }
            }
        };
        match divergence {
            Some(first) => verdict.diverged(&first),
            None => verdict,
        }
    }
}

/// An attempt as seen from outside.
struct Watched {
    test: TestId,
    start: Instant,
    steps: Vec<String>,
    waiting: Option<Waiting>,
    /// The first thing that was seen to be broken.
    divergence: Option<String>,
}

impl Watched {
    fn note(&mut self, note: Note) -> Kind {
        let test = self.test.clone();
        match note {
            Note::Step(words) => {
                self.waiting = None;
                self.steps.push(words.clone());
                Kind::Step { test, words }
            }
            Note::Waiting(waiting) => {
                self.waiting = Some(waiting.clone());
                Kind::Waits { test, waiting }
            }
            Note::Observed(seen) => {
                self.divergence = self.divergence.take().or_else(|| seen.divergence());
                Kind::Observed {
                    network: test.network,
                    seen: *seen,
                }
            }
        }
    }

    fn slow(&self) -> Kind {
        Kind::Slow {
            test: self.test.clone(),
            elapsed: self.start.elapsed(),
            waiting: self.waiting.clone(),
        }
    }
}

fn panic_words(error: JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else {
        return "the test's task was cancelled".into();
    };
    let words = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    format!("panicked: {}", words.unwrap_or("without a message"))
}
