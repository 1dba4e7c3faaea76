//! The L1's clock on a test network: it starts in the past, and is brought to the present when the contracts are there.
//!
//! A committee is drawn from the validator set of some epochs ago, so a rollup that is deployed now stays without blocks
//! for that long. Deployed in the past, it has had its epochs when the clock jumps.

use std::time::{SystemTime, UNIX_EPOCH};

use aznet_model::config::NetworkConfig;
use serde_json::json;

use crate::error::NodeError;
use crate::l1::L1;
use crate::say::say;

/// L1 blocks of one deployment of the contracts, each of which moves the clock by a block time: 22 seen, and some room.
const DEPLOYMENT_BLOCKS: u64 = 32;
/// Deployments there is room for: all but the last may be cut short.
const DEPLOYMENTS: u64 = 8;

/// How far in the past a fresh L1 starts, in seconds: the deployments' blocks must not reach into the future, and for
/// no one to wait for the first committee, lag + 1 epochs must have passed since.
pub(crate) fn head_start(config: &NetworkConfig) -> u64 {
    let deployment = DEPLOYMENTS * deployment(config);
    if !config.skip_warm_up {
        return deployment;
    }
    let lag = config
        .lag_in_epochs_for_validator_set
        .max(config.lag_in_epochs_for_randao);
    deployment + (lag + 1) * config.epoch_duration * config.slot_duration
}

/// Chain time of one deployment, in seconds.
fn deployment(config: &NetworkConfig) -> u64 {
    DEPLOYMENT_BLOCKS * config.l1.block_time
}

/// Makes sure that a deployment on an L1 that still is in the past ends before the present.
pub(crate) fn leave_room(l1: &L1, config: &NetworkConfig) -> Result<(), NodeError> {
    if l1.interval_mining()?.is_some() {
        return Ok(());
    }
    let latest = l1.block("latest")?.timestamp.to::<u64>();
    if latest + deployment(config) <= now() {
        return Ok(());
    }
    Err(NodeError::ClockSpent {
        attempts: DEPLOYMENTS,
    })
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// Brings anvil to the present and lets it mine by the clock. Does nothing where it mines by the clock already.
pub(crate) fn release(l1: &L1, block_time: u64) -> Result<(), NodeError> {
    l1.tell("anvil_removeBlockTimestampInterval", &json!([]))?;
    if l1.interval_mining()?.is_some() {
        return Ok(());
    }
    let behind = now().saturating_sub(l1.block("latest")?.timestamp.to::<u64>());
    if behind > 0 {
        l1.tell("evm_setNextBlockTimestamp", &json!([now()]))?;
        l1.tell("evm_mine", &json!([]))?;
    }
    // Last, because it marks the clock as released.
    l1.tell("evm_setIntervalMining", &json!([block_time]))?;
    say(format_args!(
        "moved the L1's clock by {behind}s to now; a block every {block_time}s from here on"
    ));
    Ok(())
}
