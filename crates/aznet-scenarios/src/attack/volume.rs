//! A node that comes back with the data that it had some time ago.

use aznet_kit::wait::Look;
use aznet_network::clients::{admin, rpc::PodRpc};
use aznet_runner::Failure;
use serde_json::{Value, json};

use super::{SLOTS_TO_GO_ON, dud, victim::Victim};
use crate::world::{Peer, World};

/// Checkpoints that its data lacks, at least.
const BEHIND: u64 = 3;

/// Data is copied while the node reads nothing of the L1.
const COPY: &str = "mkdir /tmp/earlier; cp -a /data/* /tmp/earlier";
/// The copy comes in the place of what the node has since. Its files stay open until it ends.
const PUT_BACK: &str = "mkdir /data/now; cp -a /tmp/earlier/* /data/now; cd /data; mkdir later; \
    for each in *; do [ $each = later ] || [ $each = now ] || mv $each later; done; mv now/* .; rmdir now";
/// Nothing is left of either.
const CLEAR: &str = "rm -rf /tmp/earlier /data/later /data/now; [ ! -e /tmp/earlier ]; [ ! -e /data/later ]; [ ! -e /data/now ]";

/// A full node is started with data that lacks the newest checkpoints, and comes to the same chain as the others.
pub(crate) async fn run(world: World) -> Result<(), Failure> {
    let nodes = world.nodes().await?;
    let victim = Victim::choose(&world, &nodes).await?;
    let clean_up = world
        .context
        .must_clean_up(format!("copies of the data of {}", victim.pod()));
    let stale = comes_back(&world, &victim).await;
    // Whatever was seen: the node serves, and no copy is left.
    let served = victim.serves(&world).await;
    let cleared = victim.run(&world, CLEAR).await;
    if cleared.is_ok() {
        clean_up.proved();
    }
    world.context.step(stale?);
    served?;
    cleared?;
    world.goes_on(&nodes).await
}

/// The node has earlier data when it starts.
async fn comes_back(world: &World, victim: &Victim) -> Result<String, Failure> {
    let copied = copied(world, victim).await?;
    let newest = behind(world, &victim.peer, copied).await?;
    let script = if dud() { "true" } else { PUT_BACK };
    let from = victim.restart_after(world, script).await?;
    let seen = format!(
        "{} had checkpoint {newest}, and came back with checkpoint {from}",
        victim.pod()
    );
    // Data is never newer than what the node had when it was copied.
    if from > copied || from == 0 {
        return Err(Failure::Assertion(format!(
            "{seen}; expected that it comes back with checkpoint {copied} or a little less"
        )));
    }
    Ok(seen)
}

/// Copies the node's data while it rests; the newest checkpoint that can be in it.
async fn copied(world: &World, victim: &Victim) -> Result<u64, Failure> {
    let rpc = admin::rpc(&world.network, victim.pod())
        .await
        .map_err(Failure::infrastructure)?;
    let resting = world
        .context
        .must_clean_up(format!("the rest of {}", victim.pod()));
    let done = match tell(&rpc, "nodeAdmin_pauseSync").await {
        Ok(()) => victim.run(world, COPY).await.map(drop),
        Err(failure) => Err(failure),
    };
    // Whatever was copied: the node goes on, also where it rests and could not say so.
    tell(&rpc, "nodeAdmin_resumeSync").await?;
    resting.proved();
    done?;
    let tips = victim
        .peer
        .rpc
        .tips()
        .await
        .map_err(Failure::infrastructure)?;
    Ok(tips.checkpointed.checkpoint.number.0)
}

async fn tell(rpc: &PodRpc, method: &'static str) -> Result<(), Failure> {
    let told: Result<Value, _> = rpc.call(method, json!([])).await;
    told.map(drop).map_err(Failure::infrastructure)
}

/// Waits until the node has enough checkpoints that the copy has not; the newest.
async fn behind(world: &World, node: &Peer, copied: u64) -> Result<u64, Failure> {
    let wanted = copied + BEHIND;
    let goal = format!("checkpoint {wanted} on {}", node.pod);
    let within = world.time.slots(SLOTS_TO_GO_ON);
    let newest = world
        .until(&goal, within, || async {
            let newest = node.rpc.tips().await?.checkpointed.checkpoint.number.0;
            Ok(if newest >= wanted {
                Look::Done(newest)
            } else {
                Look::Pending(format!("checkpoint {newest}"))
            })
        })
        .await?;
    world.context.step(format!(
        "{} has checkpoint {newest}, and a copy of its data from before checkpoint {}",
        node.pod,
        copied + 1
    ));
    Ok(newest)
}
