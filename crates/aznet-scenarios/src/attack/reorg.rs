//! An L1 that takes back blocks which it had.

use std::time::Duration;

use alloy_primitives::Address;
use aznet_kit::wait::{Deadline, Look};
use aznet_model::{
    chain::{CheckpointNumber, L1Block, Slot},
    timing::Timing,
};
use aznet_network::clients::{
    anvil::{Anvil, impostor::Impostor},
    l1::{L1Error, Rollup},
    l2::L2Tips,
};
use aznet_runner::Failure;
use futures::future::try_join_all;

use super::{SLOTS_TO_GO_ON, dud};
use crate::errors::rpc;
use crate::look::{self, Blind};
use crate::world::{Peer, World};

/// L1 blocks in which a checkpoint has come just now.
const LOOK_BACK: u64 = 4;
/// Blocks that are replaced, at least: after fewer the L1's clock may stay a block behind without that being noticed.
const SHALLOWEST: u64 = 2;
/// How often a fresh checkpoint is looked for, and whether it is gone.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Slots in which a checkpoint comes that may be taken back.
const SLOTS_TO_COME: u32 = 12;
/// Slots in which the L1 must have taken it back.
const SLOTS_TO_VANISH: u32 = 1;
/// Slots in which all nodes must have dropped it.
const SLOTS_TO_DROP: u32 = 3;
/// Slots in which a transaction must be in an L1 block.
const SLOTS_TO_MINE: u32 = 3;

/// The L1 replaces the block that a checkpoint came in, and those after it, by empty ones. Nodes drop the checkpoint, another one
/// comes in its place, and all agree on that.
pub(crate) async fn run(world: World) -> Result<(), Failure> {
    let nodes = world.nodes().await?;
    let (l1, rollup) = world.rollup(&nodes[0]).await?;
    let timing = rollup.timing().await.map_err(Failure::infrastructure)?;
    let reorg = Reorg {
        anvil: Anvil::in_pod(&world.network, l1.0.pod()),
        world: &world,
        nodes: &nodes,
        rollup,
        timing,
    };
    let lost = reorg.fresh().await?;
    reorg.takes_back(&lost).await?;
    reorg.passes_on(&lost).await?;
    reorg.is_dropped(&lost).await?;
    world.goes_on(&nodes).await?;
    reorg.is_one_chain(&lost).await
}

struct Reorg<'a> {
    world: &'a World,
    nodes: &'a [Peer],
    anvil: Anvil,
    rollup: Rollup,
    timing: Timing,
}

/// A checkpoint that the L1 takes back.
#[derive(Debug, Clone)]
struct Lost {
    number: CheckpointNumber,
    hash: String,
    slot: Slot,
    /// The L1 block that it came in.
    at: L1Block,
    /// Hash of its last block.
    block: String,
    /// Whose transaction brought it.
    sender: Address,
}

impl Reorg<'_> {
    /// Waits for a checkpoint that every node has, and whose transaction is the only one that the L1 would lose with it.
    async fn fresh(&self) -> Result<Lost, Failure> {
        let goal = "a checkpoint that has just come, on L1 and on every node";
        let within = self.world.time.slots(SLOTS_TO_COME);
        let deadline = Deadline::after(within).every(LOOK_EVERY);
        let look = || async { Ok::<_, Blind>(Look::or_pending(self.newest().await)) };
        let lost = look::until(&self.world.context, goal, deadline, look).await?;
        self.world.context.step(format!(
            "{} of {} is in {} and on {} nodes",
            lost.number,
            lost.slot,
            lost.at,
            self.nodes.len()
        ));
        Ok(lost)
    }

    async fn newest(&self) -> Result<Look<Lost>, L1Error> {
        let number = self.rollup.tips().await?.pending;
        let there = self.rollup.checkpoint(number).await?;
        // Provers are at an epoch's proof once its last checkpoint is there.
        if is_last_of_epoch(there.slot, &self.timing) {
            return Ok(Look::Pending(format!("{number} is the last of its epoch")));
        }
        let newest = self.anvil.block(None).await?.number;
        let from = L1Block(newest.saturating_sub(LOOK_BACK));
        let proposed = self.rollup.proposed(from).await?;
        let found = proposed.into_iter().rfind(|(one, _)| *one == number);
        let Some((_, at)) = found else {
            return Ok(Look::Pending(format!("{number} is older")));
        };
        let tips = self.tips().await?;
        if let Some(pod) = without(self.nodes, &tips, (number, &there.hash)) {
            return Ok(Look::Pending(format!("{pod} has not got {number}")));
        }
        let mut sent = Vec::new();
        for block in newest + 1 - depth(at, newest)..=newest {
            sent.extend(self.anvil.transactions(block).await?);
        }
        let [only] = sent[..] else {
            let words = format!("{} transactions would be lost", sent.len());
            return Ok(Look::Pending(words));
        };
        Ok(Look::Done(Lost {
            number,
            hash: there.hash,
            slot: there.slot,
            at,
            block: tips[0].checkpointed.block.hash.clone(),
            sender: only.from,
        }))
    }

    async fn tips(&self) -> Result<Vec<L2Tips>, L1Error> {
        let asked = self.nodes.iter().map(|node| node.rpc.tips());
        Ok(try_join_all(asked).await?)
    }

    /// Has the L1 take it back. A block that comes in between makes the depth too small: then it does so again.
    async fn takes_back(&self, lost: &Lost) -> Result<(), Failure> {
        let goal = format!("{} to be gone from L1", lost.number);
        let within = self.world.time.slots(SLOTS_TO_VANISH);
        let deadline = Deadline::after(within).every(LOOK_EVERY);
        let look = || async { Ok::<_, Blind>(Look::or_pending(self.replaces(lost).await)) };
        let words = look::until(&self.world.context, &goal, deadline, look).await?;
        self.world.context.step(words);
        Ok(())
    }

    /// Replaces its block and those after it, as long as the L1 has it; what is seen.
    async fn replaces(&self, lost: &Lost) -> Result<Look<String>, L1Error> {
        let pending = self.rollup.tips().await?.pending;
        let is_there = pending >= lost.number
            && same(&self.rollup.checkpoint(lost.number).await?.hash, &lost.hash);
        if !is_there {
            let Lost { number, slot, .. } = lost;
            let words =
                format!("the L1 has {number} of {slot} no more, and {pending} as its newest");
            return Ok(Look::Done(words));
        }
        if !dud() {
            let newest = self.anvil.block(None).await?.number;
            self.anvil.reorg(depth(lost.at, newest)).await?;
        }
        Ok(Look::pending("it is there"))
    }

    /// Sends a transaction that does nothing in the place of the one that was lost: a proposer counts on from that one, and an L1
    /// whose transactions wait for a block would have it in one, too late to bring anything.
    async fn passes_on(&self, lost: &Lost) -> Result<(), Failure> {
        let clean_up = self.world.context.must_clean_up(format!(
            "account {} that anvil takes from unsigned",
            lost.sender
        ));
        let impostor = Impostor::pose(self.anvil.clone(), lost.sender).await;
        let impostor = impostor.map_err(rpc)?;
        let mined = self.mined(&impostor).await;
        impostor.leave().await.map_err(rpc)?;
        clean_up.proved();
        mined
    }

    async fn mined(&self, impostor: &Impostor) -> Result<(), Failure> {
        let account = impostor.account();
        let hash = impostor.send(account, &[], &[]).await.map_err(rpc)?;
        let goal = format!("a transaction of {account} in an L1 block");
        let within = self.world.time.slots(SLOTS_TO_MINE);
        let found = self.world.until(&goal, within, || async {
            let mined = impostor.mined(hash).await?;
            Ok(mined.map_or_else(|| Look::pending("it waits"), Look::Done))
        });
        found.await.map(drop)
    }

    /// Waits until no node has it any more.
    async fn is_dropped(&self, lost: &Lost) -> Result<(), Failure> {
        let goal = format!("{} of {} to be on no node", lost.number, lost.slot);
        let within = self.world.time.slots(SLOTS_TO_DROP);
        self.world
            .until(&goal, within, || async {
                let asked = self.nodes.iter();
                let asked = asked.map(|node| node.rpc.block_by_hash(&lost.block));
                let there = try_join_all(asked).await?;
                let with = self.nodes.iter().zip(there);
                let with = with.filter(|(_, there)| there.is_some());
                let with: Vec<&str> = with.map(|(node, _)| node.pod.as_str()).collect();
                Ok(if with.is_empty() {
                    Look::Done(())
                } else {
                    Look::Pending(format!("{} have it", with.join(", ")))
                })
            })
            .await?;
        self.world.context.step(goal);
        Ok(())
    }

    /// Another checkpoint has its number, and the L1 and all nodes have the same newest one.
    async fn is_one_chain(&self, lost: &Lost) -> Result<(), Failure> {
        let goal = format!("the L1 and {} nodes to have one chain", self.nodes.len());
        let within = self.world.time.slots(SLOTS_TO_GO_ON);
        let newest = self
            .world
            .until(&goal, within, || async {
                Ok(Look::or_pending(self.agreed().await))
            })
            .await?;
        let now = self.rollup.checkpoint(lost.number).await;
        let now = now.map_err(Failure::infrastructure)?;
        if same(&now.hash, &lost.hash) {
            return Err(Failure::Assertion(format!(
                "{} is again the one of {} that the L1 took back: expected another",
                lost.number, lost.slot
            )));
        }
        self.world.context.step(format!(
            "{} is one of {}; the L1 and {} nodes have the same {newest}",
            lost.number,
            now.slot,
            self.nodes.len()
        ));
        Ok(())
    }

    /// The newest checkpoint, if the L1 and all nodes have the same. Its header has what comes before it.
    async fn agreed(&self) -> Result<Look<CheckpointNumber>, L1Error> {
        let number = self.rollup.tips().await?.pending;
        let hash = self.rollup.checkpoint(number).await?.hash;
        let tips = self.tips().await?;
        Ok(match without(self.nodes, &tips, (number, &hash)) {
            None => Look::Done(number),
            Some(pod) => Look::Pending(format!("{pod} has not got the L1's {number}")),
        })
    }
}

/// A node that has another newest checkpoint.
fn without<'a>(
    nodes: &'a [Peer],
    tips: &[L2Tips],
    (number, hash): (CheckpointNumber, &str),
) -> Option<&'a str> {
    let mut each = nodes.iter().zip(tips);
    let other = each.find(|(_, tips)| {
        let newest = &tips.checkpointed.checkpoint;
        newest.number != number || !same(&newest.hash, hash)
    });
    other.map(|(node, _)| node.pod.as_str())
}

fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// Blocks to replace for one of them to be gone.
fn depth(block: L1Block, newest: u64) -> u64 {
    (newest + 1).saturating_sub(block.0).max(SHALLOWEST)
}

const fn is_last_of_epoch(slot: Slot, timing: &Timing) -> bool {
    (slot.0 + 1).is_multiple_of(timing.epoch_slots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_blocks_are_replaced_as_have_come_since() {
        assert_eq!(depth(L1Block(40), 40), 2);
        assert_eq!(depth(L1Block(40), 41), 2);
        assert_eq!(depth(L1Block(40), 44), 5);
    }

    #[test]
    fn the_last_slot_of_an_epoch_is_known() {
        let timing = Timing {
            genesis: 0,
            slot: Duration::from_secs(12),
            epoch_slots: 4,
            proof_submission_epochs: 2,
        };
        let last: Vec<u64> = (4..12)
            .filter(|slot| is_last_of_epoch(Slot(*slot), &timing))
            .collect();
        assert_eq!(last, [7, 11]);
    }
}
