//! A boot node that lies about who is in the network.

use std::{collections::BTreeSet, time::Duration};

use aznet_kit::wait::Look;
use aznet_model::role::Role;
use aznet_network::observe::instances::{self, Instance};
use aznet_runner::Failure;
use serde::Deserialize;
use tokio::time::Instant;

use super::{
    adversary::{LYING_BOOT_NODE, signal, stop},
    peers::Connections,
};
use crate::{
    chain::Included,
    world::{Peer, World},
};

/// Slots after which the boot node ends its lie by itself.
const SLOTS_TO_LIE: u32 = 20;
/// What a node takes to be ready again: a container that has ended often is started after five minutes.
const TO_RESTART: Duration = Duration::from_mins(7);
/// Slots in which a node asks its boot node for others; it does so every 30 s.
const SLOTS_TO_ASK: u32 = 6;
/// Where forged records lead: addresses of RFC 5737, at which nobody is.
const NOWHERE: &str = "/ip4/192.0.2.";

/// What the boot node told, as `adversaries/lying-boot-node.mjs` says.
#[derive(Debug, Deserialize)]
struct Lie {
    /// The peer ids in its records.
    forged: BTreeSet<String>,
    /// How many records it gave out.
    served: u64,
}

/// A full node starts again while the boot node lies: it follows the chain, and finds its peers.
pub(crate) async fn run(world: World) -> Result<(), Failure> {
    let nodes = world.nodes().await?;
    let pods = instances::list(&world.network)
        .await
        .map_err(Failure::infrastructure)?;
    let ready = |role| pods.iter().find(|pod| pod.role == role && pod.ready);
    let liar = ready(Role::BootNode);
    let liar = liar.ok_or_else(|| Failure::skipped("a boot node that is ready"))?;
    let victim = ready(Role::FullNode);
    let victim = victim.ok_or_else(|| Failure::skipped("a full node that is ready"))?;
    let before = Connections::of(&nodes)
        .await
        .map_err(Failure::infrastructure)?;
    let place = (liar.pod.as_str(), liar.role);
    let within = world.time.slots(SLOTS_TO_LIE) + TO_RESTART;
    let lie = LYING_BOOT_NODE.misbehave::<Lie>(&world, place, None, within);
    let meanwhile = async {
        let tried = misled(&world, &nodes, victim, &before).await;
        // Whatever was seen: the boot node tells the truth again.
        stop(&world, place).await.and(tried)
    };
    let (lie, tried) = futures::join!(lie, meanwhile);
    let seen = lie?.was_believed_by(&victim.pod, &tried?)?;
    world.context.step(seen);
    world.connected_as(&before, &nodes).await?;
    world.goes_on(&nodes).await
}

/// Starts the victim again, and sees that nothing comes of the lie; the nodes nowhere that it tried to connect to.
async fn misled(
    world: &World,
    nodes: &[Peer],
    victim: &Instance,
    before: &Connections,
) -> Result<BTreeSet<String>, Failure> {
    let begun = Instant::now() + world.time.slot;
    world.until_time("the boot node to lie", begun).await?;
    restart(world, victim).await?;
    let (own, others): (Vec<&Peer>, Vec<&Peer>) =
        nodes.iter().partition(|node| node.pod == victim.pod);
    let tip = others[0].rpc.tips().await;
    let tip = tip.map_err(Failure::infrastructure)?.checkpointed.block;
    let block = Included {
        number: tip.number,
        hash: tip.hash,
    };
    world.agreed(&block, nodes).await?;
    let tried = tried(world, own[0]).await?;
    let now = Connections::of(nodes)
        .await
        .map_err(Failure::infrastructure)?;
    others_keep_theirs(world, &now, before, victim)?;
    Ok(tried)
}

/// Ends the pod's process, and waits until another run of it is ready.
async fn restart(world: &World, pod: &Instance) -> Result<(), Failure> {
    let name = &pod.pod;
    let clean_up = world.context.must_clean_up(format!("{name} is away"));
    // Whoever ends the container may lose the connection into it; whether it ended is looked at.
    let asked = signal(world, (name, pod.role), "SIGTERM").await;
    let goal = format!("{name} to be ready again");
    world
        .until(&goal, TO_RESTART, || async {
            let pods = instances::list(&world.network).await;
            let now = pods.map(|pods| pods.into_iter().find(|now| now.pod == *name));
            Ok(Look::or_pending(now.map(|now| match now {
                Some(now) if now.run() != pod.run() && now.ready => Look::Done(()),
                Some(now) if now.run() != pod.run() => Look::pending("it starts"),
                Some(_) => Look::Pending(format!("it runs as before: {asked:?}")),
                None => Look::pending("its pod is gone"),
            })))
        })
        .await?;
    clean_up.proved();
    world.context.step(format!("{name} was started again"));
    Ok(())
}

/// Waits until the node tries to connect to somebody nowhere; all whom it does.
async fn tried(world: &World, node: &Peer) -> Result<BTreeSet<String>, Failure> {
    let goal = format!("{} to believe a forged node record", node.pod);
    let within = world.time.slots(SLOTS_TO_ASK) + world.course.slack;
    world
        .until(&goal, within, || async {
            let peers = node.rpc.peers_and_candidates().await?.into_iter();
            let nowhere = peers.filter(|peer| {
                let mut addresses = peer.addresses.iter();
                addresses.any(|address| address.starts_with(NOWHERE))
            });
            let tried: BTreeSet<String> = nowhere.map(|peer| peer.id).collect();
            Ok(if tried.is_empty() {
                Look::pending("it tries to connect to nobody nowhere")
            } else {
                Look::Done(tried)
            })
        })
        .await
}

/// But for the one that was started again, nobody is lost to anybody.
fn others_keep_theirs(
    world: &World,
    now: &Connections,
    before: &Connections,
    victim: &Instance,
) -> Result<(), Failure> {
    let mut lost = now.lost(before);
    let own = lost.remove(victim.pod.as_str()).unwrap_or(0);
    lost.retain(|_, peers| *peers > 1);
    if !lost.is_empty() {
        let seen = format!("while the boot node lies, nodes lost peers: {lost:?}");
        return Err(Failure::Assertion(seen));
    }
    world.context.step(format!(
        "while the boot node lies, {} lacks {own} of its peers, and no other node lost more than one",
        victim.pod
    ));
    Ok(())
}

impl Lie {
    /// Sees that some of those whom the node tried to connect to are of the boot node's making; that, in words.
    fn was_believed_by(&self, pod: &str, tried: &BTreeSet<String>) -> Result<String, Failure> {
        let believed = self.forged.intersection(tried).count();
        let seen = format!(
            "the boot node gave out {} forged node records; {pod} tried to connect to {believed} of their nodes",
            self.served
        );
        if self.served == 0 || believed == 0 {
            return Err(Failure::Assertion(format!("{seen}; expected some")));
        }
        Ok(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `adversaries/lying-boot-node.mjs` tells it.
    #[test]
    fn a_lie_that_nobody_heard_shows_nothing() {
        let lie = |told: &str| serde_json::from_str::<Lie>(told).expect("a report");
        let tried = BTreeSet::from(["16a".to_owned(), "16z".to_owned()]);
        let heard = lie(r#"{"forged":["16a","16b"],"served":4}"#);
        let seen = heard.was_believed_by("full-node-0", &tried).expect("heard");
        assert!(seen.ends_with("1 of their nodes"), "{seen}");
        assert!(
            heard
                .was_believed_by("full-node-0", &BTreeSet::new())
                .is_err()
        );
        let unheard = lie(r#"{"forged":["16a"],"served":0}"#);
        assert!(unheard.was_believed_by("full-node-0", &tried).is_err());
    }
}
