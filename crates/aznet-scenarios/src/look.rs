//! Looking until something is so.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};

use aznet_kit::error::chain;
use aznet_kit::wait::{self, Deadline, Look};
use aznet_network::clients::rpc::RpcError;
use aznet_runner::{Context, Failure};

use crate::errors::{Broken, rpc};

/// Why a look showed nothing.
pub(crate) enum Blind {
    /// Who was asked gave no answer, and why: another look may show more.
    NoAnswer(String),
    /// No other look can help.
    Broken(Failure),
}

impl Blind {
    /// Who was asked gave no answer.
    pub(crate) fn no_answer(error: &(dyn Error + 'static)) -> Self {
        Self::NoAnswer(chain(error))
    }
}

impl From<RpcError> for Blind {
    fn from(error: RpcError) -> Self {
        if error.is_retryable() {
            Self::NoAnswer(error.to_string())
        } else {
            Self::Broken(rpc(error))
        }
    }
}

/// Looks until `poll` is done; a server that doesn't answer just now is looked for again.
///
/// # Errors
/// [`Failure::Assertion`] for what did not come true, [`Failure::Infrastructure`] if nobody answered in the end.
pub(crate) async fn until<T, E, Fut>(
    context: &Context,
    what: &str,
    deadline: Deadline,
    mut poll: impl FnMut() -> Fut,
) -> Result<T, Failure>
where
    E: Into<Blind>,
    Fut: Future<Output = Result<Look<T>, E>>,
{
    // Until somebody has answered, nobody has.
    let unanswered = &AtomicBool::new(true);
    let look = |_| {
        let found = poll();
        async move {
            let found = found.await.map_err(E::into);
            let silent = matches!(found, Err(Blind::NoAnswer(_)));
            unanswered.store(silent, Ordering::Relaxed);
            let step = match found {
                Ok(step) => step,
                Err(Blind::NoAnswer(why)) => Look::Pending(why),
                Err(Blind::Broken(failure)) => return Err(Broken(failure)),
            };
            if let Look::Pending(last) = &step {
                context.waiting(what, last);
            }
            Ok::<_, Broken>(step)
        }
    };
    let found = wait::until(what, deadline, &context.cancel, look).await;
    found.map_err(|Broken(failure)| match failure {
        // An API server that answers slowly makes everything late.
        Failure::Assertion(missed) if unanswered.load(Ordering::Relaxed) => {
            Failure::Infrastructure(missed)
        }
        failure => failure,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;
    use std::time::Duration;

    use aznet_runner::Verdict;

    use super::*;
    use crate::rehearsal::verdict_of;

    const WITHIN: Deadline = Deadline::after(Duration::from_secs(5));

    fn slow() -> RpcError {
        RpcError::TimedOut {
            target: "validator-0:8080".to_owned(),
            method: "node_getL2Tips".to_owned(),
            after: Duration::from_secs(10),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_could_not_be_looked_at_is_not_the_networks_failure() {
        let verdict = verdict_of(|context: Context| async move {
            until::<(), RpcError, _>(&context, "a block to be proven", WITHIN, || async {
                Err(slow())
            })
            .await
        });
        let verdict = verdict.await;
        let infrastructure = matches!(&verdict, Verdict::Infrastructure { message } if message.contains("a block to be proven"));
        assert!(infrastructure, "{verdict:?}");
    }

    /// Nor is what hung until the end.
    #[tokio::test(start_paused = true)]
    async fn a_look_that_never_ends_saw_nothing() {
        let verdict = verdict_of(|context: Context| async move {
            until::<(), RpcError, _>(
                &context,
                "a block to be proven",
                WITHIN,
                std::future::pending,
            )
            .await
        });
        assert!(matches!(verdict.await, Verdict::Infrastructure { .. }));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_looked_at_and_did_not_come_true_is() {
        let verdict = verdict_of(|context: Context| async move {
            let looks = AtomicU32::new(0);
            until::<(), RpcError, _>(&context, "a block to be proven", WITHIN, || async {
                match looks.fetch_add(1, Ordering::Relaxed) {
                    0 => Err(slow()),
                    _ => Ok(Look::pending("block 7")),
                }
            })
            .await
        });
        let verdict = verdict.await;
        let failed = matches!(&verdict, Verdict::Failed { message } if message.contains("last seen: block 7"));
        assert!(failed, "{verdict:?}");
    }
}
