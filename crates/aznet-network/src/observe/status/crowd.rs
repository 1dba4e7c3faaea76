//! Asking very many at once.

use std::{pin::pin, time::Duration};

use tokio::{sync::Semaphore, time::timeout};

/// Nodes that are asked at once: that many connections are opened, and used again for the next.
const AT_ONCE: usize = 128;
/// Whoever has not answered by then makes room for the next, and may still answer.
const SLOW: Duration = Duration::from_millis(200);

/// Lets so many calls through at once that a large network is asked over few connections, and delays none for those that
/// are slow.
pub(super) struct Crowd(Semaphore);

impl Crowd {
    pub(super) const fn new() -> Self {
        Self(Semaphore::const_new(AT_ONCE))
    }

    /// What `call` comes to, when it has its turn.
    pub(super) async fn ask<T>(&self, call: impl Future<Output = T>) -> T {
        // An error means that the semaphore was closed, which nobody does.
        let turn = self.0.acquire().await;
        let mut call = pin!(call);
        if let Ok(answer) = timeout(SLOW, &mut call).await {
            return answer;
        }
        drop(turn);
        call.await
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use futures::future::join_all;
    use tokio::time::{Instant, sleep};

    use super::*;

    /// A network of 1,000 nodes that are all away is known to be so soon after the time that one of them has.
    #[tokio::test(start_paused = true)]
    async fn those_who_do_not_answer_delay_nobody() {
        const PATIENCE: Duration = Duration::from_secs(4);
        let (crowd, began) = (Crowd::new(), Instant::now());
        let away = (0..1_000).map(|_| crowd.ask(timeout(PATIENCE, pending::<()>())));
        assert!(join_all(away).await.iter().all(Result::is_err));
        assert!(began.elapsed() < PATIENCE * 3 / 2, "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_answer_are_asked_a_few_at_a_time() {
        let (crowd, began) = (Crowd::new(), Instant::now());
        let quick = Duration::from_millis(100);
        let all = (0..AT_ONCE * 3).map(|_| crowd.ask(async { sleep(quick).await }));
        join_all(all).await;
        assert_eq!(began.elapsed(), quick * 3);
    }
}
