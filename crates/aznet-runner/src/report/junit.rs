use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    time::Duration,
};

use quick_junit::{
    NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestRerun, TestSuite,
};

use super::{
    Reporter,
    words::{self, nth},
};
use crate::{
    event::{Event, Kind, Outage},
    test::TestId,
    verdict::Verdict,
};

/// A JUnit report (Jenkins' dialect), a suite for each network, written as a whole when the run ends, and when it is
/// interrupted: it may have no time to end. A *failure* is what a test found, an *error* is what kept it from testing.
#[derive(Debug)]
pub struct Junit<F> {
    put: F,
    seed: u64,
    /// How often each test runs.
    repeat: u32,
    suites: BTreeMap<String, Vec<TestCase>>,
    /// Tests that have not ended, with the number of the run.
    open: Vec<(TestId, u32)>,
    /// Those under way.
    running: BTreeSet<TestId>,
    attempts: BTreeMap<TestId, Vec<Attempt>>,
}

#[derive(Debug)]
struct Attempt {
    took: Duration,
    verdict: Verdict,
    steps: Vec<String>,
    leaks: Vec<String>,
}

impl<F: FnMut(&[u8]) -> io::Result<()>> Junit<F> {
    /// Hands each document to `put`, the later in the place of the earlier.
    pub const fn new(put: F) -> Self {
        Self {
            put,
            seed: 0,
            repeat: 1,
            suites: BTreeMap::new(),
            open: Vec::new(),
            running: BTreeSet::new(),
            attempts: BTreeMap::new(),
        }
    }

    fn case(&mut self, test: &TestId, repetition: u32, took: Duration) {
        let mut attempts = self.attempts.remove(test).unwrap_or_default();
        let Some(last) = attempts.pop() else { return };
        let mut status = status(&last.verdict);
        status.add_reruns(attempts.iter().filter_map(rerun));
        let mut case = self.named(test, repetition, status);
        case.set_time(took);
        let mut lines = last.steps;
        if matches!(last.verdict, Verdict::Passed) {
            lines.clear();
        }
        let leaks = last.leaks.iter();
        lines.extend(leaks.map(|leak| format!("not proved to be cleaned up: {leak}")));
        if !lines.is_empty() {
            case.set_system_out(lines.join("\n"));
        }
        let suite = self.suites.entry(test.network.clone());
        suite.or_default().push(case);
    }

    /// An outage is an error of a case of its own.
    fn outage(&mut self, outage: &Outage) {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_message(words::outage(outage));
        let mut case = TestCase::new("outage", status);
        case.set_classname(outage.network.as_str());
        case.set_time(outage.took);
        let suite = self.suites.entry(outage.network.clone());
        suite.or_default().push(case);
    }

    fn named(&self, test: &TestId, repetition: u32, status: TestCaseStatus) -> TestCase {
        let name = format!("{}{}", test.name, nth(repetition, self.repeat));
        let mut case = TestCase::new(name, status);
        case.set_classname(test.network.as_str());
        case
    }

    /// A test that has not ended.
    fn unfinished(
        &self,
        test: &TestId,
        repetition: u32,
        running: &mut BTreeSet<TestId>,
    ) -> TestCase {
        let (mut status, message) = if running.remove(test) {
            let error = TestCaseStatus::non_success(NonSuccessKind::Error);
            (error, "interrupted")
        } else {
            (TestCaseStatus::skipped(), "not run")
        };
        status.set_message(message);
        self.named(test, repetition, status)
    }

    /// Writes what is known, with the tests that have not ended as they are.
    fn write(&mut self, took: Option<Duration>) -> io::Result<()> {
        let (mut suites, mut running) = (self.suites.clone(), self.running.clone());
        for (test, repetition) in &self.open {
            let case = self.unfinished(test, *repetition, &mut running);
            suites.entry(test.network.clone()).or_default().push(case);
        }
        let mut report = Report::new("aznet");
        if let Some(took) = took {
            report.set_time(took);
        }
        for (network, cases) in suites {
            let mut suite = TestSuite::new(network);
            suite.add_property(Property::new("seed", self.seed.to_string()));
            suite.add_test_cases(cases);
            report.add_test_suite(suite);
        }
        let mut document = Vec::new();
        report.serialize(&mut document).map_err(io::Error::other)?;
        (self.put)(&document)
    }
}

impl<F: FnMut(&[u8]) -> io::Result<()>> Reporter for Junit<F> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match &event.kind {
            Kind::RunStarted {
                seed,
                selected,
                repeat,
                ..
            } => {
                (self.seed, self.repeat) = (*seed, *repeat);
                let rounds = (1..=*repeat).flat_map(|n| selected.iter().map(move |test| (test, n)));
                self.open = rounds.map(|(test, n)| (test.clone(), n)).collect();
            }
            Kind::AttemptFinished {
                test,
                took,
                verdict,
                steps,
                leaks,
                ..
            } => {
                let attempts = self.attempts.entry(test.clone()).or_default();
                attempts.push(Attempt {
                    took: *took,
                    verdict: verdict.clone(),
                    steps: steps.clone(),
                    leaks: leaks.clone(),
                });
            }
            Kind::TestStarted {
                test, repetition, ..
            } => {
                self.running.insert(test.clone());
                // Of as many rounds as there is time for, only the first was announced.
                let begun = (test.clone(), *repetition);
                if !self.open.contains(&begun) {
                    self.open.push(begun);
                }
            }
            Kind::Interrupted => return self.write(None),
            Kind::TestFinished {
                test,
                repetition,
                took,
                ..
            } => {
                self.running.remove(test);
                self.open
                    .retain(|(open, n)| (open, n) != (test, repetition));
                self.case(test, *repetition, *took);
            }
            Kind::OutageEnded(outage) => self.outage(outage),
            Kind::RunFinished { summary } => return self.write(Some(summary.took)),
            _ => {}
        }
        Ok(())
    }
}

fn status(verdict: &Verdict) -> TestCaseStatus {
    let mut status = match verdict {
        Verdict::Passed => return TestCaseStatus::success(),
        Verdict::Failed { .. } => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::Infrastructure { .. } | Verdict::Fault { .. } => {
            TestCaseStatus::non_success(NonSuccessKind::Error)
        }
        Verdict::Skipped { .. } => TestCaseStatus::skipped(),
    };
    status.set_message(verdict.message().unwrap_or_default());
    if matches!(verdict, Verdict::Fault { .. }) {
        status.set_type("fault");
    }
    status
}

fn rerun(attempt: &Attempt) -> Option<TestRerun> {
    let kind = match &attempt.verdict {
        Verdict::Failed { .. } => NonSuccessKind::Failure,
        Verdict::Infrastructure { .. } | Verdict::Fault { .. } => NonSuccessKind::Error,
        Verdict::Passed | Verdict::Skipped { .. } => return None,
    };
    let mut rerun = TestRerun::new(kind);
    rerun
        .set_time(attempt.took)
        .set_message(attempt.verdict.message().unwrap_or_default());
    Some(rerun)
}
