//! A quorum that attests to a state that its blocks don't lead to. The L1 can't tell until somebody has to prove it.

use alloy_primitives::B256;
use aznet_kit::wait::Look;
use aznet_model::{chain::CheckpointNumber, role::Role};
use aznet_network::{
    clients::l1::{Prune, Rollup},
    observe::logs::Which,
};
use aznet_runner::Failure;
use serde::Deserialize;
use tokio::time::Instant;

use super::{
    Misled, UNSEEN,
    adversary::WRONG_ARCHIVE,
    evidence::REFUSAL,
    said::Said,
    turn::{Sides, Turn},
};
use crate::{
    chain::Included,
    world::{Peer, World},
};

/// Slots after its turn in which the checkpoint must be on L1, and the others must have said what they make of it.
const SLOTS_TO_PUBLISH: u32 = 2;
/// Slots after the end of the proof window in which somebody must have proposed.
const SLOTS_TO_PRUNE: u32 = 6;
/// What a prover says that has proven something else than is on L1.
const UNPROVABLE: &str = "End archive root mismatch";

/// What was proposed, as `adversaries/wrong-archive.mjs` tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
struct Wrong {
    checkpoint: CheckpointNumber,
    archive: B256,
}

/// A proposer and its accomplices bring a wrong checkpoint to L1. The chain stands on it until its proof is due; then it is
/// taken back, and proven as it should have been.
pub(crate) async fn run(world: World) -> Result<(), Failure> {
    let nodes = world.nodes().await?;
    let (l1, rollup) = world.rollup(&nodes[0]).await?;
    let turn = world.turn(&l1, &rollup).await?;
    let committee = rollup
        .committee(turn.epoch())
        .await
        .map_err(Failure::infrastructure)?;
    let sides = turn.sides(&committee).ok_or_else(|| {
        Failure::skipped("a quorum of the committee beside which there is another validator pod")
    })?;
    let since = Instant::now();
    let mut misled = Misled::default();
    let wrong = misled.publish(&world, &turn, &sides).await;
    // Whatever was done: from now on everybody looks at what they attest to.
    let undone = misled.undo().await;
    let wrong = wrong?;
    undone?;
    wrong.is_refused_by(&world, &turn, &sides.honest).await?;
    wrong.is_on_l1(&world, &rollup, &nodes).await?;
    wrong.is_not_proven(&world, &turn).await?;
    wrong.is_taken_back(&world, &rollup, since).await?;
    world.goes_on(&nodes).await?;
    wrong.is_made_good(&world, &rollup).await
}

impl Misled {
    /// The accomplices, and then the proposer, as long as it takes to propose.
    async fn publish(
        &mut self,
        world: &World,
        turn: &Turn,
        sides: &Sides,
    ) -> Result<Wrong, Failure> {
        for pod in &sides.accomplices {
            self.accomplice(world, pod, UNSEEN).await?;
        }
        world.context.step(format!(
            "{} proposes another state than its blocks lead to; its turn is {}",
            turn.pod, turn.slot
        ));
        let place = (turn.pod.as_str(), Role::Validator);
        WRONG_ARCHIVE
            .misbehave(world, place, Some(turn.slot), turn.left())
            .await
    }
}

impl Wrong {
    /// Who looks at it does not attest to it.
    async fn is_refused_by(
        &self,
        world: &World,
        turn: &Turn,
        honest: &[String],
    ) -> Result<(), Failure> {
        for pod in honest {
            let said = Said {
                which: Which::Named(pod.clone()),
                but: None,
                since: turn.since,
                parts: &[REFUSAL],
            };
            let within = turn.left() + world.time.slots(SLOTS_TO_PUBLISH);
            world.context.step(said.wait_for(world, within).await?);
        }
        Ok(())
    }

    /// A quorum has signed it: the L1 takes it, and every node takes it from there.
    async fn is_on_l1(
        &self,
        world: &World,
        rollup: &Rollup,
        nodes: &[Peer],
    ) -> Result<(), Failure> {
        let (number, archive) = (self.checkpoint, self.archive);
        let within = world.time.slots(SLOTS_TO_PUBLISH);
        let goal = format!("{number} on L1 with the archive {archive}");
        world
            .until(&goal, within, || async {
                let found = rollup.archive_at(number).await.map(|found| {
                    if found == archive {
                        Look::Done(())
                    } else {
                        Look::Pending(format!("its archive is {found}"))
                    }
                });
                Ok(Look::or_pending(found))
            })
            .await?;
        let node = &nodes[0];
        let tip = world
            .until(&format!("{number} on {}", node.pod), within, || async {
                let tip = node.rpc.tips().await?.checkpointed;
                Ok(if tip.checkpoint.number == number {
                    Look::Done(tip.block)
                } else {
                    Look::Pending(tip.checkpoint.number.to_string())
                })
            })
            .await?;
        let block = Included {
            number: tip.number,
            hash: tip.hash,
        };
        world.agreed(&block, nodes).await?;
        world.context.step(format!("{goal}, and on every node"));
        Ok(())
    }

    /// The prover comes to another archive.
    async fn is_not_proven(&self, world: &World, turn: &Turn) -> Result<(), Failure> {
        let said = Said {
            which: Which::Role(Role::ProverNode),
            but: None,
            since: turn.since,
            parts: &[UNPROVABLE, &self.archive.to_string()],
        };
        let seen = said.wait_for(world, world.time.proven_within()).await?;
        world.context.step(seen);
        Ok(())
    }

    /// Once its proof is overdue, the L1 takes it back; nothing could be built on it.
    async fn is_taken_back(
        &self,
        world: &World,
        rollup: &Rollup,
        since: Instant,
    ) -> Result<(), Failure> {
        let within = world.time.proven_within() + world.time.slots(SLOTS_TO_PRUNE);
        let prune = world.taken_back(rollup, since, within).await?;
        let Prune { first, last, .. } = prune;
        let seen = format!("{first} to {last} were taken back for want of a proof");
        if first > self.checkpoint || last != self.checkpoint {
            let wanted = format!("expected that nothing is built on {}", self.checkpoint);
            return Err(Failure::assertion(format!("{seen}; {wanted}")));
        }
        world.context.step(seen);
        Ok(())
    }

    /// A checkpoint of the same number with another archive is proven.
    async fn is_made_good(&self, world: &World, rollup: &Rollup) -> Result<(), Failure> {
        let before = CheckpointNumber(self.checkpoint.0.saturating_sub(1));
        world.proven_beyond(before).await?;
        let archive = rollup
            .archive_at(self.checkpoint)
            .await
            .map_err(Failure::infrastructure)?;
        if archive == self.archive {
            let seen = format!("{} is proven with the archive {archive}", self.checkpoint);
            return Err(Failure::assertion(seen));
        }
        world.context.step(format!(
            "{} is proven with the archive {archive}",
            self.checkpoint
        ));
        Ok(())
    }
}
