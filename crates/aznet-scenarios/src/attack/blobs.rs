//! A blob store that serves other blobs than it is asked for.

use std::time::Duration;

use aznet_kit::wait::Look;
use aznet_model::role::Role;
use aznet_network::observe::{instances, logs::Which};
use aznet_runner::{CleanUp, Failure};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::{SLOTS_TO_GO_ON, adversary::WRONG_BLOBS, dud, said::Said, victim::Victim};
use crate::{
    chain::Included,
    world::{Peer, World},
};

/// Blobs that are so many slots old have been read by every node that follows the chain.
const SLOTS_TO_READ: u32 = 3;
/// What going through all blobs may take.
const TO_CHANGE: Duration = Duration::from_mins(3);
/// Slots in which a node that reads wrong blobs must have said so.
const SLOTS_TO_SAY: u32 = 3;
/// What a node says of data that the commitment is not of, and then of the checkpoint whose blobs it lacks.
const REFUSALS: [&str; 2] = [
    "KZG commitment does not match",
    "Failed to fetch all blobs for",
];

/// How many blobs were changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
struct Changed {
    blobs: u64,
}

/// A full node without data reads the chain from a store of wrong blobs, and refuses them; with the right ones it comes to
/// the same chain as the others.
pub(crate) async fn run(world: World) -> Result<(), Failure> {
    let nodes = world.nodes().await?;
    let victim = Victim::choose(&world, &nodes).await?;
    let boot = boot_node(&world, &nodes).await?;
    let known = boot
        .rpc
        .tips()
        .await
        .map_err(Failure::infrastructure)?
        .checkpointed
        .block;
    let wrong = Wrong::make(&world, boot).await?;
    let refused = are_refused(&world, &victim, boot).await;
    // Whatever was seen: the store has the right blobs after the test, and the node serves.
    let undone = wrong.undo(&world).await;
    let served = victim.serves(&world).await;
    refused?;
    undone?;
    served?;
    let known = Included {
        number: known.number,
        hash: known.hash,
    };
    world.agreed(&known, &nodes).await?;
    world.goes_on(&nodes).await
}

/// Another node, which can write to the store.
async fn boot_node<'a>(world: &World, nodes: &'a [Peer]) -> Result<&'a Peer, Failure> {
    let pods = instances::list(&world.network)
        .await
        .map_err(Failure::infrastructure)?;
    let boot = pods.iter().find(|pod| pod.role == Role::BootNode);
    let boot = boot.and_then(|boot| nodes.iter().find(|node| node.pod == boot.pod));
    boot.ok_or_else(|| Failure::skipped("a boot node that is ready"))
}

/// A store whose older blobs are wrong.
struct Wrong {
    host: String,
    blobs: u64,
    clean_up: CleanUp,
}

impl Wrong {
    /// By the credentials that every node has: here the boot node's.
    async fn make(world: &World, boot: &Peer) -> Result<Self, Failure> {
        let clean_up = world.context.must_clean_up("blobs of the store");
        let age = world.time.slots(SLOTS_TO_READ).as_secs();
        let options = json!({"dud": dud(), "age": age});
        let place = (boot.pod.as_str(), Role::BootNode);
        let changed = WRONG_BLOBS.load(world, place, &options, TO_CHANGE).await;
        let Changed { blobs } = match changed {
            Ok(changed) => changed,
            Err(failure) => {
                // Some may have been changed.
                let undo = json!({"undo": true});
                let _: Changed = WRONG_BLOBS.load(world, place, &undo, TO_CHANGE).await?;
                clean_up.proved();
                return Err(failure);
            }
        };
        world.context.step(format!(
            "{blobs} blobs have the data of others in the store"
        ));
        Ok(Self {
            host: boot.pod.clone(),
            blobs,
            clean_up,
        })
    }

    async fn undo(self, world: &World) -> Result<(), Failure> {
        let options = json!({"undo": true});
        let Changed { blobs } = WRONG_BLOBS
            .load(world, (&self.host, Role::BootNode), &options, TO_CHANGE)
            .await?;
        if blobs != self.blobs {
            return Err(Failure::Infrastructure(format!(
                "{} blobs were changed, and {blobs} are as before",
                self.blobs
            )));
        }
        self.clean_up.proved();
        world.context.step(format!("{blobs} blobs are right again"));
        Ok(())
    }
}

/// A node that has lost its data says that they are wrong, and knows no block while the others go on.
async fn are_refused(world: &World, victim: &Victim, other: &Peer) -> Result<(), Failure> {
    let since = Timestamp::now();
    let from = victim.restart_after(world, "rm -rf /data/*").await?;
    if from > 0 {
        return Err(Failure::Infrastructure(format!(
            "{} has lost its data, and has checkpoint {from}",
            victim.pod()
        )));
    }
    for refusal in REFUSALS {
        let said = Said {
            which: Which::Named(victim.pod().to_owned()),
            but: None,
            since,
            parts: &[refusal],
        };
        let seen = said.wait_for(world, world.time.slots(SLOTS_TO_SAY)).await?;
        world.context.step(seen);
    }
    knows_nothing(world, victim, other).await
}

/// Two more checkpoints come on another node, and none on it.
async fn knows_nothing(world: &World, victim: &Victim, other: &Peer) -> Result<(), Failure> {
    let newest = other.rpc.tips().await.map_err(Failure::infrastructure)?;
    let wanted = newest.checkpointed.checkpoint.number.0 + 2;
    let (one, two) = (&other.pod, victim.pod());
    let goal = format!("checkpoint {wanted} on {one}, and none on {two}");
    let within = world.time.slots(SLOTS_TO_GO_ON);
    let served = world
        .until(&goal, within, || async {
            // It does not answer before it has read the chain.
            let own = victim.peer.rpc.tips().await.ok();
            let number = own.map_or(0, |own| own.proposed.number.0);
            if number > 0 {
                return Ok(Look::Done(Some(number)));
            }
            let newest = other.rpc.tips().await?.checkpointed.checkpoint.number.0;
            Ok(if newest >= wanted {
                Look::Done(None)
            } else {
                Look::Pending(format!("checkpoint {newest}"))
            })
        })
        .await?;
    match served {
        None => {
            world
                .context
                .step(format!("{goal}, which reads wrong blobs"));
            Ok(())
        }
        Some(block) => Err(Failure::Assertion(format!(
            "{two} has only wrong blobs to read, and serves block {block}"
        ))),
    }
}
