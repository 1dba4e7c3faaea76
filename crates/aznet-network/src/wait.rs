//! The one way to wait: until a condition holds, with a deadline and a name. The error says what was waited for,
//! how long, and the last value seen.

use std::{fmt, future::Future, time::Duration};

use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// What one look at the condition found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<T> {
    /// It holds.
    Done(T),
    /// Not yet; the value seen, in words for a person.
    Pending(String),
}

/// How long to wait and how often to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// Give up after this long.
    pub after: Duration,
    /// Look again this long after the previous look began.
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
    #[error("{what}: not so after {}; last seen: {last}", Seconds(*waited))]
    TimedOut {
        /// What was waited for.
        what: String,
        /// How long.
        waited: Duration,
        /// The last value seen.
        last: String,
    },
    /// The caller gave up.
    #[error("{what}: interrupted after {}; last seen: {last}", Seconds(*waited))]
    Cancelled {
        /// What was waited for.
        what: String,
        /// How long.
        waited: Duration,
        /// The last value seen.
        last: String,
    },
}

/// Looks with `poll` until it is [`Step::Done`]. `poll` gets the time waited so far, for progress lines; its own
/// error ends the wait at once. A look that hangs is cut off at the deadline.
///
/// # Errors
/// [`WaitError`] (converted) when the deadline passes or `cancel` fires; `poll`'s error as it is.
pub async fn until<T, E, Fut>(
    what: impl Into<String>,
    deadline: Deadline,
    cancel: &CancellationToken,
    mut poll: impl FnMut(Duration) -> Fut,
) -> Result<T, E>
where
    E: From<WaitError>,
    Fut: Future<Output = Result<Step<T>, E>>,
{
    let what = what.into();
    let start = Instant::now();
    let mut last = "nothing yet".to_owned();
    let end = tokio::time::sleep_until(start + deadline.after);
    tokio::pin!(end);
    let mut ticks = tokio::time::interval(deadline.every.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let look = async {
            ticks.tick().await;
            poll(start.elapsed()).await
        };
        tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(WaitError::Cancelled { what, waited: start.elapsed(), last }.into()),
            found = look => match found? {
                Step::Done(value) => return Ok(value),
                Step::Pending(seen) => last = seen,
            },
            () = &mut end => return Err(WaitError::TimedOut { what, waited: deadline.after, last }.into()),
        }
    }
}

/// A duration as people say it: `0.4s`, `12s`, `3m 05s`, `1h 02m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seconds(pub Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secs = self.0.as_secs();
        let words = match secs {
            0 if self.0.is_zero() => "0s".to_owned(),
            0 => format!("{:.1}s", self.0.as_secs_f64()),
            1..60 => format!("{secs}s"),
            60..3600 => format!("{}m {:02}s", secs / 60, secs % 60),
            3600..172_800 => format!("{}h {:02}m", secs / 3600, secs % 3600 / 60),
            _ => format!("{}d {:02}h", secs / 86_400, secs % 86_400 / 3600),
        };
        f.pad(&words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn never() -> CancellationToken {
        CancellationToken::new()
    }

    #[tokio::test(start_paused = true)]
    async fn waits_until_the_condition_holds() {
        let mut looks = 0;
        let answer: Result<u32, WaitError> = until(
            "three looks",
            Deadline::after(Duration::from_secs(10)),
            &never(),
            |_| {
                looks += 1;
                let step = if looks == 3 {
                    Step::Done(looks)
                } else {
                    Step::Pending(format!("{looks}"))
                };
                async { Ok(step) }
            },
        )
        .await;
        assert_eq!(answer, Ok(3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_timeout_names_the_thing_the_time_and_the_last_value() {
        let answer: Result<(), WaitError> = until(
            "checkpoint 3",
            Deadline::after(Duration::from_secs(65)),
            &never(),
            |_| async { Ok(Step::Pending("checkpoint 2".into())) },
        )
        .await;
        assert_eq!(
            answer.unwrap_err().to_string(),
            "checkpoint 3: not so after 1m 05s; last seen: checkpoint 2"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_hangs_is_cut_off() {
        let answer: Result<(), WaitError> = until(
            "an answer",
            Deadline::after(Duration::from_secs(5)),
            &never(),
            |_| std::future::pending(),
        )
        .await;
        assert!(matches!(answer, Err(WaitError::TimedOut { .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn cancelling_ends_the_wait() {
        let cancel = never();
        cancel.cancel();
        let answer: Result<(), WaitError> = until(
            "x",
            Deadline::after(Duration::from_secs(5)),
            &cancel,
            |_| std::future::pending(),
        )
        .await;
        assert!(matches!(answer, Err(WaitError::Cancelled { .. })));
    }

    #[test]
    fn durations_read_as_people_say_them() {
        let say = |ms| Seconds(Duration::from_millis(ms)).to_string();
        assert_eq!(
            [
                say(0),
                say(400),
                say(12_900),
                say(185_000),
                say(3_720_000),
                say(200_000_000)
            ],
            ["0s", "0.4s", "12s", "3m 05s", "1h 02m", "2d 07h"]
        );
    }
}
