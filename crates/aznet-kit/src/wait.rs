//! The one way to wait: until a condition holds, with a deadline and a name. The error says what was waited for, how
//! long, and what was seen last.

use std::future::Future;
use std::time::{Duration, Instant};

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::time::Seconds;

/// What one look at the condition found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look<T> {
    /// The condition holds.
    Done(T),
    /// Not yet; what was seen instead, in words for a person.
    Pending(String),
}

impl<T> Look<T> {
    /// Not yet; anything printable as what was seen instead.
    pub fn pending(seen: impl std::fmt::Display) -> Self {
        Self::Pending(seen.to_string())
    }

    /// What a look found; its error is a reason to look again, not to stop.
    pub fn or_pending(found: Result<Self, impl std::error::Error>) -> Self {
        found.unwrap_or_else(|error| Self::Pending(crate::error::chain(&error)))
    }
}

impl<T, E: std::error::Error> From<Result<T, E>> for Look<T> {
    /// A value ends the wait; an error is a reason to look again.
    fn from(found: Result<T, E>) -> Self {
        Self::or_pending(found.map(Self::Done))
    }
}

/// How long to wait and how often to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// Give up after this long.
    pub after: Duration,
    /// Look again this long after the previous look ended.
    pub every: Duration,
}

impl Deadline {
    /// Gives up `after`, looking once a second.
    pub const fn after(after: Duration) -> Self {
        Self {
            after,
            every: Duration::from_secs(1),
        }
    }

    /// Gives up after `seconds`, looking ten times a second.
    pub const fn seconds(seconds: u64) -> Self {
        Self::after(Duration::from_secs(seconds)).every(Duration::from_millis(100))
    }

    /// The same deadline with another pace.
    #[must_use]
    pub const fn every(self, every: Duration) -> Self {
        Self { every, ..self }
    }
}

/// Why a wait ended without its condition.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum WaitError {
    /// The deadline passed.
    #[error("timed out after {} waiting for {what}; last seen: {last}", Seconds(*waited))]
    TimedOut {
        /// What was waited for.
        what: String,
        /// How long.
        waited: Duration,
        /// What was seen last.
        last: String,
    },
    /// The caller gave up.
    #[error("interrupted after {} of waiting for {what}; last seen: {last}", Seconds(*waited))]
    Cancelled {
        /// What was waited for.
        what: String,
        /// How long.
        waited: Duration,
        /// What was seen last.
        last: String,
    },
}

/// What is said of a condition that nobody has looked at yet.
const UNSEEN: &str = "nothing yet";

/// Looks with `look` until it finds [`Look::Done`]. `look` is given the time waited so far, for progress lines; its own
/// error ends the wait at once. A look that hangs is cut off at the deadline.
///
/// # Errors
/// [`WaitError`] (converted) when the deadline passes or `cancel` fires; `look`'s error as it is.
pub async fn until<T, E, Fut>(
    what: impl Into<String>,
    deadline: Deadline,
    cancel: &CancellationToken,
    mut look: impl FnMut(Duration) -> Fut,
) -> Result<T, E>
where
    E: From<WaitError>,
    Fut: Future<Output = Result<Look<T>, E>>,
{
    let what = what.into();
    let start = tokio::time::Instant::now();
    let mut last = UNSEEN.to_owned();
    let end = tokio::time::sleep_until(start + deadline.after);
    tokio::pin!(end);
    let mut ticks = tokio::time::interval(deadline.every.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let found = async {
            ticks.tick().await;
            look(start.elapsed()).await
        };
        tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(WaitError::Cancelled { what, waited: start.elapsed(), last }.into()),
            found = found => match found? {
                Look::Done(value) => return Ok(value),
                Look::Pending(seen) => last = seen,
            },
            () = &mut end => return Err(WaitError::TimedOut { what, waited: deadline.after, last }.into()),
        }
    }
}

/// [`until`] for code without a runtime. Nothing cuts a look off here: each must have a deadline of its own.
///
/// # Errors
/// [`WaitError::TimedOut`] (converted) when the deadline passes; `look`'s error as it is.
pub fn until_blocking<T, E: From<WaitError>>(
    what: impl Into<String>,
    deadline: Deadline,
    mut look: impl FnMut(Duration) -> Result<Look<T>, E>,
) -> Result<T, E> {
    let start = Instant::now();
    loop {
        let last = match look(start.elapsed())? {
            Look::Done(value) => return Ok(value),
            Look::Pending(seen) => seen,
        };
        let waited = start.elapsed();
        if waited >= deadline.after {
            let what = what.into();
            return Err(WaitError::TimedOut { what, waited, last }.into());
        }
        pause(deadline.every.min(deadline.after.saturating_sub(waited)));
    }
}

/// Lets a period pass: a rhythm, not a wait for something.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where blocking code sleeps"
)]
pub fn pause(period: Duration) {
    std::thread::sleep(period);
}

#[cfg(test)]
mod tests {
    use super::*;

    type Outcome<T> = Result<T, WaitError>;

    fn never() -> CancellationToken {
        CancellationToken::new()
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_when_the_condition_holds() {
        let mut looks = 0;
        let answer: Outcome<u32> = until("three looks", Deadline::seconds(10), &never(), |_| {
            looks += 1;
            let found = if looks == 3 {
                Look::Done(looks)
            } else {
                Look::pending(looks)
            };
            async { Ok(found) }
        })
        .await;
        assert_eq!(answer, Ok(3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_timeout_names_the_thing_the_time_and_what_was_seen_last() {
        let deadline = Deadline::after(Duration::from_secs(65));
        let answer: Outcome<()> = until("checkpoint 3", deadline, &never(), |_| async {
            Ok(Look::pending("checkpoint 2"))
        })
        .await;
        assert_eq!(
            answer.unwrap_err().to_string(),
            "timed out after 1m 05s waiting for checkpoint 3; last seen: checkpoint 2"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_hangs_is_cut_off() {
        let answer: Outcome<()> = until("an answer", Deadline::seconds(5), &never(), |_| {
            std::future::pending()
        })
        .await;
        assert!(matches!(answer, Err(WaitError::TimedOut { .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn cancelling_ends_the_wait() {
        let cancel = never();
        cancel.cancel();
        let answer: Outcome<()> = until("x", Deadline::seconds(5), &cancel, |_| {
            std::future::pending()
        })
        .await;
        assert!(matches!(answer, Err(WaitError::Cancelled { .. })));
    }

    #[test]
    fn an_error_can_be_a_reason_to_look_again() {
        let refused = std::io::Error::other("connection refused");
        assert_eq!(
            Look::<()>::from(Err(refused)),
            Look::pending("connection refused")
        );
        assert_eq!(Look::from(Ok::<_, std::io::Error>(7)), Look::Done(7));
    }

    #[test]
    fn a_blocking_wait_looks_until_it_is_done_or_late() {
        let quick = Deadline::seconds(5).every(Duration::from_millis(1));
        let mut left = 3;
        let value: Outcome<i32> = until_blocking("it", quick, |_| {
            left -= 1;
            Ok(if left == 0 {
                Look::Done(7)
            } else {
                Look::pending("soon")
            })
        });
        assert_eq!(value, Ok(7));
        let late: Outcome<()> =
            until_blocking("the boot node", Deadline::after(Duration::ZERO), |_| {
                Ok(Look::pending("connection refused"))
            });
        let text = late.unwrap_err().to_string();
        assert!(
            text.ends_with("waiting for the boot node; last seen: connection refused"),
            "{text}"
        );
    }
}
