//! What must be so before a test is tried again, and before a round follows one that went badly.

use std::{fmt, sync::Arc, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::test::TestId;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(5);
/// Longest time for a single look.
const LOOK: Duration = Duration::from_mins(1);

type Look = Arc<dyn Fn(TestId) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// Looks whether a test's network is healthy: on one that is not, a test says nothing.
#[derive(Clone)]
pub struct Gate {
    within: Duration,
    look: Look,
}

impl Gate {
    /// `look` looks once; its error is why the network is not healthy. `within` is what a network has to recover before a retry.
    pub fn new<F, Fut>(within: Duration, look: F) -> Self
    where
        F: Fn(TestId) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self {
            within,
            look: Arc::new(move |test| look(test).boxed()),
        }
    }

    /// Looks again and again; the error is what was seen last.
    pub(crate) async fn passes(&self, test: &TestId) -> Result<(), String> {
        let mut last = unseen(test, self.within);
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let healthy = async {
            loop {
                ticks.tick().await;
                match self.look(test).await {
                    Ok(()) => break,
                    Err(why) => last = why,
                }
            }
        };
        let healthy = timeout(self.within, healthy).await;
        healthy.map_err(|_| last)
    }

    /// Looks once.
    pub(crate) async fn is_healthy(&self, test: &TestId) -> Result<(), String> {
        let look = timeout(LOOK, self.look(test)).await;
        look.unwrap_or_else(|_| Err(unseen(test, LOOK)))
    }

    async fn look(&self, test: &TestId) -> Result<(), String> {
        let seen = (self.look)(test.clone()).await;
        seen.map_err(|why| format!("network {} is not healthy: {why}", test.network))
    }
}

fn unseen(test: &TestId, within: Duration) -> String {
    format!(
        "network {} was not seen to be healthy within {:.1}s",
        test.network,
        within.as_secs_f64()
    )
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("within", &self.within)
            .finish_non_exhaustive()
    }
}
