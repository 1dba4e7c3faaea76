//! How tests and runs end.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a test did not pass, as the test says it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// What was tested is not so.
    #[error("{0}")]
    Assertion(String),
    /// It could not be tested: something the test needs is broken.
    #[error("{0}")]
    Infrastructure(String),
    /// It could not be tested: a fault that the test needs was not done, did not bite, or was not undone.
    #[error("{0}")]
    Fault(String),
    /// It can't be tested here; names the missing capability.
    #[error("{0}")]
    Skipped(String),
}

impl Failure {
    /// What was tested is not so.
    pub fn assertion(message: impl fmt::Display) -> Self {
        Self::Assertion(message.to_string())
    }

    /// It could not be tested; `error` with all its causes.
    pub fn infrastructure(error: impl std::error::Error) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message = format!("{message}: {cause}");
            source = cause.source();
        }
        Self::Infrastructure(message)
    }

    /// It can't be tested without `missing`.
    pub fn skipped(missing: impl fmt::Display) -> Self {
        Self::Skipped(missing.to_string())
    }
}

/// How a test ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// All is as it should be.
    Passed,
    /// What was tested is not so.
    Failed {
        /// What was expected and what was seen.
        message: String,
    },
    /// It could not be tested.
    Infrastructure {
        /// What is broken.
        message: String,
    },
    /// It could not be tested, for want of a fault.
    Fault {
        /// What was not done, did not bite, or was not undone.
        message: String,
    },
    /// It can't be tested here.
    Skipped {
        /// The missing capability.
        reason: String,
    },
}

impl Verdict {
    /// Whether another attempt may end better.
    pub const fn may_be_retried(&self) -> bool {
        self.is_bad()
    }

    /// Whether it neither passed nor was skipped.
    pub const fn is_bad(&self) -> bool {
        !matches!(self, Self::Passed | Self::Skipped { .. })
    }

    /// The verdict where something was seen to be broken while the test ran: failed, but for one that was skipped.
    pub(crate) fn diverged(self, first: &str) -> Self {
        let message = match self {
            Self::Skipped { .. } => return self,
            Self::Passed => first.to_owned(),
            Self::Failed { message }
            | Self::Infrastructure { message }
            | Self::Fault { message } => format!("{message}; {first}"),
        };
        Self::Failed { message }
    }

    /// What there is to say about it.
    pub fn message(&self) -> Option<&str> {
        match self {
            Self::Passed => None,
            Self::Failed { message }
            | Self::Infrastructure { message }
            | Self::Fault { message } => Some(message),
            Self::Skipped { reason } => Some(reason),
        }
    }
}

impl From<Result<(), Failure>> for Verdict {
    fn from(result: Result<(), Failure>) -> Self {
        match result {
            Ok(()) => Self::Passed,
            Err(Failure::Assertion(message)) => Self::Failed { message },
            Err(Failure::Infrastructure(message)) => Self::Infrastructure { message },
            Err(Failure::Fault(message)) => Self::Fault { message },
            Err(Failure::Skipped(reason)) => Self::Skipped { reason },
        }
    }
}

/// What becomes of a test that passed and did not prove that it cleaned up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leaks {
    /// It has passed, and is reported.
    #[default]
    Report,
    /// It has failed.
    Fail,
}

/// Exit codes of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum ExitCode {
    /// Every test passed or was skipped.
    Passed = 0,
    /// The filters select no test.
    NoTests = 4,
    /// No test failed, but at least one could not be run.
    Infrastructure = 22,
    /// The same, and for want of faults alone.
    Fault = 23,
    /// At least one test failed.
    Failed = 100,
    /// The run was interrupted.
    Interrupted = 130,
}

impl ExitCode {
    /// The number.
    pub const fn code(self) -> u8 {
        self as u8
    }
}
