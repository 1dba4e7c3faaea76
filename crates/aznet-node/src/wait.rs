//! Waiting, always for something with a name and never for ever.

use std::fmt::Display;
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::say::say;

/// How often something awaited is looked at.
const POLL: Duration = Duration::from_millis(250);
/// A changed answer is said at most this often.
const SAY_CHANGED: Duration = Duration::from_secs(3);
/// An unchanged answer is repeated this often.
const SAY_AGAIN: Duration = Duration::from_secs(30);

/// Lets a period pass.
#[expect(
    clippy::disallowed_methods,
    reason = "a period, not a wait: there is nothing to wait for"
)]
pub(crate) fn rest(period: Duration) {
    std::thread::sleep(period);
}

/// Why an attempt gave no value.
#[derive(Debug)]
pub(crate) enum Pause {
    /// Not yet; what was seen.
    NotYet(String),
    /// Waiting longer can't help; what was seen.
    Never(String),
}

impl Pause {
    /// Anything printable, as a reason to look again.
    pub(crate) fn not_yet(reason: impl Display) -> Self {
        Self::NotYet(reason.to_string())
    }
}

/// The end of waiting without success.
#[derive(Debug, Error)]
pub(crate) enum WaitError {
    /// The deadline passed.
    #[error("waited {} for {what}; last answer: {last}", humantime::format_duration(*.waited))]
    TimedOut {
        /// What was awaited.
        what: String,
        /// How long, in whole seconds.
        waited: Duration,
        /// The last answer.
        last: String,
    },
    /// It can never happen.
    #[error("{what} can't be had: {last}")]
    Hopeless {
        /// What was awaited.
        what: String,
        /// What made it hopeless.
        last: String,
    },
}

/// A limit shared by all waits of a start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    started: Instant,
    limit: Duration,
}

impl Deadline {
    /// A deadline `limit` from now.
    pub(crate) fn after(limit: Duration) -> Self {
        Self {
            started: Instant::now(),
            limit,
        }
    }

    /// The earlier of this deadline and one `limit` from now.
    pub(crate) fn at_most(self, limit: Duration) -> Self {
        Self::after(self.left().min(limit))
    }

    /// What is left of it.
    pub(crate) fn left(self) -> Duration {
        self.limit.saturating_sub(self.started.elapsed())
    }

    /// Polls until there is a value, saying in words what is awaited and what was seen last.
    pub(crate) fn until<T>(
        self,
        what: &str,
        mut attempt: impl FnMut() -> Result<T, Pause>,
    ) -> Result<T, WaitError> {
        let begun = Instant::now();
        let mut voice = Voice::default();
        loop {
            let last = match attempt() {
                Ok(value) => return Ok(value),
                Err(Pause::NotYet(last)) => last,
                Err(Pause::Never(last)) => {
                    let what = what.to_owned();
                    return Err(WaitError::Hopeless { what, last });
                }
            };
            voice.hear(what, begun.elapsed(), &last);
            if self.started.elapsed() >= self.limit {
                return Err(WaitError::TimedOut {
                    what: what.to_owned(),
                    waited: Duration::from_secs(begun.elapsed().as_secs()),
                    last,
                });
            }
            pause();
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where polling sleeps"
)]
fn pause() {
    std::thread::sleep(POLL);
}

/// Decides which answers are worth a line.
#[derive(Default)]
struct Voice {
    said: Option<(Instant, String)>,
}

impl Voice {
    fn hear(&mut self, what: &str, waited: Duration, last: &str) {
        if self.said.as_ref().is_some_and(|(at, text)| {
            let silence = if text == last { SAY_AGAIN } else { SAY_CHANGED };
            at.elapsed() < silence
        }) {
            return;
        }
        say(format_args!(
            "waiting for {what} ({}s): {last}",
            waited.as_secs()
        ));
        self.said = Some((Instant::now(), last.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn returns_the_first_value() {
        let mut left = 2;
        let value = Deadline::after(Duration::from_secs(5)).until("it", || {
            left -= 1;
            if left == 0 {
                Ok(7)
            } else {
                Err(Pause::not_yet("soon"))
            }
        });
        assert_eq!(value.expect("comes at the second look"), 7);
    }

    #[test]
    fn names_what_was_missing_and_the_last_answer() {
        let error = Deadline::after(Duration::ZERO)
            .until::<()>("the boot node", || {
                Err(Pause::not_yet("connection refused"))
            })
            .expect_err("never comes");
        assert_eq!(
            error.to_string(),
            "waited 0s for the boot node; last answer: connection refused"
        );
    }

    #[test]
    fn gives_up_at_once_when_hopeless() {
        let error = Deadline::after(Duration::from_mins(1))
            .until::<()>("the L1", || Err(Pause::Never("chain 1, not 2".into())))
            .expect_err("never comes");
        assert_eq!(error.to_string(), "the L1 can't be had: chain 1, not 2");
    }
}
