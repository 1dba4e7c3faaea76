//! What shows that a proposer misbehaved and that the others noticed.

use aznet_kit::wait::Look;
use aznet_model::chain::{BlockNumber, Slot};
use aznet_network::{clients::l1::Rollup, observe::logs::Which};
use aznet_runner::Failure;

use super::{
    said::{Said, said_by},
    turn::{Sides, Turn},
};
use crate::world::World;

/// What a validator that looks says of a wrong state.
pub(super) const REFUSAL: &str = "Block proposal validation failed: state_mismatch";
/// Slots after its turn in which the next proposers must have taken the checkpoint back.
const SLOTS_TO_INVALIDATE: u32 = 6;
/// Slots after its turn when a checkpoint of it would be on L1.
const SLOTS_TO_PUBLISH: u32 = 2;

/// Slots in which the checkpoint of another slot must come after one that was lost.
const SLOTS_TO_COME: u32 = 10;

/// What a misbehaviour leads to.
pub(super) enum Evidence {
    /// The L1 accepts the checkpoint, and a later proposer has it taken back.
    Invalidated,
    /// No checkpoint of the slot comes to L1: the proposer and its accomplices attest to it and nobody else, and each of the
    /// others refuses its block.
    Refused,
    /// No checkpoint of the slot comes to L1, and this is part of the line in which the proposer says why.
    Withheld(&'static str),
}

impl Evidence {
    /// Waits for it; what was seen.
    pub(super) async fn wait_for(
        &self,
        world: &World,
        rollup: &Rollup,
        turn: &Turn,
        sides: &Sides,
    ) -> Result<String, Failure> {
        let said = match self {
            Self::Invalidated => return invalidated(world, rollup, turn).await,
            Self::Refused => refused(world, turn, sides).await?,
            Self::Withheld(line) => said(world, turn, line).await?,
        };
        lost(world, turn).await?;
        Ok(format!("{} came to nothing: {said}", turn.slot))
    }
}

/// A checkpoint of the proposer's was on L1 and is no more.
async fn invalidated(world: &World, rollup: &Rollup, turn: &Turn) -> Result<String, Failure> {
    let goal = format!("a checkpoint of {} taken back on L1", turn.pod);
    let within = turn.left() + world.time.slots(SLOTS_TO_INVALIDATE);
    let (number, block) = world
        .until(&goal, within, || async {
            let all = rollup.invalidated(turn.from).await;
            let first = all.map(|all| match all.first() {
                Some(first) => Look::Done(*first),
                None => Look::pending("no CheckpointInvalidated yet"),
            });
            // An L1 that is away for a moment is asked again.
            Ok(Look::or_pending(first))
        })
        .await?;
    let all = rollup
        .proposed(turn.from)
        .await
        .map_err(Failure::infrastructure)?;
    let before = all
        .iter()
        .rev()
        .find(|(one, at)| *one == number && at.0 < block.0);
    let Some((_, at)) = before else {
        let seen = format!("{number} was taken back in {block}, and nobody had proposed it before");
        return Err(Failure::assertion(seen));
    };
    let author = rollup
        .proposer_of(*at)
        .await
        .map_err(Failure::infrastructure)?;
    if !turn.attesters.contains(&author) {
        let seen = format!(
            "{number} of {author} was taken back, who is not {}",
            turn.pod
        );
        return Err(Failure::assertion(seen));
    }
    Ok(format!(
        "{number} of {} came in {at} and was taken back in {block}",
        turn.pod
    ))
}

/// Waits until the proposer has said how many attest, and each of the honest that it refuses the block; in words.
async fn refused(world: &World, turn: &Turn, sides: &Sides) -> Result<String, Failure> {
    // An accomplice may be away, too.
    let votes = (!world.course.disturbed).then_some(sides.votes);
    let lacks = said(world, turn, &lacking(turn.slot, votes, sides.quorum)).await?;
    let of = of_slot(turn.slot);
    let within = turn.left() + world.time.slots(SLOTS_TO_PUBLISH);
    let parts = [REFUSAL, of.as_str()];
    let refuse = said_by(world, &sides.honest, turn.since, &parts, within).await?;
    Ok(format!("{lacks}, and {refuse}"))
}

/// What a proposer says that lacks attestations, of which there are `votes`.
fn lacking(slot: Slot, votes: Option<u64>, quorum: u64) -> String {
    let line = format!("Timeout collecting attestations for slot {}: ", slot.0);
    votes.map_or(line.clone(), |votes| format!("{line}{votes}/{quorum}"))
}

/// What a line has in it that tells of a proposal for this slot.
fn of_slot(slot: Slot) -> String {
    format!("\"slotNumber\":{},", slot.0)
}

/// Waits for a line that the proposer has written since it was told to misbehave.
async fn said(world: &World, turn: &Turn, line: &str) -> Result<String, Failure> {
    let within = turn.left() + world.time.slots(SLOTS_TO_PUBLISH);
    let said = Said {
        which: Which::Named(turn.pod.clone()),
        but: None,
        since: turn.since,
        parts: &[line],
    };
    said.wait_for(world, within).await
}

/// Waits until the slot is over and sees that no checkpoint of it is on L1.
pub(super) async fn lost(world: &World, turn: &Turn) -> Result<(), Failure> {
    let node = world.nodes().await?.swap_remove(0);
    let after = Slot(turn.slot.0 + u64::from(SLOTS_TO_PUBLISH));
    let goal = format!("a checkpoint of {after} or later");
    let within = turn.left() + world.time.slots(SLOTS_TO_PUBLISH + SLOTS_TO_COME);
    let newest = world
        .until(&goal, within, || async {
            let tip = node.rpc.tips().await?.checkpointed.block.number;
            Ok(match node.rpc.block(tip).await? {
                Some(block) if block.slot >= after => Look::Done(block),
                Some(block) => Look::Pending(format!("the newest is of {}", block.slot)),
                None => Look::pending("no block"),
            })
        })
        .await?;
    let mut block = newest;
    while block.slot > turn.slot && block.number.0 > 0 {
        let before = BlockNumber(block.number.0 - 1);
        let found = node
            .rpc
            .block(before)
            .await
            .map_err(Failure::infrastructure)?;
        let Some(found) = found else { break };
        block = found;
    }
    if block.slot == turn.slot {
        return Err(Failure::assertion(format!(
            "no checkpoint of {} on L1, seen {} of it",
            turn.slot, block.number
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Aztec 4.1.2 writes them.
    #[test]
    fn lines_are_of_this_slot_and_this_count() {
        let timeout = "ERROR: sequencer:checkpoint-proposal Error building checkpoint at slot 77: AttestationTimeoutError: \
                       Validator Error: Timeout collecting attestations for slot 77: 1/3";
        assert!(timeout.contains(&lacking(Slot(77), Some(1), 3)));
        assert!(timeout.contains(&lacking(Slot(77), None, 3)));
        assert!(!timeout.contains(&lacking(Slot(77), Some(2), 3)));
        assert!(!timeout.contains(&lacking(Slot(7), None, 3)));
        let refusal = "WARN: validator Block proposal validation failed: state_mismatch {\"slotNumber\":77,\"lastArchive\":\"0x13\"}";
        assert!(refusal.contains(REFUSAL) && refusal.contains(&of_slot(Slot(77))));
        assert!(!refusal.contains(&of_slot(Slot(7))));
    }
}
