//! Proposals over p2p that the proposer did not sign.

use aznet_model::{chain::Slot, role::Role};
use aznet_network::observe::{
    instances::{self, Instance},
    logs::Which,
};
use aznet_runner::Failure;
use futures::future::try_join_all;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::{adversary::FORGED_PROPOSALS, said::Said};
use crate::{
    errors::rpc,
    world::{Peer, World},
};

/// Slots in which the node connects to all validators, hears of a proposal, and of another three slots later.
const SLOTS_TO_HEAR: u32 = 12;
/// Slots in which the others must have said what they make of it.
const SLOTS_TO_SAY: u32 = 2;

/// A validator, and where it is for other nodes.
struct Target<'a> {
    pod: &'a str,
    record: String,
}

/// What it did, as `adversaries/forged-proposals.mjs` tells it.
#[derive(Debug, Deserialize)]
struct Told {
    /// The records of those to whom it sent.
    reached: Vec<String>,
    missed: Vec<Missed>,
    sent: Vec<Sent>,
}

/// A validator that it could not connect to.
#[derive(Debug, Deserialize)]
struct Missed {
    record: String,
    why: String,
}

/// A proposal that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Sent {
    what: Kind,
    slot: Slot,
    /// Who seems to have signed it, `0x…`.
    #[serde(default)]
    sender: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Kind {
    /// Without a signature.
    Unsigned,
    /// With the proposer's signature of something else.
    Forged,
    /// Signed by a key that is no validator's.
    Foreign,
    /// Of a slot that is over.
    Replayed,
}

/// A full node sends proposals that validators must refuse, and penalizes nobody but it.
pub(crate) async fn run(world: World) -> Result<(), Failure> {
    let nodes = world.nodes().await?;
    let pods = instances::list(&world.network)
        .await
        .map_err(Failure::infrastructure)?;
    let stranger = pods
        .iter()
        .find(|pod| pod.role == Role::FullNode && pod.ready);
    let stranger = stranger.ok_or_else(|| Failure::skipped("a full node that is ready"))?;
    let validators = targets(&nodes, &pods).await?;
    let since = Timestamp::now();
    let place = (stranger.pod.as_str(), stranger.role);
    let within = world.time.slots(SLOTS_TO_HEAR);
    let records: Vec<&str> = validators.iter().map(|one| one.record.as_str()).collect();
    let told: Told = FORGED_PROPOSALS
        .misbehave_with(&world, place, json!({"to": records}), within)
        .await?;
    let reached = told.reached(&world, &validators)?;
    for one in &told.sent {
        one.is_refused(&world, &reached, since).await?;
    }
    if told.sent.len() < 4 {
        return Err(Failure::Infrastructure(format!(
            "only {} were sent",
            told.sent.len()
        )));
    }
    world.goes_on(&nodes).await
}

/// The validators among the ready nodes.
async fn targets<'a>(nodes: &'a [Peer], pods: &[Instance]) -> Result<Vec<Target<'a>>, Failure> {
    let validates = |node: &&Peer| {
        let mut pods = pods.iter();
        pods.any(|pod| pod.pod == node.pod && pod.role == Role::Validator)
    };
    let asked = nodes.iter().filter(validates).map(|node| async {
        let info = node.rpc.info().await.map_err(rpc)?;
        let without = || Failure::Infrastructure(format!("{} has no ENR", node.pod));
        let record = info.enr.ok_or_else(without)?;
        let pod = node.pod.as_str();
        Ok::<_, Failure>(Target { pod, record })
    });
    try_join_all(asked).await
}

impl Told {
    /// The pods of those that it reached, which must be more than half; the others are told.
    fn reached<'a>(&self, world: &World, all: &[Target<'a>]) -> Result<Vec<&'a str>, Failure> {
        let (reached, others): (Vec<&Target<'_>>, Vec<_>) = all
            .iter()
            .partition(|one| self.reached.contains(&one.record));
        for one in &others {
            let missed = self
                .missed
                .iter()
                .find(|missed| missed.record == one.record);
            let why = missed.map_or("it was not tried", |missed| &missed.why);
            let words = format!("{} could not be reached over p2p: {why}", one.pod);
            if reached.len() <= others.len() {
                return Err(Failure::Infrastructure(words));
            }
            world.context.step(words);
        }
        if reached.is_empty() {
            return Err(Failure::Infrastructure("no validator is ready".to_owned()));
        }
        Ok(reached.into_iter().map(|one| one.pod).collect())
    }
}

impl Sent {
    /// Waits until each of these validators has said that it refuses it.
    async fn is_refused(
        &self,
        world: &World,
        validators: &[&str],
        since: Timestamp,
    ) -> Result<(), Failure> {
        let parts = self.refusal();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        for pod in validators {
            let said = Said {
                which: Which::Named((*pod).to_owned()),
                but: None,
                since,
                parts: &parts,
            };
            said.wait_for(world, world.time.slots(SLOTS_TO_SAY)).await?;
        }
        let (what, count) = (self.words(), validators.len());
        world.context.step(format!(
            "{what} was refused by all {count} validators that were sent it: `{}`",
            parts[0]
        ));
        Ok(())
    }

    /// What the log of who refuses it has in a line.
    fn refusal(&self) -> Vec<String> {
        match self.what {
            Kind::Unsigned => {
                vec!["Penalizing peer for proposal with invalid signature".to_owned()]
            }
            Kind::Forged | Kind::Foreign => {
                let slot = self.slot.0;
                let line = format!("Penalizing peer for invalid proposer for current slot {slot}");
                std::iter::once(line).chain(self.sender.clone()).collect()
            }
            Kind::Replayed => {
                vec![format!(
                    "Penalizing peer for invalid slot number {}",
                    self.slot.0
                )]
            }
        }
    }

    fn words(&self) -> String {
        let slot = self.slot;
        match self.what {
            Kind::Unsigned => format!("a proposal for {slot} without a signature"),
            Kind::Forged => format!("a proposal for {slot} with a signature of another"),
            Kind::Foreign => format!("a proposal for {slot} signed by a stranger"),
            Kind::Replayed => format!("the proposal of {slot} once more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `adversaries/forged-proposals.mjs` tells it.
    #[test]
    fn what_was_sent_is_looked_for_by_who_signed_it() {
        let told = r#"[{"what":"unsigned","slot":7},{"what":"foreign","slot":7,"sender":"0xa7"},{"what":"replayed","slot":7}]"#;
        let sent: Vec<Sent> = serde_json::from_str(told).expect("a report");
        assert_eq!(sent[0].refusal().len(), 1);
        assert_eq!(sent[1].refusal()[1], "0xa7");
        assert!(sent[2].refusal()[0].ends_with("slot number 7"));
    }
}
