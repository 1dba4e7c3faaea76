//! Proposals over p2p that the proposer of their slot did not sign.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use aznet_model::{
    chain::{BlockNumber, L1Block, Slot},
    role::Role,
};
use aznet_network::{clients::l1::Rollup, observe::instances};
use aznet_runner::Failure;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::{
    adversary::FORGED_PROPOSALS, out_of_turn::Signer, said::said_all, strangers::Strangers,
};
use crate::{
    errors::rpc,
    world::{Peer, World},
};

/// Slots in which strangers connect to all nodes, hear of a proposal, and of another three slots later.
const SLOTS_TO_HEAR: u32 = 18;
/// Slots in which the nodes must have said what they make of it.
const SLOTS_TO_SAY: u32 = 2;
/// What is sent of each topic, whoever else signs.
const ALWAYS: usize = 4;

/// A proposal that was sent, as `adversaries/forged-proposals.mjs` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Sent {
    what: Kind,
    topic: Topic,
    slot: Slot,
    archive: B256,
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
    Stolen,
    /// Signed by a key that is no validator's.
    Foreign,
    /// Of a slot that is over.
    Replayed,
    /// Signed by a validator whose turn it is not.
    #[serde(untagged)]
    OutOfTurn(Signer),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Topic {
    CheckpointProposal,
    BlockProposal,
}

/// The chain before anything was sent.
struct Before {
    l1: L1Block,
    proven: BlockNumber,
}

/// Strangers send proposals that nodes must refuse, and are penalized for; none of them comes into the chain.
pub(crate) async fn run(world: World) -> Result<(), Failure> {
    let nodes = world.nodes().await?;
    let pods = instances::list(&world.network)
        .await
        .map_err(Failure::infrastructure)?;
    let (l1, rollup) = world.rollup(&nodes[0]).await?;
    let before = Before {
        l1: l1.heads().await.map_err(rpc)?.block,
        proven: nodes[0].rpc.tips().await.map_err(rpc)?.proven.block.number,
    };
    let strangers = Strangers::new(&world, &nodes, &pods, &Role::ALL)?;
    let others: Vec<&str> = strangers.others().collect();
    let signed = world.out_of_turn().await?;
    let since = Timestamp::now();
    let within = world.time.slots(SLOTS_TO_HEAR);
    let options = json!({"kinds": signed.kinds, "signed": signed.signed});
    let sent: Vec<Sent> = strangers
        .misbehave(&FORGED_PROPOSALS, options, within)
        .await?;
    let wanted = 2 * ALWAYS + signed.kinds.len();
    if sent.len() != wanted {
        let words = format!("{} were sent, not {wanted}", sent.len());
        return Err(Failure::Infrastructure(words));
    }
    are_refused(&world, &sent, &others, since).await?;
    world.goes_on(&nodes).await?;
    are_nowhere(&world, &rollup, (&nodes, &before), &sent).await
}

/// Waits until each of these pods has said that it refuses each proposal, and penalizes who sent it.
async fn are_refused(
    world: &World,
    sent: &[Sent],
    pods: &[&str],
    since: Timestamp,
) -> Result<(), Failure> {
    let lines: Vec<Vec<String>> = sent
        .iter()
        .flat_map(|one| [one.refusal(), one.penalty()])
        .collect();
    for pod in pods {
        let within = world.time.slots(SLOTS_TO_SAY);
        said_all(world, pod, since, &lines, within).await?;
    }
    for one in sent {
        let (what, peer) = (one.words(), &one.peer);
        let refusal = one.refusal().join("` and `");
        let all = pods.join(", ");
        world.context.step(format!(
            "{what} was refused by {all}, which penalize {peer}: `{refusal}`"
        ));
    }
    Ok(())
}

/// Sees that no checkpoint on L1 and no block of a node has the archive of something forged.
async fn are_nowhere(
    world: &World,
    rollup: &Rollup,
    (nodes, before): (&[Peer], &Before),
    sent: &[Sent],
) -> Result<(), Failure> {
    let forged: BTreeMap<B256, &Sent> = sent
        .iter()
        .filter(|one| one.what != Kind::Replayed)
        .map(|one| (one.archive, one))
        .collect();
    let found = |archive: &B256, place: &str| match forged.get(archive) {
        None => Ok(()),
        Some(one) => {
            let what = one.words();
            Err(Failure::Assertion(format!("{place} has {what}")))
        }
    };
    let on_l1 = rollup.archives(before.l1).await;
    let on_l1 = on_l1.map_err(Failure::infrastructure)?;
    for archive in &on_l1 {
        found(archive, "the L1")?;
    }
    let mut blocks = 0;
    for node in nodes {
        let last = node.rpc.tips().await.map_err(rpc)?.proposed.number;
        for number in before.proven.0 + 1..=last.0 {
            let archive = node.rpc.archive_at(BlockNumber(number)).await;
            if let Some(archive) = archive.map_err(rpc)? {
                found(&archive, &node.pod)?;
                blocks += 1;
            }
        }
    }
    if on_l1.is_empty() || blocks < nodes.len() {
        let words = format!(
            "{} checkpoints and {blocks} blocks were looked at",
            on_l1.len()
        );
        return Err(Failure::Infrastructure(words));
    }
    world.context.step(format!(
        "none of {} checkpoints on L1 and of {blocks} blocks of {} nodes has the archive of one of {} forged proposals",
        on_l1.len(),
        nodes.len(),
        forged.len()
    ));
    Ok(())
}

impl Sent {
    /// What the log of who refuses it has in a line.
    fn refusal(&self) -> Vec<String> {
        let slot = self.slot.0;
        let line = match self.what {
            Kind::Unsigned => "Penalizing peer for proposal with invalid signature".to_owned(),
            Kind::Stolen | Kind::Foreign | Kind::OutOfTurn(_) => {
                format!("Penalizing peer for invalid proposer for current slot {slot} ")
            }
            Kind::Replayed => format!("Penalizing peer for invalid slot number {slot} "),
        };
        let validator = format!("{}_proposal_validator", self.topic.name());
        let sender = self.sender.clone().filter(|_| self.what != Kind::Replayed);
        [validator, line].into_iter().chain(sender).collect()
    }

    /// What the log of who penalizes its sender has in a line.
    fn penalty(&self) -> Vec<String> {
        let (peer, topic) = (&self.peer, self.topic.name());
        vec![format!(
            "Penalizing peer {peer} for {topic} proposal validation failure"
        )]
    }

    fn words(&self) -> String {
        let (topic, slot) = (self.topic.name(), self.slot);
        let proposal = format!("{topic} proposal of {slot}");
        match self.what {
            Kind::Unsigned => format!("a {proposal} without a signature"),
            Kind::Stolen => {
                format!("a {proposal} with the proposer's signature of another archive")
            }
            Kind::Foreign => format!("a {proposal} signed by a key that is no validator's"),
            Kind::OutOfTurn(Signer::Member) => {
                format!("a {proposal} signed by another member of the committee")
            }
            Kind::OutOfTurn(Signer::Outsider) => {
                format!("a {proposal} signed by a validator outside the committee")
            }
            Kind::Replayed => format!("the {proposal} once more"),
        }
    }
}

impl Topic {
    const fn name(self) -> &'static str {
        match self {
            Self::CheckpointProposal => "checkpoint",
            Self::BlockProposal => "block",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(what: &str, topic: &str) -> Sent {
        let archive = B256::repeat_byte(1);
        let told = json!({"what": what, "topic": topic, "slot": 7, "archive": archive, "sender": "0xa7", "peer": "16a"});
        serde_json::from_value(told).expect("a report")
    }

    /// As Aztec 4.1.2 writes them.
    #[test]
    fn what_was_sent_is_looked_for_by_who_signed_it() {
        let line = r#"WARN: p2p:checkpoint_proposal_validator Penalizing peer for invalid proposer for current slot 7 {"expectedProposer":"0xc2","proposer":"0xa7"}"#;
        let says = |line: &str, one: &Sent| one.refusal().iter().all(|part| line.contains(part));
        for what in ["stolen", "foreign", "member", "outsider"] {
            assert!(says(line, &sent(what, "checkpoint_proposal")), "{what}");
            assert!(!says(line, &sent(what, "block_proposal")), "{what}");
        }
        let mut other = sent("member", "checkpoint_proposal");
        other.sender = Some("0xb8".to_owned());
        assert!(!says(line, &other));
        let unsigned = r#"{"what":"unsigned","topic":"block_proposal","slot":7,"archive":"0x0101010101010101010101010101010101010101010101010101010101010101","peer":"16a"}"#;
        let unsigned: Sent = serde_json::from_str(unsigned).expect("a report");
        let line = "WARN: p2p:block_proposal_validator Penalizing peer for proposal with invalid signature";
        assert!(says(line, &unsigned));
        let line = r#"WARN: p2p:block_proposal_validator Penalizing peer for invalid slot number 7 {"currentSlot":10,"nextSlot":10}"#;
        assert!(says(line, &sent("replayed", "block_proposal")));
        let penalty = sent("replayed", "block_proposal").penalty();
        assert_eq!(
            penalty,
            ["Penalizing peer 16a for block proposal validation failure"]
        );
    }
}
