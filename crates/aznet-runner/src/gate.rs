//! What must be so before a test is tried again.

use std::{fmt, sync::Arc, time::Duration};

use futures::{FutureExt, future::BoxFuture};

use crate::test::TestId;

type Check = Arc<dyn Fn(TestId) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// Looks before a retry whether the test's network is healthy: on one that is not, a test says nothing.
#[derive(Clone)]
pub struct Gate {
    within: Duration,
    check: Check,
}

impl Gate {
    /// `check` ends when the network is seen to be healthy, or with the reason why it is not; after `within` it is cut off.
    pub fn new<F, Fut>(within: Duration, check: F) -> Self
    where
        F: Fn(TestId) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self {
            within,
            check: Arc::new(move |test| check(test).boxed()),
        }
    }

    pub(crate) async fn passes(&self, test: &TestId) -> Result<(), String> {
        let check = (self.check)(test.clone());
        match tokio::time::timeout(self.within, check).await {
            Ok(seen) => {
                seen.map_err(|why| format!("network {} is not healthy: {why}", test.network))
            }
            Err(_) => Err(format!(
                "network {} was not seen to be healthy within {:.1}s",
                test.network,
                self.within.as_secs_f64()
            )),
        }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("within", &self.within)
            .finish_non_exhaustive()
    }
}
