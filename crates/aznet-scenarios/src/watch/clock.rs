//! Protocol time of a network: its genesis, from the L1 or from a block.

use aznet_model::timing::{ProtocolTime, Timing};
use aznet_network::clients::{l1::Rollup, l2::Node};
use jiff::Timestamp;

/// What turns a clock into slots; `None` while neither the L1 nor the node's newest checkpoint tells.
pub(crate) async fn timing(
    time: ProtocolTime,
    rollup: Option<&Rollup>,
    node: Option<&Node>,
) -> Option<Timing> {
    if let Some(rollup) = rollup
        && let Ok(timing) = rollup.timing().await
    {
        return Some(timing);
    }
    let node = node?;
    let tips = node.tips().await.ok()?;
    let block = node.block(tips.checkpointed.block.number).await.ok()??;
    Some(Timing {
        genesis: block
            .timestamp
            .checked_sub(block.slot.0 * time.slot.as_secs())?,
        slot: time.slot,
        epoch_slots: u64::from(time.epoch_slots),
        proof_submission_epochs: u64::from(time.proof_submission_epochs),
    })
}

/// Now, in Unix seconds.
pub(crate) fn now() -> u64 {
    u64::try_from(Timestamp::now().as_second()).unwrap_or(0)
}
