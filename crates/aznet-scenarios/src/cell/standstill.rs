//! That the chain stands still while a fault is in force.

use std::time::Duration;

use aznet_kit::wait::{Deadline, Look};
use aznet_model::role::Role;
use aznet_network::clients::l2::BlockPlace;
use aznet_network::observe::instances;
use aznet_runner::Failure;
use jiff::Timestamp;
use tokio::time::Instant;

use super::{SLOTS_TO_RECOVER, Under};
use crate::chain::heads;
use crate::look::{self, Blind};

/// Slots in which a node must say what its newest checkpoint is.
const SLOTS_TO_ANSWER: u32 = 3;

impl Under<'_> {
    /// Sees that no slot that begins while the fault is in force has a checkpoint.
    pub(super) async fn stands_still(&self) -> Result<(), Failure> {
        let (since, start) = (Timestamp::now(), Instant::now());
        self.nearly_over().await?;
        let lasted = start.elapsed();
        let last = self.last_checkpoint().await?;
        let words = judged(&last, since, lasted, self.world.time.slot)?;
        self.world.context.step(words);
        Ok(())
    }

    /// Waits until the fault is nearly over, or one of the validators that were killed is back.
    async fn nearly_over(&self) -> Result<(), Failure> {
        let (world, time) = (&self.world, self.world.time);
        let span = self.trouble.span(time);
        if let Some(begun) = self.faults.begun() {
            let end = begun + span.saturating_sub(time.slot);
            return world.until_time("the fault to be nearly over", end).await;
        }
        let deadline = Deadline::after(span + time.slots(SLOTS_TO_RECOVER));
        let goal = "a validator to be back";
        look::until(&world.context, goal, deadline, || async {
            let pods = instances::list(&world.network).await;
            let pods = pods.map_err(|error| Blind::no_answer(&error))?;
            let back = pods
                .iter()
                .any(|pod| pod.role == Role::Validator && pod.ready);
            Ok::<_, Blind>(if back {
                Look::Done(())
            } else {
                Look::pending("none is ready")
            })
        })
        .await
    }

    /// The last block of the newest checkpoint.
    async fn last_checkpoint(&self) -> Result<BlockPlace, Failure> {
        let world = &self.world;
        let nodes = world.nodes().await?;
        let within = world.time.slots(SLOTS_TO_ANSWER);
        let goal = "the block of the newest checkpoint";
        let look = world.until(goal, within, || async {
            let tips = match heads(&nodes).await? {
                Look::Done(tips) => tips,
                Look::Pending(unanswered) => return Ok(Look::Pending(unanswered)),
            };
            let hash = &tips.checkpointed.block.hash;
            let place = nodes[0].rpc.block_by_hash(hash).await?;
            Ok(place.map_or_else(|| Look::pending("a node that has not got it"), Look::Done))
        });
        look.await
    }
}

/// What the newest checkpoint says of a time in which there was to be none.
fn judged(
    last: &BlockPlace,
    since: Timestamp,
    lasted: Duration,
    slot: Duration,
) -> Result<String, Failure> {
    let (checkpoint, seconds) = (last.checkpoint, lasted.as_secs());
    if i64::try_from(last.timestamp).unwrap_or(i64::MAX) > since.as_second() {
        return Err(Failure::Assertion(format!(
            "{checkpoint} of {} came while the fault was in force: expected none of a slot that begins in these {seconds} s",
            last.slot
        )));
    }
    if lasted < slot {
        return Err(Failure::Fault(format!(
            "the fault did not bite long enough for a standstill to be seen: {seconds} s, and a slot takes {} s",
            slot.as_secs()
        )));
    }
    Ok(format!(
        "no slot that began in {seconds} s has a checkpoint, the last is {checkpoint}"
    ))
}

#[cfg(test)]
mod tests {
    use aznet_model::chain::{BlockNumber, CheckpointNumber, Slot};

    use super::*;

    #[test]
    fn a_checkpoint_of_a_slot_that_began_under_the_fault_is_no_standstill() {
        let slot = Duration::from_secs(12);
        let judged = |began: u64, lasted: u64| {
            let last = BlockPlace {
                number: BlockNumber(41),
                slot: Slot(90),
                checkpoint: CheckpointNumber(40),
                timestamp: began,
            };
            let since = Timestamp::from_second(1_000).expect("a time");
            judged(&last, since, Duration::from_secs(lasted), slot)
        };
        // What was on its way when the fault began.
        assert!(judged(1_000, 20).is_ok_and(|words| words.contains("in 20 s")));
        let came = judged(1_001, 20);
        assert!(
            matches!(&came, Err(Failure::Assertion(words)) if words.starts_with("checkpoint 40 of slot 90 came")),
            "{came:?}"
        );
        // Maybe no slot began.
        assert!(matches!(judged(1_000, 11), Err(Failure::Fault(_))));
    }
}
