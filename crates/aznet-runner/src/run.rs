//! Running tests: one dispatcher that owns the state and tells what happens, and a unit for each test that runs.

mod options;
mod recovery;
mod schedule;
mod unit;

use std::collections::BTreeMap;

use futures::{StreamExt, stream::FuturesUnordered};
use jiff::Timestamp;
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

pub use self::options::Options;
use self::{
    recovery::{Recovery, Round},
    schedule::Schedule,
    unit::{Finished, Unit},
};
use crate::{
    event::{Event, Kind, Running, Summary},
    select::Selection,
    test::{Test, TestId, Waiting},
};

/// Runs the selected tests and tells `hear` all that happens. Firing `cancel` interrupts the run.
pub async fn run(
    selection: Selection,
    options: &Options,
    cancel: &CancellationToken,
    hear: &mut (dyn FnMut(&Event) + Send),
) -> Summary {
    let mut run = Run {
        options,
        start: Instant::now(),
        cancel,
        hear,
        summary: Summary::default(),
        active: BTreeMap::new(),
        last: Round::default(),
    };
    let tests = &selection.selected;
    run.tell(Kind::RunStarted {
        seed: options.seed,
        selected: tests.iter().map(|test| test.id.clone()).collect(),
        left_out: selection.left_out,
        partition: selection.partition,
        repeat: options.repeat,
        commit: options.commit.clone(),
        dud_attacks: options.dud_attacks,
    });
    let mut recovery = Recovery::new(options, cancel, run.start);
    let mut repetition = 0;
    while repetition < options.repeat || run.goes_on(tests) {
        repetition += 1;
        run.round(tests, repetition).await;
        if run.goes_on(tests) {
            let last = run.last.clone();
            recovery.after(last, &mut |kind| run.tell(kind)).await;
        }
    }
    run.finish()
}

struct Run<'a> {
    options: &'a Options,
    start: Instant,
    cancel: &'a CancellationToken,
    hear: &'a mut (dyn FnMut(&Event) + Send),
    summary: Summary,
    /// What runs at the moment.
    active: BTreeMap<TestId, Active>,
    /// What became of the last round.
    last: Round,
}

/// A test that runs, as it has been told of.
struct Active {
    attempt: u32,
    since: Instant,
    waiting: Option<Waiting>,
}

impl Run<'_> {
    /// Runs each test once.
    async fn round(&mut self, tests: &[Test], repetition: u32) {
        let (options, cancel) = (self.options, self.cancel);
        self.last = Round::default();
        let mut schedule = Schedule::new(tests, options.capacity, options.networks);
        let (sender, mut told) = mpsc::unbounded_channel();
        let mut units = FuturesUnordered::new();
        let mut interrupted = cancel.is_cancelled();
        loop {
            while !self.is_stopping()
                && let Some(index) = schedule.next()
            {
                let unit = Unit {
                    test: &tests[index],
                    repetition,
                    options,
                    cancel,
                    told: sender.clone(),
                };
                units.push(async move { (index, unit.run().await) });
            }
            if schedule.is_idle() {
                break;
            }
            tokio::select! {
                biased;
                () = cancel.cancelled(), if !interrupted => {
                    interrupted = true;
                    self.tell(Kind::Interrupted);
                }
                () = options.asked.notified() => self.tell(self.running(schedule.waiting())),
                Some(kind) = told.recv() => self.tell(kind),
                Some((index, finished)) = units.next() => {
                    while let Ok(kind) = told.try_recv() {
                        self.tell(kind);
                    }
                    schedule.ended(index);
                    self.finished(&tests[index], repetition, finished);
                }
            }
        }
        self.summary.not_run += schedule.waiting();
    }

    /// Whether there is time for another round, which may show something.
    fn goes_on(&self, tests: &[Test]) -> bool {
        let is_time = self.start.elapsed() < self.options.lasts;
        is_time && !tests.is_empty() && self.last.tested && !self.is_stopping()
    }

    /// Whether no more tests are started.
    fn is_stopping(&self) -> bool {
        let bad = self.summary.failed + self.summary.not_testable();
        self.cancel.is_cancelled() || self.options.max_fail.is_some_and(|most| bad >= most)
    }

    fn finished(&mut self, test: &Test, repetition: u32, finished: Finished) {
        let Finished {
            verdict,
            attempts,
            took,
            leaks,
            interrupted,
        } = finished;
        if interrupted {
            self.summary.not_run += 1;
        } else {
            self.summary.count(&verdict, attempts, &leaks);
            let now = self.now();
            self.last.finished(&test.id, &verdict, now);
        }
        self.tell(Kind::TestFinished {
            test: test.id.clone(),
            repetition,
            attempts,
            took,
            verdict,
            leaks,
        });
    }

    fn tell(&mut self, kind: Kind) {
        self.follow(&kind);
        let at = self.now();
        (self.hear)(&Event { at, kind });
    }

    fn now(&self) -> Timestamp {
        self.options.after(self.start.elapsed())
    }

    /// Keeps what runs up to date.
    fn follow(&mut self, kind: &Kind) {
        match kind {
            Kind::TestStarted { test, attempt, .. } => {
                let active = Active {
                    attempt: *attempt,
                    since: Instant::now(),
                    waiting: None,
                };
                self.active.insert(test.clone(), active);
            }
            Kind::Step { test, .. } => self.waits(test, None),
            Kind::Waits { test, waiting } => self.waits(test, Some(waiting.clone())),
            Kind::TestFinished { test, .. } => {
                self.active.remove(test);
            }
            Kind::OutageEnded(_) => self.summary.outages += 1,
            _ => {}
        }
    }

    fn waits(&mut self, test: &TestId, waiting: Option<Waiting>) {
        if let Some(active) = self.active.get_mut(test) {
            active.waiting = waiting;
        }
    }

    fn running(&self, queued: usize) -> Kind {
        let tests = self.active.iter().map(|(test, active)| Running {
            test: test.clone(),
            attempt: active.attempt,
            elapsed: active.since.elapsed(),
            waiting: active.waiting.clone(),
        });
        Kind::Running {
            tests: tests.collect(),
            queued,
        }
    }

    fn finish(mut self) -> Summary {
        self.summary.interrupted = self.cancel.is_cancelled();
        self.summary.took = self.start.elapsed();
        self.tell(Kind::RunFinished {
            summary: self.summary.clone(),
        });
        self.summary
    }
}

#[cfg(test)]
mod tests;
