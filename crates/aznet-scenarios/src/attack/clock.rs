//! A validator whose clock is wrong.

use std::time::Duration;

use aznet_model::role::Role;
use aznet_runner::Failure;
use serde::Deserialize;
use serde_json::json;

use super::{adversary::LATE_CLOCK, evidence::Evidence};
use crate::world::World;

/// What Aztec says that finds out.
const LINE: &str = "slot mismatch with rollup contract (this can be caused by a clock out of sync)";

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
        .misbehave_so(&world, place, options, within)
        .await?;
    world
        .context
        .step(format!("{} had a clock that was {late} ms late", turn.pod));
    let evidence = Evidence::Lost {
        by_others: false,
        line: LINE,
    };
    world
        .context
        .step(evidence.wait_for(&world, &rollup, &turn).await?);
    world.goes_on(&nodes).await
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
