//! A proposer of two checkpoints for one slot.

use aznet_model::{chain::Slot, role::Role};
use aznet_network::observe::logs::Which;
use aznet_runner::Failure;
use serde::Deserialize;

use super::{adversary::EQUIVOCATION, offence, said::Said};
use crate::world::World;

/// Slots after its turn in which the others must have said that there are two.
const SLOTS_TO_SAY: u32 = 2;

/// What it did.
#[derive(Debug, Deserialize)]
struct Equivocated {
    slot: Slot,
}

/// The proposer of a slot that comes signs two checkpoints; the others notice, and the chain goes on as one.
pub(crate) async fn run(world: World) -> Result<(), Failure> {
    let nodes = world.nodes().await?;
    let (l1, rollup) = world.rollup(&nodes[0]).await?;
    let turn = world.turn(&l1, &rollup).await?;
    world.context.step(format!(
        "{} proposes twice; its turn is {}",
        turn.pod, turn.slot
    ));
    let place = (turn.pod.as_str(), Role::Validator);
    let did: Equivocated = EQUIVOCATION
        .misbehave(&world, place, Some(turn.slot), turn.left())
        .await?;
    let line = format!(
        "Detected duplicate checkpoint proposal (equivocation) at slot {}",
        did.slot.0
    );
    let said = Said {
        which: Which::Role(Role::Validator),
        but: Some(&turn.pod),
        since: turn.since,
        parts: &[&line],
    };
    let seen = said
        .wait_for(&world, world.time.slots(SLOTS_TO_SAY))
        .await?;
    world.context.step(seen);
    offence::equivocation(&world, &turn, did.slot).await?;
    world.goes_on(&nodes).await
}
