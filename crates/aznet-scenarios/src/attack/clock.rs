//! A validator whose clock is wrong.

use std::time::Duration;

use aznet_model::role::Role;
use aznet_network::observe::logs::Which;
use aznet_runner::Failure;
use futures::future::select_ok;
use serde::Deserialize;
use serde_json::json;

use super::{adversary::LATE_CLOCK, evidence::lost, said::Said, turn::Turn};
use crate::world::World;

/// What a sequencer says of a slot that is over: the L1 is asked, and has gone on; or it is about to, and nobody attests.
const LINES: [&str; 2] = ["Cannot propose", "Timeout collecting attestations"];
/// Slots after its turn in which it must have said so.
const SLOTS_TO_SAY: u32 = 2;

/// What its clock showed.
#[derive(Debug, Deserialize)]
struct Late {
    late: i64,
}

/// The clock of a proposer is a slot late in its turn; that slot is lost and no more.
pub(crate) async fn run(world: World) -> Result<(), Failure> {
    let nodes = world.nodes().await?;
    let (l1, rollup) = world.rollup(&nodes[0]).await?;
    let turn = world.turn(&l1, &rollup).await?;
    let slot = world.time.slot;
    world.context.step(format!(
        "the clock of {} is {} s late; its turn is {}",
        turn.pod,
        slot.as_secs(),
        turn.slot
    ));
    // Its turn begins a slot late, and ends so.
    let within = turn.left() + slot;
    let options = json!({"late": millis(slot)});
    let place = (turn.pod.as_str(), Role::Validator);
    let Late { late } = LATE_CLOCK
        .misbehave_with(&world, place, options, within)
        .await?;
    world
        .context
        .step(format!("{} had a clock that was {late} ms late", turn.pod));
    let slot = turn.slot.to_string();
    let within = world.time.slots(SLOTS_TO_SAY);
    let either = LINES.map(|line| Box::pin(says(&world, &turn, [line, &slot], within)));
    let (said, _) = select_ok(either).await?;
    lost(&world, &turn).await?;
    world
        .context
        .step(format!("{slot} came to nothing: {said}"));
    world.goes_on(&nodes).await
}

async fn says(
    world: &World,
    turn: &Turn,
    parts: [&str; 2],
    within: Duration,
) -> Result<String, Failure> {
    let said = Said {
        which: Which::Named(turn.pod.clone()),
        but: None,
        since: turn.since,
        parts: &parts,
    };
    said.wait_for(world, within).await
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
