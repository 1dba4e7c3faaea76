//! What happens in a run. Reporters are folds over these; a recorded run can be reported again.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    observation::Observation,
    seconds,
    select::Partition,
    test::{TestId, Waiting},
    verdict::{ExitCode, Verdict},
};

/// Something that happened, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub kind: Kind,
}

/// Something that happened. Durations are seconds in JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Kind {
    /// The run begins.
    RunStarted {
        /// Source of all chance in it.
        seed: u64,
        /// The tests to run, in order.
        selected: Vec<TestId>,
        /// Tests that the filters or the partition left out.
        left_out: usize,
        /// The part of the tests that this run is.
        partition: Option<Partition>,
        /// How often each of them runs.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        repeat: u32,
        /// Commit of the checkout whose charts and networks are used, where it is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        commit: Option<String>,
        /// Whether attacks are only gone through, so that the tests that look for what comes of them must fail.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        dud_attacks: bool,
    },
    /// An attempt begins.
    TestStarted {
        /// Which test.
        test: TestId,
        /// Which of its runs, from 1.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        repetition: u32,
        /// From 1.
        attempt: u32,
    },
    /// A test has done something.
    Step {
        /// Which test.
        test: TestId,
        /// What.
        words: String,
    },
    /// A test waits for something, or sees another value of it.
    Waits {
        /// Which test.
        test: TestId,
        /// What for.
        #[serde(flatten)]
        waiting: Waiting,
    },
    /// Something was seen of a network.
    Observed {
        /// The network.
        network: String,
        /// What.
        #[serde(flatten)]
        seen: Observation,
    },
    /// A test takes long.
    Slow {
        /// Which test.
        test: TestId,
        /// Since its attempt began.
        #[serde(with = "seconds")]
        elapsed: Duration,
        /// What it waits for, if it told.
        waiting: Option<Waiting>,
    },
    /// What runs at the moment; told when somebody asks.
    Running {
        /// In the order of their names.
        tests: Vec<Running>,
        /// How many wait for their turn.
        queued: usize,
    },
    /// An attempt ended.
    AttemptFinished {
        /// Which test.
        test: TestId,
        /// Which of its runs, from 1.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        repetition: u32,
        /// From 1.
        attempt: u32,
        /// Since it began.
        #[serde(with = "seconds")]
        took: Duration,
        /// How.
        #[serde(flatten)]
        verdict: Verdict,
        /// What it did.
        steps: Vec<String>,
        /// Whether another attempt follows.
        again: bool,
        /// Why none does although there are retries left.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        not_retried: Option<String>,
        /// What it did not prove to have cleaned up.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        leaks: Vec<String>,
    },
    /// A test ended: its last attempt decides.
    TestFinished {
        /// Which test.
        test: TestId,
        /// Which of its runs, from 1.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        repetition: u32,
        /// How many attempts it took.
        attempts: u32,
        /// All attempts together.
        #[serde(with = "seconds")]
        took: Duration,
        /// How.
        #[serde(flatten)]
        verdict: Verdict,
        /// What its attempts did not prove to have cleaned up.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        leaks: Vec<String>,
    },
    /// A network is not healthy after a round in which tests did not pass: no other begins until it is.
    OutageBegan {
        /// The network.
        network: String,
        /// When the first of them was seen not to have passed.
        since: Timestamp,
        /// What is wrong with it.
        why: String,
    },
    /// It is healthy again, or the run's time is over.
    OutageEnded(Outage),
    /// The run is interrupted; the tests that run may clean up.
    Interrupted,
    /// The run ended.
    RunFinished {
        /// In numbers.
        summary: Summary,
    },
}

/// A time in which a network was not healthy and nothing was tested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outage {
    /// The network.
    pub network: String,
    /// When it was first seen that tests did not pass.
    pub since: Timestamp,
    /// How long.
    #[serde(with = "seconds")]
    pub took: Duration,
    /// What was wrong in the end.
    pub why: String,
    /// Whether it is over; else the run's time was over before.
    pub healed: bool,
}

/// A test that runs at the moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Which test.
    pub test: TestId,
    /// Its attempt, from 1.
    pub attempt: u32,
    /// Since the attempt began.
    #[serde(with = "seconds")]
    pub elapsed: Duration,
    /// What it waits for, if it told.
    pub waiting: Option<Waiting>,
}

const fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_one(number: &u32) -> bool {
    *number == 1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// A run in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Tests that passed, flaky ones included.
    pub passed: usize,
    /// Tests that passed, but not at once.
    pub flaky: usize,
    /// Tests that passed and did not prove that they cleaned up.
    #[serde(default)]
    pub leaky: usize,
    /// Tests that failed.
    pub failed: usize,
    /// Tests that could not be run.
    pub infrastructure: usize,
    /// Tests whose fault was not done, did not bite, or was not undone.
    #[serde(default)]
    pub faults: usize,
    /// Times in which a network was not healthy and nothing was tested.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub outages: usize,
    /// Tests that need what isn't here.
    pub skipped: usize,
    /// Tests that weren't reached.
    pub not_run: usize,
    /// Whether the run was interrupted.
    pub interrupted: bool,
    /// How long it took.
    #[serde(with = "seconds")]
    pub took: Duration,
}

impl Summary {
    /// Counts a finished test.
    pub(crate) const fn count(&mut self, verdict: &Verdict, attempts: u32, leaks: &[String]) {
        match verdict {
            Verdict::Passed => {
                self.passed += 1;
                if !leaks.is_empty() {
                    self.leaky += 1;
                }
                if attempts > 1 {
                    self.flaky += 1;
                }
            }
            Verdict::Failed { .. } => self.failed += 1,
            Verdict::Infrastructure { .. } => self.infrastructure += 1,
            Verdict::Fault { .. } => self.faults += 1,
            Verdict::Skipped { .. } => self.skipped += 1,
        }
    }

    /// Tests that were run or skipped.
    pub const fn finished(&self) -> usize {
        self.passed + self.failed + self.not_testable() + self.skipped
    }

    /// Tests that could not be run.
    pub const fn not_testable(&self) -> usize {
        self.infrastructure + self.faults
    }

    /// The exit code.
    pub const fn exit_code(&self) -> ExitCode {
        match self {
            Self {
                interrupted: true, ..
            } => ExitCode::Interrupted,
            Self { failed: 1.., .. } => ExitCode::Failed,
            Self {
                infrastructure: 1..,
                ..
            }
            | Self { outages: 1.., .. } => ExitCode::Infrastructure,
            Self { faults: 1.., .. } => ExitCode::Fault,
            // Skipping all of them shows nothing.
            _ if self.finished() + self.not_run == self.skipped => ExitCode::NoTests,
            _ => ExitCode::Passed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_say_the_worst() {
        let summary = |failed, infrastructure, passed| Summary {
            passed,
            failed,
            infrastructure,
            ..Summary::default()
        };
        assert_eq!(summary(0, 0, 0).exit_code().code(), 4);
        assert_eq!(summary(0, 0, 1).exit_code().code(), 0);
        assert_eq!(summary(0, 1, 1).exit_code().code(), 22);
        assert_eq!(summary(1, 1, 1).exit_code().code(), 100);
        let fault = |infrastructure| Summary {
            faults: 1,
            ..summary(0, infrastructure, 1)
        };
        assert_eq!(fault(0).exit_code().code(), 23);
        assert_eq!(fault(1).exit_code().code(), 22);
        let outage = Summary {
            outages: 1,
            ..summary(0, 0, 1)
        };
        assert_eq!(outage.exit_code().code(), 22);
        assert_eq!(
            Summary {
                interrupted: true,
                failed: 1,
                ..Summary::default()
            }
            .exit_code()
            .code(),
            130
        );
        assert_eq!(
            Summary {
                skipped: 1,
                ..Summary::default()
            }
            .exit_code()
            .code(),
            4
        );
        assert_eq!(
            Summary {
                passed: 1,
                skipped: 1,
                ..Summary::default()
            }
            .exit_code()
            .code(),
            0
        );
    }

    #[test]
    fn events_survive_json() {
        let event = Event {
            at: Timestamp::UNIX_EPOCH,
            kind: Kind::TestFinished {
                test: TestId {
                    network: "small".into(),
                    name: "transfer".into(),
                },
                attempts: 2,
                took: Duration::from_millis(12_345),
                verdict: Verdict::Failed {
                    message: "no".into(),
                },
                repetition: 1,
                leaks: Vec::new(),
            },
        };
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(
            json,
            r#"{"at":"1970-01-01T00:00:00Z","event":"test-finished","test":{"network":"small","name":"transfer"},"attempts":2,"took":12.345,"verdict":"failed","message":"no"}"#
        );
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event);
    }
}
