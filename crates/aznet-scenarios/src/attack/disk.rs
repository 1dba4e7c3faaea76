//! A full disk.

use std::time::Duration;

use aznet_kit::wait::Look;
use aznet_model::{
    role::Role,
    values::{Medium, Values},
};
use aznet_network::{
    clients::{
        beside,
        exec::{self, ExecError},
    },
    observe::{
        instances::{self, Instance},
        logs::Which,
    },
};
use aznet_runner::{CleanUp, Failure};
use jiff::Timestamp;

use super::{dud, said::Said};
use crate::world::{Peer, World};

/// Volume of a node's data, and where it is.
const VOLUME: &str = "data";
const DATA: &str = "/data";
/// What fills it.
const FILLER: &str = "/data/filler";
/// What the kernel says of a full volume, and whoever passes that on.
const FULL: &str = "No space left on device";
/// What filling it takes, at most.
const TO_FILL: Duration = Duration::from_mins(1);
/// What another program takes, at most.
const TO_RUN: Duration = Duration::from_secs(20);
/// As long as the container lasts from which the volume is filled: longer than the test.
const LASTS: Duration = Duration::from_mins(20);
/// Slots in which the node must have had something to write.
const SLOTS_TO_SAY: u32 = 6;
/// Slots in which the others must have what the node has of L1.
const SLOTS_TO_AGREE: u32 = 2;
/// In which the node must have what the others have: the kubelet waits for up to five minutes before it starts a container again
/// that ends again and again, and then the node starts.
const TO_FOLLOW: Duration = Duration::from_mins(7);

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
/// follows: Aztec ends when it can't write, and the kubelet starts it again, which succeeds once there is room.
pub(crate) async fn run(world: World) -> Result<(), Failure> {
    let nodes = world.nodes().await?;
    let pods = instances::list(&world.network)
        .await
        .map_err(Failure::infrastructure)?;
    let full = |pod: &Instance| pod.role == Role::FullNode && pod.ready;
    let victim = pods.iter().find(|pod| full(pod));
    let victim = victim.ok_or_else(|| Failure::skipped("a full node that is ready"))?;
    let (own, others): (Vec<Peer>, Vec<Peer>) = nodes
        .iter()
        .cloned()
        .partition(|node| node.pod == victim.pod);
    let own = own.first();
    let own = own.ok_or_else(|| Failure::skipped("a full node that answers"))?;
    let place = (victim.pod.as_str(), victim.role.name());
    if !has_its_own_room(&world, place).await? {
        return Err(Failure::skipped("a full node whose data is in memory"));
    }
    let filler = Filler::write(&world, place).await?;
    let seen = full_for(&world, own, &others).await;
    // Whatever was seen: it has room after the test.
    filler.remove(&world).await?;
    seen?;
    follows(&world, own, &others).await?;
    world.goes_on(&nodes).await
}

/// Whether what fills up is nobody else's.
async fn has_its_own_room(world: &World, place: (&str, &str)) -> Result<bool, Failure> {
    let kind = exec(world, place, &["stat", "-f", "-c", "%T", DATA], TO_RUN).await;
    let kind = kind.map_err(Failure::infrastructure)?;
    Ok(kind.trim() == "tmpfs")
}

async fn exec(
    world: &World,
    place: (&str, &str),
    command: &[&str],
    within: Duration,
) -> Result<String, ExecError> {
    let command: Vec<String> = command.iter().map(ToString::to_string).collect();
    exec::run(&world.network, place, &command, within).await
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
    agrees(world, own, others).await?;
    world.goes_on(others).await?;
    agrees(world, own, others).await
}

/// Sees that the others have what the node says is on L1, if it says anything.
async fn agrees(world: &World, own: &Peer, others: &[Peer]) -> Result<(), Failure> {
    let Ok(tips) = own.rpc.tips().await else {
        world.context.step(format!("{} does not answer", own.pod));
        return Ok(());
    };
    let (tip, other) = (tips.checkpointed.block, &others[0]);
    let goal = format!(
        "{}, the newest of {}, is {}'s, too",
        tip.number, own.pod, other.pod
    );
    let within = world.time.slots(SLOTS_TO_AGREE);
    world
        .until(&goal, within, || async {
            let place = other.rpc.block_by_hash(&tip.hash).await?;
            Ok(match place {
                Some(place) if place.number == tip.number => Look::Done(()),
                Some(place) => Look::Pending(format!("it has it as {}", place.number)),
                None => Look::pending("it has it not"),
            })
        })
        .await?;
    world.context.step(goal);
    Ok(())
}

/// Waits until the node has the block that the others have.
async fn follows(world: &World, own: &Peer, others: &[Peer]) -> Result<(), Failure> {
    let goal = format!("{} follows again", own.pod);
    world
        .until(&goal, TO_FOLLOW, || async {
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

/// A file that leaves no room for others, and the container that wrote it: the node's own does not last.
struct Filler {
    pod: String,
    container: String,
    clean_up: CleanUp,
}

impl Filler {
    /// Writes zeros until the kernel has no room for more.
    async fn write(world: &World, place: (&str, &str)) -> Result<Self, Failure> {
        let pod = place.0;
        let cancel = &world.context.cancel;
        let container = beside::add(&world.network, place, VOLUME, LASTS, cancel).await;
        let filler = Self {
            pod: pod.to_owned(),
            container: container.map_err(Failure::infrastructure)?,
            clean_up: world.context.must_clean_up(format!("{FILLER} of {pod}")),
        };
        world.attacked();
        let source = if dud() { "/dev/null" } else { "/dev/zero" };
        let written = filler.exec(world, &["cp", source, FILLER], TO_FILL).await;
        match written {
            Ok(_) if dud() => {}
            Err(ExecError::Failed { reason, .. }) if reason.contains(FULL) => {
                world.context.step(format!("{pod} is full: `{reason}`"));
            }
            other => {
                filler.remove(world).await?;
                let seen = other.map_or_else(|error| error.to_string(), |_| "an end".to_owned());
                let wanted = format!("expected `{FULL}` of {pod}, seen: {seen}");
                return Err(Failure::Infrastructure(wanted));
            }
        }
        Ok(filler)
    }

    async fn remove(self, world: &World) -> Result<(), Failure> {
        let removed = self.exec(world, &["rm", "-f", FILLER], TO_RUN).await;
        removed.map_err(Failure::infrastructure)?;
        self.clean_up.proved();
        world.context.step(format!("{} has room again", self.pod));
        Ok(())
    }

    async fn exec(
        &self,
        world: &World,
        command: &[&str],
        within: Duration,
    ) -> Result<String, ExecError> {
        exec(world, (&self.pod, &self.container), command, within).await
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
