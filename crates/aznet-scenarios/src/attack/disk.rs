//! A full disk.

use std::time::Duration;

use aznet_kit::wait::Look;
use aznet_model::{
    role::Role,
    values::{Medium, Values},
};
use aznet_network::{
    clients::exec::{self, ExecError},
    observe::{
        instances::{self, Instance},
        logs::Which,
    },
};
use aznet_runner::{CleanUp, Failure};
use jiff::Timestamp;

use super::{dud, said::Said};
use crate::world::{Peer, World};

/// Where a node's data is.
const DATA: &str = "/data";
/// What fills it.
const FILLER: &str = "/data/filler";
/// What the kernel says of a full volume, and whoever passes that on.
const FULL: &str = "No space left on device";
/// What filling it takes, at most.
const TO_FILL: Duration = Duration::from_mins(1);
/// What another program in the container takes, at most.
const TO_RUN: Duration = Duration::from_secs(20);
/// Slots in which the node must have had something to write.
const SLOTS_TO_SAY: u32 = 6;
/// Slots in which room must be made: a container that is started again and again runs now and then.
const SLOTS_TO_FREE: u32 = 10;
/// Slots in which the node must have what the others have.
const SLOTS_TO_FOLLOW: u32 = 10;

/// What a full disk needs of a network: a full node whose data has a room of its own.
pub(crate) fn lacks(values: &Values) -> Option<&'static str> {
    let storage = values.pod(Role::FullNode).storage.unwrap_or_default();
    let bounded = storage.enabled == Some(false) && storage.medium == Some(Medium::Memory);
    let bounded = (!bounded).then_some(
        "a full node whose data is in memory (set fullNode.storage.enabled and fullNode.storage.medium)",
    );
    super::lacks_stranger(values).or(bounded)
}

/// The data volume of a full node fills up. The others go on, it serves nothing that they have not, and when there is room again it
/// follows.
pub(crate) async fn run(world: World) -> Result<(), Failure> {
    let nodes = world.nodes().await?;
    let pods = instances::list(&world.network)
        .await
        .map_err(Failure::infrastructure)?;
    let full = |pod: &&Instance| pod.role == Role::FullNode && pod.ready;
    let victim = pods.iter().find(full);
    let victim = victim.ok_or_else(|| Failure::skipped("a full node that is ready"))?;
    let (own, others): (Vec<Peer>, Vec<Peer>) = nodes
        .iter()
        .cloned()
        .partition(|node| node.pod == victim.pod);
    let own = own.first();
    let own = own.ok_or_else(|| Failure::skipped("a full node that answers"))?;
    if !has_its_own_room(&world, &victim.pod).await? {
        return Err(Failure::skipped("a full node whose data is in memory"));
    }
    let filler = Filler::write(&world, &victim.pod).await?;
    let seen = full_for(&world, own, &others).await;
    // Whatever was seen: it has room after the test.
    filler.remove(&world).await?;
    seen?;
    follows(&world, own, &others).await?;
    world.goes_on(&nodes).await
}

/// Whether what fills up is nobody else's.
async fn has_its_own_room(world: &World, pod: &str) -> Result<bool, Failure> {
    let kind = exec(world, pod, &["stat", "-f", "-c", "%T", DATA], TO_RUN).await;
    let kind = kind.map_err(Failure::infrastructure)?;
    Ok(kind.trim() == "tmpfs")
}

async fn exec(
    world: &World,
    pod: &str,
    command: &[&str],
    within: Duration,
) -> Result<String, ExecError> {
    let command: Vec<String> = command.iter().map(ToString::to_string).collect();
    exec::run(
        &world.network,
        (pod, Role::FullNode.name()),
        &command,
        within,
    )
    .await
}

/// As long as there is no room: the node can't write, the others go on, and what it serves is theirs.
async fn full_for(world: &World, own: &Peer, others: &[Peer]) -> Result<(), Failure> {
    let said = Said {
        which: Which::Named(own.pod.clone()),
        but: None,
        since: Timestamp::now(),
        parts: &[FULL],
    };
    let within = world.time.slots(SLOTS_TO_SAY);
    world.context.step(said.wait_for(world, within).await?);
    world.goes_on(others).await?;
    let Ok(tips) = own.rpc.tips().await else {
        world.context.step(format!("{} does not answer", own.pod));
        return Ok(());
    };
    let tip = tips.checkpointed.block;
    let place = others[0].rpc.block_by_hash(&tip.hash).await;
    let place = place.map_err(Failure::infrastructure)?;
    if place.is_none_or(|place| place.number != tip.number) {
        let (pod, other) = (&own.pod, &others[0].pod);
        let seen = format!("{pod} has {} {}, and {other} has not", tip.number, tip.hash);
        return Err(Failure::assertion(seen));
    }
    world.context.step(format!(
        "{} stands at {}, which the others have, too",
        own.pod, tip.number
    ));
    Ok(())
}

/// Waits until the node has the block that the others have.
async fn follows(world: &World, own: &Peer, others: &[Peer]) -> Result<(), Failure> {
    let goal = format!("{} follows again", own.pod);
    let within = world.time.slots(SLOTS_TO_FOLLOW);
    world
        .until(&goal, within, || async {
            let tip = others[0].rpc.tips().await?.checkpointed.block;
            let has = own.rpc.block_by_hash(&tip.hash).await;
            Ok(Look::or_pending(has.map(|place| match place {
                Some(_) => Look::Done(()),
                None => Look::Pending(format!("{} is missing", tip.number)),
            })))
        })
        .await?;
    world.context.step(goal);
    Ok(())
}

/// A file that leaves no room for others.
struct Filler {
    pod: String,
    clean_up: CleanUp,
}

impl Filler {
    /// Writes zeros until the kernel has no room for more.
    async fn write(world: &World, pod: &str) -> Result<Self, Failure> {
        let clean_up = world.context.must_clean_up(format!("{FILLER} of {pod}"));
        let filler = Self {
            pod: pod.to_owned(),
            clean_up,
        };
        let source = if dud() { "/dev/null" } else { "/dev/zero" };
        let written = exec(world, pod, &["cp", source, FILLER], TO_FILL).await;
        match written {
            Ok(_) if dud() => {}
            Err(ExecError::Failed { reason, .. }) if reason.contains(FULL) => {
                world.context.step(format!("{pod} is full: `{reason}`"));
            }
            other => {
                filler.remove(world).await?;
                let seen = other.map_or_else(|error| error.to_string(), |_| "no end".to_owned());
                let wanted = format!("expected `{FULL}` of {pod}, seen: {seen}");
                return Err(Failure::Infrastructure(wanted));
            }
        }
        Ok(filler)
    }

    async fn remove(self, world: &World) -> Result<(), Failure> {
        let goal = format!("{FILLER} of {} removed", self.pod);
        let within = world.time.slots(SLOTS_TO_FREE);
        world
            .until(&goal, within, || async {
                let removed = exec(world, &self.pod, &["rm", "-f", FILLER], TO_RUN).await;
                Ok(Look::or_pending(removed.map(|_| Look::Done(()))))
            })
            .await?;
        self.clean_up.proved();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::tests::values;

    #[test]
    fn only_a_node_whose_data_has_a_room_of_its_own_is_filled() {
        let lacks = |name, sets: &[&str]| lacks(&values(name, sets));
        assert_eq!(lacks("guarded", &[]), None);
        for (name, sets) in [
            ("small", &[][..]),
            ("guarded", &["fullNode.storage.enabled=true"]),
            ("guarded", &["fullNode.storage.medium="]),
            ("guarded", &["fullNode.replicas=0"]),
        ] {
            assert!(lacks(name, sets).is_some(), "{name} {sets:?}");
        }
    }
}
