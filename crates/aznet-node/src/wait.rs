//! Waiting within a limit that several waits share, with a line in the log for what is seen meanwhile.

use std::time::{Duration, Instant};

use aznet_kit::wait::{self, Deadline, Look, WaitError};

use crate::console::say;

/// How often something awaited is looked at.
const POLL: Duration = Duration::from_millis(250);
/// A changed answer is said at most this often.
const SAY_CHANGED: Duration = Duration::from_secs(3);
/// An unchanged answer is repeated this often.
const SAY_AGAIN: Duration = Duration::from_secs(30);

/// A limit shared by all waits of a start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimeLimit {
    started: Instant,
    limit: Duration,
}

impl TimeLimit {
    /// A limit that is reached `limit` from now.
    pub(crate) fn after(limit: Duration) -> Self {
        Self {
            started: Instant::now(),
            limit,
        }
    }

    /// The earlier of this limit and one `limit` from now.
    pub(crate) fn at_most(self, limit: Duration) -> Self {
        Self::after(self.left().min(limit))
    }

    /// The time that is left.
    pub(crate) fn left(self) -> Duration {
        self.limit.saturating_sub(self.started.elapsed())
    }

    /// Looks until there is a value, and says in the log what is awaited and what was seen last.
    ///
    /// # Errors
    /// [`WaitError`] (converted) at the limit; the look's own error as it is.
    pub(crate) fn until<T, E: From<WaitError>>(
        self,
        what: &str,
        mut look: impl FnMut() -> Result<Look<T>, E>,
    ) -> Result<T, E> {
        let mut progress = Progress::default();
        let deadline = Deadline::after(self.left()).every(POLL);
        wait::until_blocking(what, deadline, |waited| {
            let found = look()?;
            if let Look::Pending(seen) = &found {
                progress.report(what, waited, seen);
            }
            Ok(found)
        })
    }
}

/// Decides which answers are worth a line.
#[derive(Default)]
struct Progress {
    said: Option<(Instant, String)>,
}

impl Progress {
    fn report(&mut self, what: &str, waited: Duration, seen: &str) {
        if self.said.as_ref().is_some_and(|(at, text)| {
            let silence = if text == seen { SAY_AGAIN } else { SAY_CHANGED };
            at.elapsed() < silence
        }) {
            return;
        }
        say(format_args!(
            "waiting for {what} ({}s): {seen}",
            waited.as_secs()
        ));
        self.said = Some((Instant::now(), seen.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shorter_limit_within_a_longer_one_wins_and_the_other_way_round() {
        let minute = Duration::from_mins(1);
        let long = TimeLimit::after(minute);
        assert!(long.at_most(Duration::ZERO).left().is_zero());
        assert!(long.at_most(2 * minute).left() <= minute);
    }

    #[test]
    fn a_wait_without_time_left_still_looks_once() {
        let none = TimeLimit::after(Duration::ZERO);
        let seen = none.until::<_, WaitError>("it", || Ok(Look::Done(7)));
        assert_eq!(seen, Ok(7));
        let late = none
            .until::<(), WaitError>("the boot node", || Ok(Look::pending("connection refused")));
        let text = late.expect_err("never comes").to_string();
        assert!(
            text.ends_with("waiting for the boot node; last seen: connection refused"),
            "{text}"
        );
    }
}
