//! Malformed, oversized and slow input to the p2p ports of nodes.

mod witness;

use aznet_model::role::Role;
use aznet_network::observe::instances;
use aznet_runner::Failure;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use self::witness::Witness;
use super::{adversary::P2P_INPUT, input::same, peers::Connections};
use crate::world::World;

/// Slots in which all is sent, and who sent it is shut out.
const SLOTS_TO_SEND: u32 = 15;

/// What was done, as `adversaries/p2p-input.mjs` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Told {
    strangers: Vec<Stranger>,
    /// How often the node itself asked others meanwhile.
    asked: u64,
    /// How often they answered.
    answered: u64,
}

/// Somebody who sends what nobody should.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Stranger {
    /// What it sends.
    what: String,
    /// Its peer id.
    peer: String,
    /// The nodes that it is connected to.
    peers: u64,
    /// How much it sent, to all of them together.
    sent: u64,
    /// The nodes that told it that it is too bad a peer; `None`: none of them should.
    shunned: Option<u64>,
}

/// Strangers send all nodes what is malformed, oversized or never finished. They shut out who does; nobody else is harmed.
pub(crate) async fn run(world: World) -> Result<(), Failure> {
    let nodes = world.nodes().await?;
    let pods = instances::list(&world.network)
        .await
        .map_err(Failure::infrastructure)?;
    let ready = |role| pods.iter().filter(move |pod| pod.role == role && pod.ready);
    let host = ready(Role::FullNode).next();
    let host = host.ok_or_else(|| Failure::skipped("a full node that is ready"))?;
    let validators: Vec<_> = ready(Role::Validator).cloned().collect();
    let before = Connections::of(&nodes)
        .await
        .map_err(Failure::infrastructure)?;
    let mut witness = Witness::new(&world, &validators, &nodes).await;
    let over = CancellationToken::new();
    let attack = async {
        let place = (host.pod.as_str(), host.role);
        let within = world.time.slots(SLOTS_TO_SEND);
        let told = P2P_INPUT.misbehave::<Told>(&world, place, None, within);
        let told = told.await;
        over.cancel();
        told
    };
    let (told, ()) = futures::join!(attack, witness.look_on(&over));
    let told = told?;
    told.judge(&world, validators.len())?;
    for stranger in told.shunnable() {
        witness.saw_punished(stranger)?;
    }
    witness.saw_well()?;
    for validator in &validators {
        same(&world, validator).await?;
    }
    world.connected_as(&before, &nodes).await?;
    world.goes_on(&nodes).await
}

impl Told {
    /// Those who are to be shut out, by their peer ids and what they send.
    fn shunnable(&self) -> impl Iterator<Item = &Stranger> {
        self.strangers.iter().filter(|one| one.shunned.is_some())
    }

    /// Sees that who misbehaves is shut out by everybody, and that who asks as it should was answered meanwhile.
    fn judge(&self, world: &World, validators: usize) -> Result<(), Failure> {
        for stranger in &self.strangers {
            world.context.step(stranger.judge(validators)?);
        }
        let (asked, answered) = (self.asked, self.answered);
        let seen = format!("nodes answered {answered} of {asked} requests of a peer that behaves");
        // One that has much to do may refuse some by its limit of requests.
        if asked == 0 || answered * 10 < asked * 9 {
            let wanted = "expected nine of ten at least";
            return Err(Failure::Assertion(format!("{seen}; {wanted}")));
        }
        world.context.step(format!("meanwhile {seen}"));
        Ok(())
    }
}

impl Stranger {
    /// What became of it, in words.
    fn judge(&self, validators: usize) -> Result<String, Failure> {
        let Self {
            what, peers, sent, ..
        } = self;
        let seen = match self.shunned {
            Some(shunned) => format!(
                "{what}: {sent} sent to {peers} nodes; {shunned} shut the sender out for its score"
            ),
            None => format!("{what}: {sent} begun and held at {peers} nodes"),
        };
        let all = self.shunned.is_none_or(|shunned| shunned == *peers);
        if *sent == 0 || !all || *peers < validators as u64 {
            return Err(Failure::Assertion(format!(
                "{seen}; expected that each node is sent some and shuts the sender out, all {validators} validators among them"
            )));
        }
        Ok(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `adversaries/p2p-input.mjs` tells it.
    const TOLD: &str = r#"{"strangers":[
        {"what":"gossip of tx","peer":"16a","peers":6,"sent":180,"shunned":6},
        {"what":"requests","peer":"16b","peers":6,"sent":0,"shunned":0},
        {"what":"unfinished","peer":"16c","peers":6,"sent":90,"shunned":null}],"asked":60,"answered":60}"#;

    #[test]
    fn who_is_to_be_shut_out_is_by_every_node() {
        let told: Told = serde_json::from_str(TOLD).expect("a report");
        let [gossip, dud, unfinished] = told.strangers.as_slice() else {
            panic!("three strangers: {told:?}");
        };
        assert!(gossip.judge(4).is_ok() && unfinished.judge(4).is_ok());
        assert!(matches!(dud.judge(4), Err(Failure::Assertion(_))));
        assert!(gossip.judge(7).is_err(), "a validator was not reached");
        let shunned = Some(5);
        let spared = Stranger {
            shunned,
            ..gossip.clone()
        };
        assert!(spared.judge(4).is_err());
        assert_eq!(told.shunnable().count(), 2);
    }
}
