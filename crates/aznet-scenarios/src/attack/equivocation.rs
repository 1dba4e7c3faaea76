//! A proposer that signs two of what it may sign once in a slot.

use aznet_model::{chain::Slot, role::Role};
use aznet_network::clients::admin::offences::Kind;
use aznet_runner::Failure;
use serde::Deserialize;

use super::{
    adversary::{Adversary, DOUBLE_ATTESTATION, EQUIVOCATION},
    offence,
    said::said_by,
};
use crate::world::World;

/// Slots after its turn in which the others must have said that there are two.
const SLOTS_TO_SAY: u32 = 2;

/// What it did.
#[derive(Debug, Deserialize)]
struct Equivocated {
    slot: Slot,
    /// Who signed both, `0x…`.
    signer: String,
}

/// A way to equivocate.
struct Way {
    adversary: Adversary,
    /// What the proposer does.
    does: &'static str,
    /// What who notices says before the slot.
    line: &'static str,
    /// What who notices notes.
    offence: Kind,
}

/// The proposer of a slot that comes signs two checkpoints; the others notice, and the chain goes on as one.
pub(crate) async fn proposals(world: World) -> Result<(), Failure> {
    let way = Way {
        adversary: EQUIVOCATION,
        does: "proposes twice",
        line: "Detected duplicate checkpoint proposal (equivocation) at slot",
        offence: Kind::DuplicateProposal,
    };
    run(world, way).await
}

/// The proposer of a slot that comes attests to two checkpoints; the others notice, and the chain goes on as one.
pub(crate) async fn attestations(world: World) -> Result<(), Failure> {
    let way = Way {
        adversary: DOUBLE_ATTESTATION,
        does: "attests twice",
        line: "Detected duplicate attestation (equivocation) at slot",
        offence: Kind::DuplicateAttestation,
    };
    run(world, way).await
}

async fn run(world: World, way: Way) -> Result<(), Failure> {
    let nodes = world.nodes().await?;
    let (l1, rollup) = world.rollup(&nodes[0]).await?;
    let turn = world.turn(&l1, &rollup).await?;
    world.context.step(format!(
        "{} {}; its turn is {}",
        turn.pod, way.does, turn.slot
    ));
    let place = (turn.pod.as_str(), Role::Validator);
    let did: Equivocated = way
        .adversary
        .misbehave(&world, place, Some(turn.slot), turn.left())
        .await?;
    let line = format!("{} {} ", way.line, did.slot.0);
    let parts = [line.as_str(), did.signer.as_str()];
    let within = world.time.slots(SLOTS_TO_SAY);
    let seen = said_by(&world, &turn.others(), turn.since, &parts, within).await?;
    world.context.step(seen);
    offence::equivocation(&world, &turn, (way.offence, did.slot)).await?;
    world.goes_on(&nodes).await
}
