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

/// A JUnit report (Jenkins' dialect), a suite for each network, written when the run ends. A *failure* is what a test
/// found, an *error* is what kept it from testing.
#[derive(Debug)]
pub struct Junit<W> {
    out: W,
    seed: u64,
    suites: BTreeMap<String, Vec<TestCase>>,
    /// Tests that have not ended.
    open: Vec<TestId>,
    attempts: Vec<Attempt>,
}

#[derive(Debug)]
struct Attempt {
    took: Duration,
    verdict: Verdict,
    steps: Vec<String>,
}

impl<W: io::Write> Junit<W> {
    /// Writes to `out`.
    pub const fn new(out: W) -> Self {
        Self {
            out,
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

    fn finish(&mut self, took: Duration) -> io::Result<()> {
        for test in std::mem::take(&mut self.open) {
            let mut status = TestCaseStatus::skipped();
            status.set_message("not run");
            let mut case = TestCase::new(test.name.as_str(), status);
            case.set_classname(test.network.as_str());
            self.suites.entry(test.network).or_default().push(case);
        }
        let mut report = Report::new("aznet");
        report.set_time(took);
        for (network, cases) in std::mem::take(&mut self.suites) {
            let mut suite = TestSuite::new(network);
            suite.add_property(Property::new("seed", self.seed.to_string()));
            suite.add_test_cases(cases);
            report.add_test_suite(suite);
        }
        report.serialize(&mut self.out).map_err(io::Error::other)?;
        self.out.flush()
    }
}

impl<W: io::Write> Reporter for Junit<W> {
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
            Kind::TestFinished { test, took, .. } => {
                self.open.retain(|open| open != test);
                self.case(test, *took);
            }
            Kind::RunFinished { summary } => return self.finish(summary.took),
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
