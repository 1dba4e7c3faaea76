//! How often a scenario was run, and how often it failed.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// So many times a scenario must have failed: one that failed once may have been bad luck of the machine.
const SURE: u32 = 2;

/// In how many of its runs a scenario failed, written as `1 of 2`. What could not be tested is no run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Seen {
    failed: u32,
    runs: u32,
}

/// A text that does not say in how many runs something failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not like `2 of 2`: in how many runs it failed, and of how many")]
pub struct NotSeen(String);

impl Seen {
    /// One that failed, the only time that it ran.
    pub const ONCE: Self = Self { failed: 1, runs: 1 };

    /// With one run more.
    #[must_use]
    pub fn and(self, failed: bool) -> Self {
        Self {
            failed: self.failed + u32::from(failed),
            runs: self.runs + 1,
        }
    }

    /// Whether it failed at all.
    pub const fn has_failed(self) -> bool {
        self.failed > 0
    }

    /// Whether it failed more than once.
    pub const fn is_sure(self) -> bool {
        self.failed >= SURE
    }
}

impl Display for Seen {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.failed, self.runs)
    }
}

impl FromStr for Seen {
    type Err = NotSeen;

    fn from_str(text: &str) -> Result<Self, NotSeen> {
        let numbers = text.split_once(" of ");
        let read =
            numbers.and_then(|(failed, runs)| Some((failed.parse().ok()?, runs.parse().ok()?)));
        match read {
            Some((failed, runs)) if failed <= runs => Ok(Self { failed, runs }),
            _ => Err(NotSeen(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Seen {
    type Error = NotSeen;

    fn try_from(text: String) -> Result<Self, NotSeen> {
        text.parse()
    }
}

impl From<Seen> for String {
    fn from(seen: Seen) -> Self {
        seen.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_twice_is_sure_however_often_it_passed() {
        assert!(!Seen::ONCE.is_sure());
        let flake = Seen::ONCE.and(false);
        assert_eq!(
            (flake.to_string().as_str(), flake.is_sure()),
            ("1 of 2", false)
        );
        assert!(Seen::ONCE.and(true).is_sure());
        assert!(flake.and(true).is_sure());
    }

    #[test]
    fn it_is_read_as_it_is_written() {
        let flake = Seen::ONCE.and(false);
        assert_eq!(flake.to_string().parse::<Seen>(), Ok(flake));
        for text in ["", "2", "2 of", "3 of 2", "a of b", "-1 of 2"] {
            assert_eq!(text.parse::<Seen>(), Err(NotSeen(text.to_owned())));
        }
    }
}
