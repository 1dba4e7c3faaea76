//! An L1 whose builders leave out checkpoints and proofs until a proof is overdue.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use aznet_kit::wait::Look;
use aznet_model::{
    chain::{CheckpointNumber, Slot},
    timing::Timing,
    values::Values,
};
use aznet_network::clients::{
    anvil::{Anvil, pool::Waiting},
    l1::{Prune, Rollup},
    rpc::RpcError,
};
use aznet_runner::Failure;
use tokio::time::Instant;

use super::{
    censor::{Brings, brings, drops, in_a_row, now},
    lacks_mercy, lacks_prover,
};
use crate::{
    chain::on_l1,
    errors::rpc,
    transfer,
    world::{Peer, World},
};

/// Slots in which there must be a checkpoint whose proof can be left out.
const SLOTS_TO_BEGIN: u32 = 10;
/// Slots after the end of the proof window in which somebody must have proposed, and all must have heard of it.
const SLOTS_TO_PRUNE: u32 = 6;
/// How often what waits is looked at; a block comes after some seconds.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How often it is begun: a proof may slip into a block before it is dropped.
const TRIES: u32 = 3;

/// What it needs of a network: checkpoints are taken back.
pub(super) fn lacks(values: &Values) -> Option<&'static str> {
    lacks_prover(values)
        .or_else(|| transfer::lacks_proofs(values))
        .or_else(|| lacks_mercy(values))
}

/// The L1 drops every checkpoint and every proof until a proof is overdue. What was not proven is taken back with the next checkpoint
/// that it takes, and the chain goes on and is proven.
pub(crate) async fn run(world: World) -> Result<(), Failure> {
    let nodes = world.nodes().await?;
    let (l1, rollup) = world.rollup(&nodes[0]).await?;
    let timing = rollup.timing().await.map_err(Failure::infrastructure)?;
    let since = Instant::now();
    world.attacked();
    let censor = Censor {
        anvil: Anvil::in_pod(&world.network, l1.0.pod()),
        timing,
        checkpoints_too: AtomicBool::new(false),
        dropped: Mutex::default(),
    };
    let censorship = Censorship {
        world: &world,
        node: &nodes[0],
        rollup: &rollup,
        censor: &censor,
    };
    let overdue = tokio::select! {
        overdue = censorship.outlasts_the_window() => overdue?,
        failure = censor.drops() => return Err(failure),
    };
    let within = world.time.slots(SLOTS_TO_PRUNE);
    let prune = world.taken_back(&rollup, since, within).await?;
    includes(&world, prune, overdue.checkpoint)?;
    followed(&world, &nodes[0], &overdue.newest).await?;
    world.goes_on(&nodes).await?;
    let before = CheckpointNumber(prune.first.0.saturating_sub(1));
    world.proven_beyond(before).await
}

/// Sees that what was overdue is among what was taken back.
fn includes(world: &World, prune: Prune, overdue: CheckpointNumber) -> Result<(), Failure> {
    let Prune { first, last, .. } = prune;
    let seen = format!("{first} to {last} were taken back for want of a proof");
    if overdue < first || overdue > last {
        let wanted = format!("expected that {overdue} is among them");
        return Err(Failure::assertion(format!("{seen}; {wanted}")));
    }
    world.context.step(seen);
    Ok(())
}

/// Waits until a node has heard of it: its newest checkpoint says how far the chain is from then on.
async fn followed(world: &World, node: &Peer, before: &str) -> Result<(), Failure> {
    let goal = format!("another newest checkpoint on {}", node.pod);
    let within = world.time.slots(SLOTS_TO_PRUNE);
    let looked = world.until(&goal, within, || async {
        let newest = node.rpc.tips().await?.checkpointed;
        Ok(if newest.block.hash == before {
            Look::Pending(format!("it is {} still", newest.checkpoint.number))
        } else {
            Look::Done(())
        })
    });
    looked.await
}

/// What can be taken back.
struct Overdue {
    /// A checkpoint whose proof is overdue.
    checkpoint: CheckpointNumber,
    /// The hash of a node's newest block on L1, from before anything was taken back.
    newest: String,
}

/// What is seen of the chain meanwhile.
struct Censorship<'a> {
    world: &'a World,
    node: &'a Peer,
    rollup: &'a Rollup,
    censor: &'a Censor,
}

impl Censorship<'_> {
    /// Waits until the proof of a checkpoint is overdue; which.
    async fn outlasts_the_window(&self) -> Result<Overdue, Failure> {
        for _ in 0..TRIES {
            self.censor.begins_anew();
            let checkpoint = self.another().await?;
            self.censor.drops_checkpoints_too();
            let from = now(&self.censor.timing).slot;
            if self.is_overdue(checkpoint).await? {
                self.stood_still(from, checkpoint).await?;
                let tips = self.node.rpc.tips().await.map_err(rpc)?;
                let newest = tips.checkpointed.block.hash;
                return Ok(Overdue { checkpoint, newest });
            }
            let words = format!("the L1 took a proof of {checkpoint}");
            self.world.context.step(words);
        }
        Err(Failure::assertion(
            "each time the L1 took a proof: expected that it drops them",
        ))
    }

    /// Waits for another checkpoint on L1, while only proofs are dropped.
    async fn another(&self) -> Result<CheckpointNumber, Failure> {
        let tips = self.rollup.tips().await.map_err(Failure::infrastructure)?;
        let goal = format!("a checkpoint beyond {} on L1", tips.pending);
        let within = self.world.time.slots(SLOTS_TO_BEGIN);
        let looked = self.world.until(&goal, within, || async {
            Ok(match on_l1(self.rollup.tips().await)? {
                Look::Done(now) if now.pending <= tips.pending.max(now.proven) => {
                    Look::Pending(format!("{} is the newest", now.pending))
                }
                Look::Done(now) => Look::Done(now.pending),
                Look::Pending(why) => Look::Pending(why),
            })
        });
        let checkpoint = looked.await?;
        let words = format!("from {checkpoint} on, the L1 drops checkpoints and proofs");
        self.world.context.step(words);
        Ok(checkpoint)
    }

    /// Waits until anyone may take back this checkpoint; `false`: it is proven.
    async fn is_overdue(&self, checkpoint: CheckpointNumber) -> Result<bool, Failure> {
        let goal = format!("the proof of {checkpoint} to be overdue");
        let within = self.world.time.proven_within();
        let looked = self.world.until(&goal, within, || self.fate(checkpoint));
        looked.await
    }

    async fn fate(&self, checkpoint: CheckpointNumber) -> Result<Look<bool>, RpcError> {
        let tips = on_l1(self.rollup.tips().await)?;
        if matches!(tips, Look::Done(tips) if tips.proven >= checkpoint) {
            return Ok(Look::Done(false));
        }
        Ok(match on_l1(self.rollup.can_prune().await)? {
            Look::Done(true) => Look::Done(true),
            _ => Look::Pending(format!("it is not, {}", self.censor.dropped().words())),
        })
    }

    /// Sees that slots went by without a checkpoint, and that there was a proof to drop.
    async fn stood_still(&self, from: Slot, after: CheckpointNumber) -> Result<(), Failure> {
        let dropped = self.censor.dropped().clone();
        // The one of this slot may be sent again.
        let now = now(&self.censor.timing).slot;
        let over = dropped.checkpoints.iter().filter(|slot| **slot < now);
        let over: Vec<Slot> = over.copied().collect();
        let there = self.slots(after).await?;
        let words = dropped.words();
        if in_a_row(&over, from, &there).is_none() {
            return Err(Failure::assertion(format!(
                "{words}, and {} of these slots have one; expected two slots in a row without",
                there.len()
            )));
        }
        if dropped.proofs == 0 {
            return Err(Failure::Infrastructure(format!(
                "no proof came: the L1 {words}"
            )));
        }
        self.world.context.step(format!("the L1 {words}"));
        Ok(())
    }

    /// The slots whose checkpoints are on L1 after this one. Nodes have dropped them already, who know what comes.
    async fn slots(&self, after: CheckpointNumber) -> Result<BTreeSet<Slot>, Failure> {
        let tips = self.rollup.tips().await.map_err(Failure::infrastructure)?;
        let mut slots = BTreeSet::new();
        for number in after.0 + 1..=tips.pending.0 {
            let found = self.rollup.checkpoint(CheckpointNumber(number)).await;
            slots.insert(found.map_err(Failure::infrastructure)?.slot);
        }
        Ok(slots)
    }
}

/// Drops what waits for an L1 block.
struct Censor {
    anvil: Anvil,
    timing: Timing,
    checkpoints_too: AtomicBool,
    dropped: Mutex<Dropped>,
}

/// What was dropped.
#[derive(Debug, Clone, Default)]
struct Dropped {
    /// Slots whose checkpoint was.
    checkpoints: BTreeSet<Slot>,
    /// Transactions with a proof that were.
    proofs: usize,
}

impl Dropped {
    fn words(&self) -> String {
        let (checkpoints, proofs) = (self.checkpoints.len(), self.proofs);
        format!("dropped the checkpoints of {checkpoints} slots, and {proofs} proofs")
    }
}

impl Censor {
    fn begins_anew(&self) {
        self.checkpoints_too.store(false, Ordering::Relaxed);
        *self.dropped() = Dropped::default();
    }

    fn drops_checkpoints_too(&self) {
        self.checkpoints_too.store(true, Ordering::Relaxed);
    }

    fn dropped(&self) -> MutexGuard<'_, Dropped> {
        self.dropped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops proofs, and checkpoints too once that is wanted, for as long as it is let; else why it can't.
    async fn drops(&self) -> Failure {
        loop {
            match self.look().await {
                Err(error) if !error.is_retryable() => return rpc(error),
                _ => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    }

    async fn look(&self) -> Result<(), RpcError> {
        for one in self.anvil.waiting().await? {
            self.judges(&one).await?;
        }
        Ok(())
    }

    async fn judges(&self, one: &Waiting) -> Result<(), RpcError> {
        let what = brings(one).filter(|what| self.is_dropped(what));
        let Some(what) = what else {
            return Ok(());
        };
        if drops(&self.anvil, one).await? {
            let mut dropped = self.dropped();
            match what {
                Brings::Checkpoint(slot) => drop(dropped.checkpoints.insert(slot)),
                Brings::Proof => dropped.proofs += 1,
            }
        }
        Ok(())
    }

    fn is_dropped(&self, what: &Brings) -> bool {
        match what {
            Brings::Checkpoint(_) => self.checkpoints_too.load(Ordering::Relaxed),
            Brings::Proof => true,
        }
    }
}
