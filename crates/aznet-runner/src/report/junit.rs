use std::{collections::BTreeMap, io, time::Duration};

use quick_junit::{
    NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestRerun, TestSuite,
};

use super::Reporter;
use crate::{
    event::{Event, Kind},
    test::TestId,
    verdict::Verdict,
};

/// A JUnit report (Jenkins' dialect), a suite for each network, written as a whole when the run ends, and when it is
/// interrupted: it may have no time to end. A *failure* is what a test found, an *error* is what kept it from testing.
#[derive(Debug)]
pub struct Junit<F> {
    put: F,
    seed: u64,
    suites: BTreeMap<String, Vec<TestCase>>,
    /// Tests that have not ended.
    open: Vec<TestId>,
    /// The one under way.
    running: Option<TestId>,
    attempts: Vec<Attempt>,
}

#[derive(Debug)]
struct Attempt {
    took: Duration,
    verdict: Verdict,
    steps: Vec<String>,
}

impl<F: FnMut(&[u8]) -> io::Result<()>> Junit<F> {
    /// Hands each document to `put`, the later in the place of the earlier.
    pub const fn new(put: F) -> Self {
        Self {
            put,
            running: None,
            seed: 0,
            suites: BTreeMap::new(),
            open: Vec::new(),
            attempts: Vec::new(),
        }
    }

    fn case(&mut self, test: &TestId, took: Duration) {
        let mut attempts = std::mem::take(&mut self.attempts);
        let Some(last) = attempts.pop() else { return };
        let mut status = status(&last.verdict);
        status.add_reruns(attempts.iter().filter_map(rerun));
        let mut case = TestCase::new(test.name.as_str(), status);
        case.set_classname(test.network.as_str()).set_time(took);
        if !matches!(last.verdict, Verdict::Passed) && !last.steps.is_empty() {
            case.set_system_out(last.steps.join("\n"));
        }
        self.suites
            .entry(test.network.clone())
            .or_default()
            .push(case);
    }

    /// Writes what is known, with the tests that have not ended as they are.
    fn write(&mut self, took: Option<Duration>) -> io::Result<()> {
        let mut suites = self.suites.clone();
        for test in &self.open {
            let mut status = if self.running.as_ref() == Some(test) {
                TestCaseStatus::non_success(NonSuccessKind::Error)
            } else {
                TestCaseStatus::skipped()
            };
            let message = match status {
                TestCaseStatus::Skipped { .. } => "not run",
                _ => "interrupted",
            };
            status.set_message(message);
            let mut case = TestCase::new(test.name.as_str(), status);
            case.set_classname(test.network.as_str());
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
            Kind::RunStarted { seed, selected, .. } => {
                self.seed = *seed;
                self.open.clone_from(selected);
            }
            Kind::AttemptFinished {
                took,
                verdict,
                steps,
                ..
            } => {
                self.attempts.push(Attempt {
                    took: *took,
                    verdict: verdict.clone(),
                    steps: steps.clone(),
                });
            }
            Kind::TestStarted { test, .. } => self.running = Some(test.clone()),
            Kind::Interrupted => return self.write(None),
            Kind::TestFinished { test, took, .. } => {
                self.running = None;
                self.open.retain(|open| open != test);
                self.case(test, *took);
            }
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
        Verdict::Infrastructure { .. } => TestCaseStatus::non_success(NonSuccessKind::Error),
        Verdict::Skipped { .. } => TestCaseStatus::skipped(),
    };
    status.set_message(verdict.message().unwrap_or_default());
    status
}

fn rerun(attempt: &Attempt) -> Option<TestRerun> {
    let kind = match &attempt.verdict {
        Verdict::Failed { .. } => NonSuccessKind::Failure,
        Verdict::Infrastructure { .. } => NonSuccessKind::Error,
        Verdict::Passed | Verdict::Skipped { .. } => return None,
    };
    let mut rerun = TestRerun::new(kind);
    rerun
        .set_time(attempt.took)
        .set_message(attempt.verdict.message().unwrap_or_default());
    Some(rerun)
}
