//! The one way to wait: until a condition holds, with a deadline and a name. The error says what was waited for, how
//! long, and the last thing seen.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What one look found.
#[derive(Debug)]
pub(crate) enum Look<T> {
    /// The condition holds.
    Done(T),
    /// Not yet; what was seen instead.
    Pending(String),
}

/// How long to wait, and how often to look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// Give up after this long.
    pub(crate) limit: Duration,
    /// Time between looks.
    pub(crate) pace: Duration,
}

impl Patience {
    /// Gives up after `seconds`, looking ten times a second.
    pub(crate) const fn seconds(seconds: u64) -> Self {
        Self {
            limit: Duration::from_secs(seconds),
            pace: Duration::from_millis(100),
        }
    }
}

/// Why a wait ended without its condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WaitError {
    /// The deadline passed.
    #[error("{what}: not so after {}s; last seen: {last}", waited.as_secs())]
    TimedOut {
        /// What was waited for.
        what: String,
        /// How long.
        waited: Duration,
        /// The last thing seen.
        last: String,
    },
    /// The caller gave up.
    #[error("interrupted while waiting for {what}")]
    Cancelled {
        /// What was waited for.
        what: String,
    },
}

/// Calls `look` until it finds [`Look::Done`]; an error of `look` ends the wait at once.
pub(crate) async fn until<T, E, Fut>(
    what: &str,
    patience: Patience,
    cancel: &CancellationToken,
    mut look: impl FnMut() -> Fut,
) -> Result<T, E>
where
    E: From<WaitError>,
    Fut: Future<Output = Result<Look<T>, E>>,
{
    let start = Instant::now();
    let mut last = String::from("nothing");
    loop {
        let left = patience.limit.saturating_sub(start.elapsed());
        tokio::select! {
            () = cancel.cancelled() => {
                return Err(WaitError::Cancelled { what: what.to_owned() }.into());
            }
            found = tokio::time::timeout(left, look()) => match found {
                Ok(Ok(Look::Done(value))) => return Ok(value),
                Ok(Ok(Look::Pending(seen))) => last = seen,
                Ok(Err(error)) => return Err(error),
                Err(_) => {}
            }
        }
        if start.elapsed() + patience.pace >= patience.limit {
            let (what, waited) = (what.to_owned(), start.elapsed());
            return Err(WaitError::TimedOut { what, waited, last }.into());
        }
        tokio::select! {
            () = cancel.cancelled() => {}
            () = tokio::time::sleep(patience.pace) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_timeout_names_the_thing_and_the_last_value() {
        let outcome: Result<(), WaitError> = until(
            "node Ready",
            Patience::seconds(3),
            &CancellationToken::new(),
            || async { Ok(Look::Pending("NotReady".into())) },
        )
        .await;
        let text = outcome.unwrap_err().to_string();
        assert!(text.starts_with("node Ready: not so after "), "{text}");
        assert!(text.ends_with("last seen: NotReady"), "{text}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_hangs_is_cut_off() {
        let outcome: Result<(), WaitError> = until(
            "an answer",
            Patience::seconds(3),
            &CancellationToken::new(),
            std::future::pending,
        )
        .await;
        assert!(matches!(outcome, Err(WaitError::TimedOut { .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn cancelling_ends_the_wait() {
        let cancel = CancellationToken::new();
        cancel.cancel();
        let outcome: Result<(), WaitError> = until("x", Patience::seconds(3), &cancel, || {
            std::future::pending()
        })
        .await;
        assert!(matches!(outcome, Err(WaitError::Cancelled { .. })));
    }
}
