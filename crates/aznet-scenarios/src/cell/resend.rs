//! Sending again what was dropped with the block that it was made for.

use std::sync::atomic::{AtomicBool, Ordering};

use aznet_kit::wait::{Deadline, Look};
use aznet_network::clients::l2::TxStatus;
use aznet_runner::Failure;

use super::{Moving, SLOTS_TO_RECOVER, Under};
use crate::chain::Tx;
use crate::look::{self, Blind};

/// Times that a transfer may be lost with the block that it was made for.
const SENT_AGAIN: usize = 3;

impl Under<'_> {
    /// Waits until both transfers are on L1, and sends them again when they are dropped.
    pub(super) async fn arrive(&self, moving: &mut Moving) -> Result<(), Failure> {
        let (public, private) = (
            self.arrives(&mut moving.public),
            self.arrives(&mut moving.private),
        );
        futures::try_join!(public, private).map(drop)
    }

    async fn arrives(&self, tx: &mut Tx) -> Result<(), Failure> {
        for _ in 0..SENT_AGAIN {
            if self.is_on_l1(tx).await? {
                return Ok(());
            }
            self.again(tx).await?;
        }
        Err(Failure::Assertion(format!(
            "{} was dropped {SENT_AGAIN} times",
            tx.what
        )))
    }

    /// Waits until a transfer is on L1, or until no node has it any more; whether it is on L1.
    async fn is_on_l1(&self, tx: &Tx) -> Result<bool, Failure> {
        let world = &self.world;
        let goal = format!("{} to be on L1, or dropped", tx.what);
        let within = world.time.slots(SLOTS_TO_RECOVER) + world.course.slack;
        // For a moment it may be in no block and not yet among those that wait for one.
        let was_gone = AtomicBool::new(false);
        look::until(&world.context, &goal, Deadline::after(within), || async {
            let statuses = world.receipts(tx).await;
            let statuses = statuses.map_err(|error| Blind::no_answer(&error))?;
            let on_l1 = |status: &TxStatus| status.has_reached(&TxStatus::Checkpointed);
            let gone = is_gone(&statuses);
            let again = was_gone.swap(gone, Ordering::Relaxed);
            Ok::<_, Blind>(if statuses.iter().any(on_l1) {
                Look::Done(true)
            } else if gone && again {
                Look::Done(false)
            } else {
                Look::Pending(format!("nodes say {}", words(&statuses)))
            })
        })
        .await
    }

    /// Sends a transfer anew that no node has any more.
    pub(super) async fn again_if_gone(&self, tx: &mut Tx) -> Result<(), Failure> {
        if is_gone(&self.world.receipts(tx).await?) {
            self.again(tx).await?;
        }
        Ok(())
    }

    async fn again(&self, tx: &mut Tx) -> Result<(), Failure> {
        let kind = tx.kind();
        self.world
            .context
            .step(format!("{} is dropped by every node: sent again", tx.what));
        *tx = self.tokens.send(&self.world, kind).await?;
        Ok(())
    }
}

/// Whether no node has a transfer any more: it was made for a block that is no more.
fn is_gone(statuses: &[TxStatus]) -> bool {
    let gone = |status: &TxStatus| *status == TxStatus::Dropped;
    !statuses.is_empty() && statuses.iter().all(gone)
}

fn words(statuses: &[TxStatus]) -> String {
    let words: Vec<String> = statuses.iter().map(TxStatus::to_string).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_node_still_has_or_nobody_tells_of_is_not_gone() {
        assert!(is_gone(&[TxStatus::Dropped, TxStatus::Dropped]));
        assert!(!is_gone(&[TxStatus::Dropped, TxStatus::Pending]));
        assert!(!is_gone(&[]));
    }
}
