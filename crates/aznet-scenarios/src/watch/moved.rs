//! The gate after a test: the chain has moved on, on every node. It says what was looked at.

use aznet_kit::wait::{Deadline, Look};
use aznet_model::timing::ProtocolTime;
use aznet_network::namespace::Network;
use aznet_runner::{Context, Failure};

use super::clock;
use super::gate::{Begun, Unseen, away, nodes, tips};
use crate::look::{Blind, until};

/// Slots in which there must be another checkpoint: a proposer that is away may be drawn more than once.
const SLOTS_TO_MOVE: u32 = 6;
/// Waits until every node is ready and has a checkpoint that was not there when the test began, of the slot in which it ended, the
/// one before, or a later one.
///
/// # Errors
/// [`Failure::Assertion`]: the test stopped the chain, or a node; [`Failure::Infrastructure`]: that could not be looked at.
pub(crate) async fn after(
    network: &Network,
    time: ProtocolTime,
    begun: Begun,
    context: &Context,
) -> Result<(), Failure> {
    let ended = clock::now();
    let oldest = ended.saturating_sub(time.slot.as_secs());
    let what = format!(
        "every node to move on after the test: a checkpoint that was not there before it, {}, not older than the slot before its end",
        begun.checkpoint
    );
    let deadline = Deadline::after(time.slots(SLOTS_TO_MOVE));
    let words = until(context, &what, deadline, || async {
        match reached(network).await {
            Ok(reached) if reached.is_beyond(begun, oldest, time) => {
                Ok(Look::Done(reached.words()))
            }
            Ok(reached) => Ok(Look::Pending(reached.words())),
            Err(Unseen::Otherwise(seen)) => Ok(Look::Pending(seen)),
            Err(Unseen::NoAnswer(why)) => Err(Blind::NoAnswer(why)),
        }
    })
    .await?;
    context.step(format!("moved on after the test: {words}"));
    Ok(())
}

/// How far a network is: the newest checkpoint of the node that is furthest behind.
struct Reached {
    pod: String,
    nodes: usize,
    checkpoint: u64,
    slot: u64,
    /// When its slot began, in Unix seconds.
    began: u64,
}

impl Reached {
    /// Whether it was not there at the beginning, and its slot was not over at `oldest`. Where checkpoints are taken back,
    /// a new one may have the number of an older one.
    const fn is_beyond(&self, begun: Begun, oldest: u64, time: ProtocolTime) -> bool {
        let is_new = self.checkpoint > begun.checkpoint || self.began > begun.at;
        is_new && self.began + time.slot.as_secs() > oldest
    }

    fn words(&self) -> String {
        format!(
            "checkpoint {} of slot {} on {}, which is furthest behind of {} nodes",
            self.checkpoint, self.slot, self.pod, self.nodes
        )
    }
}

async fn reached(network: &Network) -> Result<Reached, Unseen> {
    let (pods, nodes) = nodes(network).await?;
    if let Some(pod) = away(&pods).next() {
        return Err(Unseen::Otherwise(format!("{pod} is not ready")));
    }
    let tips = tips(&nodes).await?;
    let tips = nodes.iter().zip(tips.iter().map(|tips| &tips.checkpointed));
    let otherwise = |words: String| Unseen::Otherwise(words);
    let (node, tip) = tips
        .min_by_key(|(_, tip)| tip.checkpoint.number)
        .ok_or_else(|| otherwise("no node is ready".to_owned()))?;
    let place = node.rpc.block_by_hash(&tip.block.hash).await?;
    let place = place
        .ok_or_else(|| otherwise(format!("{} does not have its own newest block", node.pod)))?;
    Ok(Reached {
        pod: node.pod.clone(),
        nodes: nodes.len(),
        checkpoint: tip.checkpoint.number.0,
        slot: place.slot.0,
        began: place.timestamp,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_old_checkpoint_is_no_progress() {
        let time = ProtocolTime {
            slot: Duration::from_secs(12),
            epoch_slots: 4,
            proof_submission_epochs: 2,
            finality: Duration::ZERO,
            l1_block: Duration::from_secs(4),
        };
        let reached = |checkpoint, began| Reached {
            pod: "validator-1".to_owned(),
            nodes: 7,
            checkpoint,
            slot: 77,
            began,
        };
        let begun = Begun {
            checkpoint: 40,
            at: 995,
        };
        let beyond = |reached: &Reached| reached.is_beyond(begun, 1_000, time);
        assert!(beyond(&reached(41, 989)));
        assert!(beyond(&reached(12, 996)), "those before it were taken back");
        assert!(!beyond(&reached(40, 989)), "it was there before the test");
        assert!(!beyond(&reached(41, 988)), "its slot was over long before");
        assert_eq!(
            reached(41, 0).words(),
            "checkpoint 41 of slot 77 on validator-1, which is furthest behind of 7 nodes"
        );
    }
}
