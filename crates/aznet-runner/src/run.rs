//! Running tests one after the other: attempts, deadlines, slow lines, interruption.

use std::time::Duration;

use jiff::Timestamp;
use tokio::{
    sync::mpsc,
    task::{JoinError, JoinHandle},
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use crate::{
    event::{Event, Kind, Summary},
    select::Selection,
    test::{Context, Note, Test, TestId, Waiting},
    verdict::{Failure, Verdict},
};

/// How a run goes about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The time at the start; events count from it.
    pub now: Timestamp,
    /// Source of all chance.
    pub seed: u64,
    /// How often a test that did not pass is tried again.
    pub retries: u32,
    /// Stop after the first test that did not pass.
    pub fail_fast: bool,
    /// What a test gets to clean up after its deadline or an interruption.
    pub grace: Duration,
}

/// Runs the selected tests in order and tells `hear` all that happens. Firing `cancel` interrupts the run.
pub async fn run(
    selection: Selection<Test>,
    options: Options,
    cancel: &CancellationToken,
    hear: &mut (dyn FnMut(&Event) + Send),
) -> Summary {
    let mut run = Run {
        options,
        start: Instant::now(),
        cancel,
        hear,
        summary: Summary::default(),
    };
    run.tell(Kind::RunStarted {
        seed: options.seed,
        selected: selection
            .selected
            .iter()
            .map(|test| test.id.clone())
            .collect(),
        left_out: selection.left_out,
        partition: selection.partition,
    });
    for test in &selection.selected {
        if cancel.is_cancelled()
            || options.fail_fast && run.summary.failed + run.summary.infrastructure > 0
        {
            run.summary.not_run += 1;
        } else {
            run.test(test).await;
        }
    }
    run.finish()
}

struct Run<'a> {
    options: Options,
    start: Instant,
    cancel: &'a CancellationToken,
    hear: &'a mut (dyn FnMut(&Event) + Send),
    summary: Summary,
}

/// How an attempt ended.
struct Ended {
    verdict: Verdict,
    took: Duration,
    steps: Vec<String>,
    interrupted: bool,
}

impl Run<'_> {
    fn tell(&mut self, kind: Kind) {
        let at = self
            .options
            .now
            .checked_add(self.start.elapsed())
            .unwrap_or(self.options.now);
        (self.hear)(&Event { at, kind });
    }

    fn finish(mut self) -> Summary {
        self.summary.interrupted = self.cancel.is_cancelled();
        self.summary.took = self.start.elapsed();
        self.tell(Kind::RunFinished {
            summary: self.summary.clone(),
        });
        self.summary
    }

    async fn test(&mut self, test: &Test) {
        let begun = Instant::now();
        for attempt in 1.. {
            self.tell(Kind::TestStarted {
                test: test.id.clone(),
                attempt,
            });
            let Ended {
                verdict,
                took,
                steps,
                interrupted,
            } = self.attempt(test).await;
            let again = !interrupted && verdict.may_be_retried() && attempt <= self.options.retries;
            let id = test.id.clone();
            self.tell(Kind::AttemptFinished {
                test: id,
                attempt,
                took,
                verdict: verdict.clone(),
                steps,
                again,
            });
            if !again {
                if interrupted {
                    self.summary.not_run += 1;
                } else {
                    self.summary.count(&verdict, attempt);
                }
                let took = begun.elapsed();
                self.tell(Kind::TestFinished {
                    test: test.id.clone(),
                    attempts: attempt,
                    took,
                    verdict,
                });
                return;
            }
        }
    }

    async fn attempt(&mut self, test: &Test) -> Ended {
        let (sender, notes) = mpsc::unbounded_channel();
        let token = CancellationToken::new();
        let context = Context::new(token.clone(), self.options.seed, sender);
        let task = tokio::spawn(test.start(context));
        let mut watched = Watched {
            test: test.id.clone(),
            start: Instant::now(),
            steps: Vec::new(),
            waiting: None,
        };
        let result = self.watch(test, &mut watched, task, notes, &token).await;
        Ended {
            interrupted: matches!(result, Outcome::Interrupted),
            verdict: result.verdict(test.deadline),
            took: watched.start.elapsed(),
            steps: watched.steps,
        }
    }

    /// Follows an attempt until it ends by itself, or has used up its deadline and grace.
    async fn watch(
        &mut self,
        test: &Test,
        watched: &mut Watched,
        mut task: JoinHandle<Result<(), Failure>>,
        mut notes: mpsc::UnboundedReceiver<Note>,
        token: &CancellationToken,
    ) -> Outcome {
        let deadline = watched.start + test.deadline;
        let mut stopping: Option<(Outcome, Instant)> = None;
        let mut slow = tokio::time::interval_at(watched.start + test.slow_after, test.slow_after);
        slow.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let end = stopping.as_ref().map_or(deadline, |(_, end)| *end);
            tokio::select! {
                biased;
                Some(note) = notes.recv() => self.tell(watched.note(note)),
                result = &mut task => return stopping.map_or(Outcome::Ended(result), |(outcome, _)| outcome),
                () = self.cancel.cancelled(), if stopping.is_none() => {
                    self.tell(Kind::Interrupted);
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
    fn verdict(self, deadline: Duration) -> Verdict {
        match self {
            Self::Ended(Ok(result)) => result.into(),
            Self::Ended(Err(error)) => Verdict::Failed {
                message: panic_words(error),
            },
            Self::Interrupted => Verdict::Infrastructure {
                message: "interrupted".into(),
            },
            Self::TooLate(waiting) => {
                let limit = format!("not done within {:.1}s", deadline.as_secs_f64());
                let waiting = waiting.map_or_else(String::new, |Waiting { what, last }| {
                    format!("; waiting for {what} (last seen: {last})")
                });
                Verdict::Failed {
                    message: limit + &waiting,
                }
            }
        }
    }
}

/// An attempt as seen from outside.
struct Watched {
    test: TestId,
    start: Instant,
    steps: Vec<String>,
    waiting: Option<Waiting>,
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
            Note::Observed(seen) => Kind::Observed {
                network: test.network,
                seen: *seen,
            },
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

#[cfg(test)]
mod tests;
