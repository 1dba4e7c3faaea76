//! Proposals over p2p that the proposer did not sign.

use aznet_model::{chain::Slot, role::Role};
use aznet_network::observe::{instances, logs::Which};
use aznet_runner::Failure;
use jiff::Timestamp;
use serde::Deserialize;

use super::{adversary::FORGED_PROPOSALS, said::Said, strangers::Strangers};
use crate::world::World;

/// Slots in which strangers connect to all validators, hear of a proposal, and of another three slots later.
const SLOTS_TO_HEAR: u32 = 12;
/// Slots in which the validators must have said what they make of it.
const SLOTS_TO_SAY: u32 = 2;

/// A proposal that was sent, as `adversaries/forged-proposals.mjs` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Sent {
    what: Kind,
    slot: Slot,
    /// Who seems to have signed it, `0x…`.
    #[serde(default)]
    sender: Option<String>,
    /// The peer that sent it.
    peer: String,
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

/// Strangers send proposals that validators must refuse, and are penalized for.
pub(crate) async fn run(world: World) -> Result<(), Failure> {
    let nodes = world.nodes().await?;
    let pods = instances::list(&world.network)
        .await
        .map_err(Failure::infrastructure)?;
    let strangers = Strangers::new(&world, &nodes, &pods, &[Role::Validator])?;
    let validators: Vec<&str> = strangers.others().collect();
    let since = Timestamp::now();
    let within = world.time.slots(SLOTS_TO_HEAR);
    let sent: Vec<Sent> = strangers.misbehave(&FORGED_PROPOSALS, within).await?;
    for one in &sent {
        one.is_refused(&world, &validators, since).await?;
    }
    if sent.len() < 4 {
        let words = format!("only {} were sent", sent.len());
        return Err(Failure::Infrastructure(words));
    }
    world.goes_on(&nodes).await
}

impl Sent {
    /// Waits until each of these validators has said that it refuses it, and penalizes who sent it.
    async fn is_refused(
        &self,
        world: &World,
        validators: &[&str],
        since: Timestamp,
    ) -> Result<(), Failure> {
        let refusal = self.refusal();
        let refusal: Vec<&str> = refusal.iter().map(String::as_str).collect();
        let punished = [
            self.peer.as_str(),
            "for checkpoint proposal validation failure",
        ];
        for pod in validators {
            for parts in [refusal.as_slice(), &punished] {
                let which = Which::Named((*pod).to_owned());
                let said = Said {
                    which,
                    but: None,
                    since,
                    parts,
                };
                said.wait_for(world, world.time.slots(SLOTS_TO_SAY)).await?;
            }
        }
        let (what, count, peer) = (self.words(), validators.len(), &self.peer);
        world.context.step(format!(
            "{what} was refused by all {count} validators, who penalize {peer}: `{}`",
            refusal[0]
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
        let told = r#"[{"what":"unsigned","slot":7,"peer":"16a"},{"what":"foreign","slot":7,"sender":"0xa7","peer":"16a"},{"what":"replayed","slot":7,"peer":"16b"}]"#;
        let sent: Vec<Sent> = serde_json::from_str(told).expect("a report");
        assert_eq!(sent[0].refusal().len(), 1);
        assert_eq!(sent[1].refusal()[1], "0xa7");
        assert!(sent[2].refusal()[0].ends_with("slot number 7"));
    }
}
