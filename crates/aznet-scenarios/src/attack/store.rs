//! A blob store that is away while checkpoints are made.

use std::time::Duration;

use alloy_sol_types::SolCall;
use aznet_kit::wait::Look;
use aznet_model::{abi, chain::CheckpointNumber, role::Role};
use aznet_network::{
    clients::{
        anvil::impostor::Mined,
        l1::{L1, L1Error, Prune, Rollup},
    },
    observe::{instances, logs::Which},
    validators,
};
use aznet_runner::{CleanUp, Failure};
use futures::future::join_all;
use jiff::Timestamp;
use tokio::time::Instant;

use super::{dud, forger::Forger, said::Said};
use crate::{
    errors::rpc,
    world::{Peer, World},
};

/// The store's workload.
const STORE: &str = "blob-store";
/// What it may take to go, and to come.
const TO_SCALE: Duration = Duration::from_secs(90);
/// Slots in which a checkpoint must be made whose blobs are nowhere.
const SLOTS_TO_LOSE: u32 = 6;
/// Slots in which nodes would get over it when the store is back, if they could.
const SLOTS_TO_MEND: u32 = 3;
/// What a proposer says that can't upload.
const NOT_UPLOADED: &str = "Failed to upload blobs to filestore";
/// What a node says that can't read a checkpoint.
const NOT_READ: &str = "Failed to fetch all blobs for";

/// A checkpoint is on L1 while the store is away, and no node can read it. An operator takes it back when the L1 lets it, and
/// the chain goes on from what is proven.
pub(crate) async fn run(mut world: World) -> Result<(), Failure> {
    let nodes = world.nodes().await?;
    let (l1, rollup) = world.rollup(&nodes[0]).await?;
    read_by_all(&world, &nodes).await?;
    // That the chain stands still is what comes of it.
    world.course.disturbed = true;
    let since = Timestamp::now();
    let halted = world
        .context
        .must_clean_up("a checkpoint whose blobs are nowhere");
    let store = Away::make(&world).await?;
    let lost = lost(&world, &rollup, (&nodes, since)).await;
    // Whatever was seen: the store is there after the test.
    let back = store.undo(&world).await;
    back?;
    let operator = Operator {
        world: &world,
        l1: &l1,
        rollup: &rollup,
        nodes: &nodes,
    };
    let Ok(lost) = lost else {
        // One may be lost all the same.
        operator.gets_over_it().await?;
        halted.proved();
        return lost.map(drop);
    };
    operator.takes_back(lost).await?;
    halted.proved();
    world.course.disturbed = false;
    world.goes_on(&nodes).await?;
    let proven = rollup.tips().await.map_err(Failure::infrastructure)?.proven;
    world.proven_beyond(proven).await
}

/// Waits until all nodes have just read a checkpoint: what is made next is uploaded when the store is away.
async fn read_by_all(world: &World, nodes: &[Peer]) -> Result<(), Failure> {
    let last = world.tips().await?.checkpointed.checkpoint.number;
    let block = world.checkpointed_beyond(last).await?;
    world.agreed(&block, nodes).await
}

/// The store has no pod.
struct Away(CleanUp);

impl Away {
    async fn make(world: &World) -> Result<Self, Failure> {
        let clean_up = world.context.must_clean_up("the pods of blob-store");
        let away = Self(clean_up);
        if !dud() {
            if let Err(failure) = pods(world, 0).await {
                // It may be going yet.
                away.undo(world).await?;
                return Err(failure);
            }
            world.context.step("the blob store is away");
        }
        Ok(away)
    }

    async fn undo(self, world: &World) -> Result<(), Failure> {
        pods(world, 1).await?;
        self.0.proved();
        world.context.step("the blob store is back");
        Ok(())
    }
}

/// Waits until the store has so many pods that are ready, and no others.
async fn pods(world: &World, pods: u32) -> Result<(), Failure> {
    validators::scale(&world.network, STORE, pods)
        .await
        .map_err(Failure::infrastructure)?;
    let goal = format!("{pods} pods of {STORE}");
    world
        .until(&goal, TO_SCALE, || async {
            let all = instances::list(&world.network).await.map(|all| {
                let stores = all.iter().filter(|pod| pod.role == Role::BlobStore);
                let ready: Vec<bool> = stores.map(|pod| pod.ready).collect();
                if ready.len() == pods as usize && ready.iter().all(|ready| *ready) {
                    Look::Done(())
                } else {
                    Look::Pending(format!("there are {}", ready.len()))
                }
            });
            Ok(Look::or_pending(all))
        })
        .await
}

/// Waits for a checkpoint on L1 that no node has; its number.
async fn lost(
    world: &World,
    rollup: &Rollup,
    (nodes, since): (&[Peer], Timestamp),
) -> Result<CheckpointNumber, Failure> {
    let within = world.time.slots(SLOTS_TO_LOSE);
    for part in [NOT_UPLOADED, NOT_READ] {
        let said = Said {
            which: Which::Role(Role::Validator),
            but: None,
            since,
            parts: &[part],
        };
        let seen = said.wait_for(world, within).await?;
        world.context.step(seen);
    }
    let lost = rollup
        .tips()
        .await
        .map_err(Failure::infrastructure)?
        .pending;
    let newest = newest(nodes).await?;
    if newest >= lost {
        return Err(Failure::Assertion(format!(
            "expected that no node has {lost}, whose blobs are nowhere, seen {newest} on one"
        )));
    }
    world.context.step(format!(
        "{lost} is on L1, and the newest that a node has is {newest}"
    ));
    Ok(lost)
}

/// The newest checkpoint that a node has.
async fn newest(nodes: &[Peer]) -> Result<CheckpointNumber, Failure> {
    let tips = join_all(nodes.iter().map(|node| node.rpc.tips())).await;
    let mut newest = CheckpointNumber(0);
    for tips in tips {
        let tips = tips.map_err(rpc)?;
        newest = newest.max(tips.checkpointed.checkpoint.number);
    }
    Ok(newest)
}

/// Who looks after the network.
struct Operator<'a> {
    world: &'a World,
    l1: &'a L1,
    rollup: &'a Rollup,
    nodes: &'a [Peer],
}

impl Operator<'_> {
    /// Sees that no node gets over it, waits until the L1 lets anyone take the checkpoint back, and does.
    async fn takes_back(&self, lost: CheckpointNumber) -> Result<(), Failure> {
        match self.until_overdue(lost).await? {
            None => self.prunes(lost).await,
            Some(newest) => Err(Failure::Assertion(format!(
                "expected that no node gets over {lost} before its proof is overdue, seen {newest} on one"
            ))),
        }
    }

    /// Takes the newest checkpoint back if no node can read it.
    async fn gets_over_it(&self) -> Result<(), Failure> {
        let tips = self.rollup.tips().await.map_err(Failure::infrastructure)?;
        match self.until_overdue(tips.pending).await? {
            None => self.prunes(tips.pending).await,
            Some(_) => Ok(()),
        }
    }

    async fn prunes(&self, lost: CheckpointNumber) -> Result<(), Failure> {
        let (context, since) = (&self.world.context, Instant::now());
        let forger = Forger::enter(self.world, self.l1, self.rollup).await?;
        let called = forger.call(&abi::Rollup::pruneCall {}.abi_encode()).await;
        // Whatever became of it: nobody sends from the account after the test.
        forger.leave().await?;
        let Mined {
            block, executed, ..
        } = called?;
        if !executed {
            return Err(Failure::Assertion(format!(
                "expected that anyone may call prune(), seen that the L1 reverts it in {block}"
            )));
        }
        let prune = self.rollup.last_prune(since.elapsed()).await;
        let prune = prune.map_err(Failure::infrastructure)?;
        match prune.filter(|prune| prune.first <= lost && prune.last >= lost) {
            Some(Prune { first, last, .. }) => {
                context.step(format!(
                    "an operator calls prune(), and the L1 takes back {first} to {last} in {block}"
                ));
                Ok(())
            }
            None => Err(Failure::Assertion(format!(
                "an operator calls prune() in {block}; expected that {lost} is taken back, seen: {prune:?}"
            ))),
        }
    }

    /// Waits until the proof of an epoch is overdue; the newest checkpoint on nodes, should they have got over it before.
    async fn until_overdue(
        &self,
        lost: CheckpointNumber,
    ) -> Result<Option<CheckpointNumber>, Failure> {
        let time = self.world.time;
        let goal = format!("the proof of {lost} to be overdue");
        let within = time.epochs(2 + time.proof_submission_epochs) + time.slots(SLOTS_TO_MEND);
        self.world
            .until(&goal, within, || async {
                let overdue: Result<Look<Option<CheckpointNumber>>, L1Error> = async {
                    Ok(if self.rollup.can_prune().await? {
                        Look::Done(None)
                    } else {
                        Look::pending("it is not")
                    })
                }
                .await;
                match newest(self.nodes).await {
                    Ok(newest) if newest >= lost => Ok(Look::Done(Some(newest))),
                    _ => Ok(Look::or_pending(overdue)),
                }
            })
            .await
    }
}
