//! A run as its report tells it: the events, sorted by what they are about.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use super::network::Network;
use crate::{
    event::{Event, Kind, Outage, Summary},
    report::words::nth,
    select::Partition,
    test::{TestId, Waiting},
    verdict::Verdict,
};

/// A run.
#[derive(Debug, Default)]
pub(super) struct Model {
    /// Source of all chance in it.
    pub(super) seed: Option<u64>,
    /// The part of the tests that it is.
    pub(super) partition: Option<Partition>,
    /// Tests that were left out.
    pub(super) left_out: usize,
    /// Whether attacks are only gone through.
    pub(super) dud_attacks: bool,
    /// When its first and its last event happened.
    pub(super) span: Option<(Timestamp, Timestamp)>,
    /// How often each test was to run.
    pub(super) repeat: u32,
    /// The tests, in the order they were to run; each of its runs is one.
    pub(super) tests: Vec<Test>,
    /// Times in which nothing was tested.
    pub(super) outages: Vec<Outage>,
    /// In numbers; `None` for a run that has not ended.
    pub(super) summary: Option<Summary>,
    /// What was seen of each network.
    pub(super) networks: BTreeMap<String, Network>,
}

/// A test.
#[derive(Debug)]
pub(super) struct Test {
    /// Which.
    pub(super) id: TestId,
    /// Which of its runs, from 1.
    pub(super) repetition: u32,
    /// Its attempts, the first first.
    pub(super) attempts: Vec<Attempt>,
    /// How it ended, and how long that took; `None` while it has not.
    pub(super) end: Option<(Verdict, Duration)>,
    /// What it did not prove to have cleaned up.
    pub(super) leaks: Vec<String>,
}

/// An attempt at a test.
#[derive(Debug)]
pub(super) struct Attempt {
    /// When it began.
    pub(super) from: Timestamp,
    /// When and how it ended; `None` while it has not.
    pub(super) end: Option<(Timestamp, Verdict)>,
    /// What it did, and when.
    pub(super) steps: Vec<(Timestamp, String)>,
    /// What it waited for last.
    pub(super) waiting: Option<Waiting>,
    /// Why no other followed although there were retries left.
    pub(super) not_retried: Option<String>,
}

impl Model {
    /// Takes one event in.
    pub(super) fn event(&mut self, event: &Event) {
        let at = event.at;
        let first = self.span.map_or(at, |(first, _)| first.min(at));
        let last = self.span.map_or(at, |(_, last)| last.max(at));
        self.span = Some((first, last));
        match &event.kind {
            Kind::RunStarted {
                seed,
                selected,
                left_out,
                partition,
                repeat,
                dud_attacks,
                ..
            } => {
                self.dud_attacks = *dud_attacks;
                self.seed = Some(*seed);
                self.left_out = *left_out;
                self.partition = *partition;
                self.repeat = *repeat;
                let runs = (1..=*repeat).flat_map(|nth| selected.iter().map(move |id| (id, nth)));
                self.tests.extend(runs.map(|(id, nth)| Test::new(id, nth)));
            }
            Kind::Observed { network, seen } => {
                let network = self.networks.entry(network.clone()).or_default();
                network.observed(at, seen);
            }
            Kind::RunFinished { summary } => self.summary = Some(summary.clone()),
            Kind::OutageEnded(outage) => self.outages.push(outage.clone()),
            Kind::OutageBegan { .. }
            | Kind::Interrupted
            | Kind::Slow { .. }
            | Kind::Running { .. } => {}
            Kind::Step { test, .. } | Kind::Waits { test, .. } => {
                // Of its runs the one under way.
                let mut tests = self.tests.iter_mut().rev();
                if let Some(of) = tests.find(|of| of.id == *test && of.is_under_way()) {
                    of.event(at, &event.kind);
                }
            }
            Kind::TestStarted {
                test, repetition, ..
            }
            | Kind::AttemptFinished {
                test, repetition, ..
            }
            | Kind::TestFinished {
                test, repetition, ..
            } => self.test(test, *repetition).event(at, &event.kind),
        }
    }

    fn test(&mut self, id: &TestId, repetition: u32) -> &mut Test {
        let mut tests = self.tests.iter();
        let known = tests.position(|test| test.id == *id && test.repetition == repetition);
        let place = known.unwrap_or_else(|| {
            self.tests.push(Test::new(id, repetition));
            self.tests.len() - 1
        });
        &mut self.tests[place]
    }

    /// In numbers, as far as the run got.
    pub(super) fn counts(&self) -> Summary {
        if let Some(summary) = &self.summary {
            return summary.clone();
        }
        let mut summary = Summary {
            interrupted: true,
            outages: self.outages.len(),
            ..Summary::default()
        };
        for test in &self.tests {
            match &test.end {
                Some((verdict, _)) => summary.count(verdict, test.tried(), &test.leaks),
                None => summary.not_run += 1,
            }
        }
        if let Some((first, last)) = self.span {
            summary.took = Duration::try_from(last.duration_since(first)).unwrap_or_default();
        }
        summary
    }
}

impl Test {
    fn new(id: &TestId, repetition: u32) -> Self {
        Self {
            id: id.clone(),
            repetition,
            leaks: Vec::new(),
            attempts: Vec::new(),
            end: None,
        }
    }

    /// Its name, and which of several runs it is.
    pub(super) fn title(&self, repeat: u32) -> String {
        format!("{}{}", self.id, nth(self.repetition, repeat))
    }

    fn is_under_way(&self) -> bool {
        self.attempts.last().is_some_and(|last| last.end.is_none())
    }

    /// How many attempts there were.
    pub(super) fn tried(&self) -> u32 {
        u32::try_from(self.attempts.len()).unwrap_or(u32::MAX)
    }

    fn event(&mut self, at: Timestamp, kind: &Kind) {
        if matches!(kind, Kind::TestStarted { .. }) {
            self.attempts.push(Attempt {
                from: at,
                end: None,
                steps: Vec::new(),
                waiting: None,
                not_retried: None,
            });
        }
        if let Kind::TestFinished {
            verdict,
            took,
            leaks,
            ..
        } = kind
        {
            self.end = Some((verdict.clone(), *took));
            self.leaks.clone_from(leaks);
        }
        let Some(attempt) = self.attempts.last_mut() else {
            return;
        };
        match kind {
            Kind::Step { words, .. } => attempt.steps.push((at, words.clone())),
            Kind::Waits { waiting, .. } => attempt.waiting = Some(waiting.clone()),
            Kind::AttemptFinished {
                verdict,
                not_retried,
                ..
            } => {
                attempt.end = Some((at, verdict.clone()));
                attempt.not_retried.clone_from(not_retried);
            }
            _ => {}
        }
    }
}
