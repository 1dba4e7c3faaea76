//! The chain goes on: the smallest test of a network, which needs no wallet.

use aznet_kit::wait::Look;
use aznet_model::chain::CheckpointNumber;
use aznet_runner::Failure;

use crate::{
    chain::{Included, heads},
    world::World,
};

/// Slots in which another checkpoint must be on L1.
const SLOTS_TO_CHECKPOINT: u32 = 6;

/// Another checkpoint comes, every node has its block, and a proof covers more than before.
pub(crate) async fn run(world: World) -> Result<(), Failure> {
    let before = world.tips().await?;
    let last = before.checkpointed.checkpoint.number;
    let block = world.checkpointed_beyond(last).await?;
    world.agreed(&block, &world.nodes().await?).await?;
    world.proven_beyond(before.proven.checkpoint.number).await
}

impl World {
    /// Waits until a checkpoint after this one is on L1; its last block.
    pub(crate) async fn checkpointed_beyond(
        &self,
        last: CheckpointNumber,
    ) -> Result<Included, Failure> {
        let within = self.time.slots(SLOTS_TO_CHECKPOINT) + self.course.slack;
        let goal = format!("a checkpoint beyond {last}");
        let nodes = self.nodes().await?;
        let tip = self
            .until(&goal, within, || async {
                let Look::Done(tips) = heads(&nodes).await? else {
                    return Ok(Look::Pending("no node answers".to_owned()));
                };
                let newest = tips.checkpointed;
                Ok(if newest.checkpoint.number > last {
                    Look::Done(newest)
                } else {
                    Look::Pending(format!("{} is the newest", newest.checkpoint.number))
                })
            })
            .await?;
        self.context
            .step(format!("{} is on L1", tip.checkpoint.number));
        Ok(Included {
            number: tip.block.number,
            hash: tip.block.hash,
        })
    }
}
