//! Sending again what was lost with the block that it was made for.
//!
//! A wallet makes a transaction for the newest block that its node has, also for one that is only proposed. If that never comes to
//! L1, a proposer that executes the transaction deletes it; nodes that execute nothing call it pending for ever, and take another one
//! of the same notes only in place of it, if it pays more.

use aznet_model::role::Role;
use aznet_network::clients::l2::TxStatus;
use aznet_network::observe::instances;
use aznet_runner::Failure;

use super::{Moving, Under};
use crate::chain::{Tx, Until, statuses};
use crate::condition::Expects;
use crate::pxe::Visibility;

/// Times that a transfer may be lost with the block that it was made for, or refused for it.
const SENT_AGAIN: usize = 3;
/// Looks a slot.
const LOOKS_A_SLOT: u32 = 4;
/// Looks in a row after which what no validator has any more is lost: a node that starts has not read its transactions yet.
const LOOKS: u32 = 3;
/// And after which what none was seen to have is lost, too: it was dropped before the first look, or nobody told them of it, and
/// nodes tell of a transaction once.
const LOOKS_UNHEARD: u32 = 4 * LOOKS_A_SLOT;
/// As a wallet server says it.
const NOT_SENT: &str = "was not sent";
/// As a node says that has a transaction of the same notes, which pays as much: also of one that it took without an answer.
const CONFLICT: &str = "Nullifier conflict";

impl Under<'_> {
    /// Waits until both transfers are on L1, and sends them again when they are lost.
    pub(super) async fn arrive(&self, moving: &mut Moving) -> Result<(), Failure> {
        let (public, private) = (
            self.arrives(&mut moving.public),
            self.arrives(&mut moving.private),
        );
        futures::try_join!(public, private).map(drop)
    }

    /// Waits until a transfer is on L1, and sends it again when it is lost.
    pub(super) async fn arrives(&self, tx: &mut Tx) -> Result<(), Failure> {
        for _ in 0..SENT_AGAIN {
            let watched = tx.clone();
            tokio::select! {
                arrived = self.world.follow(tx, Until::Checkpointed) => return arrived,
                () = self.is_lost(&watched) => {}
            }
            self.again(tx, "no validator has it any more").await?;
        }
        self.world.follow(tx, Until::Checkpointed).await
    }

    /// Waits until no validator has a transfer any more.
    async fn is_lost(&self, tx: &Tx) {
        let mut looks = tokio::time::interval(self.world.time.slot / LOOKS_A_SLOT);
        let mut seen = Sightings::default();
        loop {
            looks.tick().await;
            let told = self.validators_say(tx).await;
            if told.is_some_and(|statuses| seen.show_loss(&statuses)) {
                return;
            }
        }
    }

    /// What has become of a transfer, as each validator says; `None` if one of them does not: it may have it.
    async fn validators_say(&self, tx: &Tx) -> Option<Vec<TxStatus>> {
        let world = &self.world;
        let pods = instances::list(&world.network).await.ok()?;
        let all = pods.iter().filter(|pod| pod.role == Role::Validator);
        let mut validators = world.nodes().await.ok()?;
        validators.retain(|node| node.role == Role::Validator);
        let statuses = statuses(&validators, tx).await;
        (statuses.len() == all.count()).then_some(statuses)
    }

    /// Sends a transfer. Where blocks are lost, a wallet may know one that is no more: it does better a slot later.
    pub(super) async fn send(&self, kind: Visibility) -> Result<Tx, Failure> {
        self.send_paying(kind, 0).await
    }

    async fn send_paying(&self, kind: Visibility, mut priority_fee: u64) -> Result<Tx, Failure> {
        let world = &self.world;
        let loses = !matches!(self.trouble.expects, Expects::GoesOn { .. });
        for _ in 0..SENT_AGAIN {
            match self.tokens.send_paying(world, kind, priority_fee).await {
                Err(Failure::Assertion(why)) if loses && why.contains(NOT_SENT) => {
                    priority_fee += u64::from(why.contains(CONFLICT));
                    let again = format!("the {} transfer is tried again: {why}", kind.name());
                    world.context.step(again);
                }
                sent => return sent,
            }
            let slot = tokio::time::Instant::now() + world.time.slot;
            world.until_time("another slot", slot).await?;
        }
        self.tokens.send_paying(world, kind, priority_fee).await
    }

    /// Sends a transfer anew that no node has any more.
    pub(super) async fn again_if_gone(&self, tx: &mut Tx) -> Result<(), Failure> {
        let nodes = self.world.nodes().await?;
        if is_gone(&statuses(&nodes, tx).await) {
            self.again(tx, "no node has it any more").await?;
        }
        Ok(())
    }

    async fn again(&self, tx: &mut Tx, why: &str) -> Result<(), Failure> {
        self.world
            .context
            .step(format!("{} is sent again: {why}", tx.what));
        *tx = self.send_paying(tx.kind(), tx.outbid()).await?;
        Ok(())
    }
}

/// What validators said of a transfer until now.
#[derive(Debug, Default)]
struct Sightings {
    /// One of them had it: those that have not heard of it say the same as those that dropped it.
    heard: bool,
    /// Looks in a row in which none had it.
    gone: u32,
}

impl Sightings {
    /// Takes in a look; whether the transfer is lost.
    fn show_loss(&mut self, statuses: &[TxStatus]) -> bool {
        if is_gone(statuses) {
            self.gone += 1;
        } else {
            self.heard |= !statuses.is_empty();
            self.gone = 0;
        }
        let enough = if self.heard { LOOKS } else { LOOKS_UNHEARD };
        self.gone >= enough
    }
}

/// Whether none of these has a transfer any more.
fn is_gone(statuses: &[TxStatus]) -> bool {
    let gone = |status: &TxStatus| *status == TxStatus::Dropped;
    !statuses.is_empty() && statuses.iter().all(gone)
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

    #[test]
    fn what_validators_had_and_have_no_more_is_lost_and_nothing_else() {
        let (none, one) = (
            [TxStatus::Dropped, TxStatus::Dropped],
            [TxStatus::Dropped, TxStatus::Pending],
        );
        let mut unheard = Sightings::default();
        let soon = (1..LOOKS_UNHEARD).any(|_| unheard.show_loss(&none));
        assert!(!soon, "on its way");
        assert!(unheard.show_loss(&none), "nobody tells of it again");
        let mut seen = Sightings::default();
        let looks: [&[TxStatus]; 7] = [&one, &none, &none, &one, &none, &none, &none];
        let lost = looks.map(|look| seen.show_loss(look));
        assert_eq!(lost, [false, false, false, false, false, false, true]);
    }
}
