//! The L1's clock on a test network: it starts in the past, and is brought to the present when the contracts are there.
//!
//! A committee is drawn from the validator set of some epochs ago, so a rollup that is deployed now stays without blocks
//! for that long. Deployed in the past, it has had its epochs when the clock jumps.
//!
//! Blocks have times that are multiples of the block time, as Ethereum's have those of its slots, and so has the rollup's
//! genesis. Aztec's nodes count on a slot's last block being one block time before the slot's end: a prover node that
//! sees a block of a second earlier takes the epoch for complete, leaves out a checkpoint of the block that follows, and
//! everything from there on is pruned.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aznet_kit::wait::pause;
use aznet_model::config::NetworkConfig;
use serde_json::json;
use thiserror::Error;

use crate::console::say;
use crate::l1::{L1, L1Error};

/// L1 blocks of one deployment of the contracts, each of which moves the clock by a block time: 22 seen, and some room.
const DEPLOYMENT_BLOCKS: u64 = 32;
/// Deployments there is room for: all but the last may be cut short.
const DEPLOYMENTS: u64 = 8;
/// L1 blocks of a deployment up to that of the rollup, whose time its slots and epochs are counted from: 9 to 14 seen,
/// as transactions share blocks or don't.
const BLOCKS_TO_GENESIS: u64 = 11;
/// Seconds from the beginning of a deployment until the validators of a small network have found each other, seen on two
/// cores: a slot that begins then is the first that can have a checkpoint.
const TO_FIRST_SLOT: u64 = 29;
/// Slots from the beginning of that one to the end of its epoch: room for one that fails, and for provers to start.
const LAST_SLOTS: u64 = 2;

/// Why the clock can't be set.
#[derive(Debug, Error)]
pub(crate) enum ClockError {
    /// The L1.
    #[error(transparent)]
    L1(#[from] L1Error),
    /// The times of the configuration are too long.
    #[error(
        "the L1 would start longer ago than 1970: l1.blockTime, slotDuration, epochDuration or the lags are too large"
    )]
    TooLong,
    /// Deployments were cut short too often.
    #[error(
        "about {attempts} deployments of the L1 contracts were interrupted, and the L1's clock caught up with the present; delete anvil's volume and pod to start over"
    )]
    Spent {
        /// How many there was room for.
        attempts: u64,
    },
}

impl ClockError {
    /// Whether no restart of the pod can mend it.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::L1(error) => error.is_final(),
            Self::TooLong | Self::Spent { .. } => true,
        }
    }
}

/// When a fresh L1 starts, in seconds since 1970, for the present to be `now`: the deployments' blocks must not reach
/// into the future, and for no one to wait for the first committee, lag + 1 epochs must have passed since.
pub(crate) fn start(config: &NetworkConfig, now: u64) -> Result<u64, ClockError> {
    let head_start = head_start(config).ok_or(ClockError::TooLong)?;
    let start = now.checked_sub(head_start).ok_or(ClockError::TooLong)?;
    Ok(start - in_block(start, config))
}

/// Seconds since the last time that blocks may have.
fn in_block(time: u64, config: &NetworkConfig) -> u64 {
    time % config.l1.block_time.max(1)
}

fn head_start(config: &NetworkConfig) -> Option<u64> {
    let deployments = deployment(config)?.checked_mul(DEPLOYMENTS)?;
    if !config.skip_warm_up {
        return Some(deployments);
    }
    let lag = config
        .lag_in_epochs_for_validator_set
        .max(config.lag_in_epochs_for_randao);
    // One more to choose from when the first begins.
    let warm_up = lag.checked_add(2)?.checked_mul(epoch(config)?)?;
    deployments.checked_add(warm_up)
}

fn epoch(config: &NetworkConfig) -> Option<u64> {
    config.epoch_duration.checked_mul(config.slot_duration)
}

/// Chain time of one deployment, in seconds.
fn deployment(config: &NetworkConfig) -> Option<u64> {
    config.l1.block_time.checked_mul(DEPLOYMENT_BLOCKS)
}

/// Makes sure that a deployment on an L1 that still is in the past ends before the present.
pub(crate) fn leave_room(l1: &L1, config: &NetworkConfig) -> Result<(), ClockError> {
    if l1.interval_mining()?.is_some() {
        return Ok(());
    }
    let latest = l1.block("latest")?.timestamp.to::<u64>();
    let ends = deployment(config).and_then(|takes| latest.checked_add(takes));
    if ends.ok_or(ClockError::TooLong)? <= now() {
        return Ok(());
    }
    Err(ClockError::Spent {
        attempts: DEPLOYMENTS,
    })
}

/// Gives the next block a time from which the epoch of the first checkpoint ends soon after that checkpoint, so that
/// the first proof need not wait for most of an epoch.
pub(crate) fn align(l1: &L1, config: &NetworkConfig) -> Result<(), ClockError> {
    if !config.skip_warm_up || l1.interval_mining()?.is_some() {
        return Ok(());
    }
    let latest = l1.block("latest")?.timestamp.to::<u64>();
    let now = now();
    let next = aligned(config, latest, now).ok_or(ClockError::TooLong)?;
    let ends = deployment(config).and_then(|takes| next.checked_add(takes));
    if ends.is_some_and(|ends| ends <= now) {
        l1.tell("evm_setNextBlockTimestamp", &json!([next]))?;
    }
    Ok(())
}

/// The earliest time after `latest` for the first block of a deployment that begins now.
fn aligned(config: &NetworkConfig, latest: u64, now: u64) -> Option<u64> {
    let last_slots = config.slot_duration.checked_mul(LAST_SLOTS)?;
    let epoch_ends = now.checked_add(TO_FIRST_SLOT)?.checked_add(last_slots)?;
    let next = latest.checked_add(config.l1.block_time.max(1))?;
    let next = next - in_block(next, config);
    let genesis = config
        .l1
        .block_time
        .checked_mul(BLOCKS_TO_GENESIS)?
        .checked_add(next)?;
    let later = epoch_ends
        .checked_sub(genesis)?
        .checked_rem(epoch(config)?)?;
    next.checked_add(later - in_block(later, config))
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// Brings anvil to the present and lets it mine by the clock. Does nothing where it mines by the clock already.
pub(crate) fn release(l1: &L1, block_time: u64) -> Result<(), ClockError> {
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

/// Sees to it that blocks have the times that they may have: anvil counts from whenever it was told to mine, and goes on
/// from a block that it mined late. After a reorganisation it goes on from the time of the last block that stayed. Does
/// nothing where it doesn't mine by the clock, or where the clock was put forward.
pub(crate) fn keep_in_step(l1: &L1) -> Result<(), ClockError> {
    let Some(interval) = l1.interval_mining()?.filter(|interval| *interval > 0) else {
        return Ok(());
    };
    let Some(next) = out_of_step(l1.block("latest")?.timestamp.to(), now(), interval) else {
        return Ok(());
    };
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    pause(Duration::from_secs(next).saturating_sub(since.unwrap_or_default()));
    // Somebody may have stopped it, or mined.
    let latest = l1.block("latest")?.timestamp.to::<u64>();
    if latest >= next || l1.interval_mining()? != Some(interval) {
        return Ok(());
    }
    l1.tell("evm_setIntervalMining", &json!([interval]))?;
    l1.tell("evm_setNextBlockTimestamp", &json!([next]))?;
    l1.tell("evm_mine", &json!([]))?;
    say(format_args!(
        "the L1's blocks were out of step, the last of {latest}: they are at multiples of {interval}s again"
    ));
    Ok(())
}

/// When the next block is due if the latest has a time that it may not have, or is old; `None`: it may, or the clock was
/// put forward.
fn out_of_step(latest: u64, now: u64, interval: u64) -> Option<u64> {
    let is_old = latest.saturating_add(2 * interval) < now;
    let is_ahead = latest > now.saturating_add(interval);
    (!is_ahead && (is_old || !latest.is_multiple_of(interval)))
        .then(|| (now / interval + 1) * interval)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::config;

    #[test]
    fn an_epoch_ends_soon_after_the_first_checkpoint_whenever_a_deployment_begins() {
        let config = config();
        let epoch = epoch(&config).expect("no overflow");
        let now = 1_800_000_000;
        let block = config.l1.block_time;
        for latest in (now - 10_000..now - 9_000).step_by(7) {
            let next = aligned(&config, latest, now).expect("no overflow");
            assert!(
                next > latest && next <= latest + block + epoch,
                "{latest}: {next}"
            );
            assert_eq!(next % block, 0);
            let genesis = next + BLOCKS_TO_GENESIS * config.l1.block_time;
            let first_slot = now + TO_FIRST_SLOT;
            let left = epoch - (first_slot - genesis) % epoch;
            let wanted = config.slot_duration * LAST_SLOTS;
            assert!((wanted - block + 1..=wanted).contains(&left), "{left}");
        }
    }

    /// A prover node proves an epoch at the last block that can be in it, as it reckons.
    #[test]
    fn blocks_have_times_that_are_multiples_of_the_block_time() {
        let config = config();
        for now in 1_800_000_000..1_800_000_012 {
            let start = start(&config, now).expect("after 1970");
            assert_eq!(start % config.l1.block_time, 0);
        }
        assert_eq!(out_of_step(1_800_000_004, 1_800_000_005, 4), None);
        assert_eq!(
            out_of_step(1_800_000_003, 1_800_000_005, 4),
            Some(1_800_000_008)
        );
        assert_eq!(
            out_of_step(1_800_000_003, 1_800_000_004, 4),
            Some(1_800_000_008)
        );
        // As after a reorganisation of two blocks.
        assert_eq!(
            out_of_step(1_800_000_000, 1_800_000_010, 4),
            Some(1_800_000_012)
        );
        // Somebody put the clock forward.
        assert_eq!(out_of_step(1_800_000_103, 1_800_000_005, 4), None);
    }

    #[test]
    fn times_that_overflow_are_refused() {
        let now = 1_800_000_000;
        assert!(start(&config(), now).is_ok_and(|start| start < now));
        let lengthen: [fn(&mut NetworkConfig); 4] = [
            |config| config.l1.block_time = u64::MAX,
            |config| config.slot_duration = u64::MAX,
            |config| config.lag_in_epochs_for_randao = u64::MAX,
            |config| config.epoch_duration = 1 << 40,
        ];
        for lengthen in lengthen {
            let mut config = config();
            lengthen(&mut config);
            let error = start(&config, now).expect_err("longer ago than 1970");
            assert!(matches!(error, ClockError::TooLong), "{error}");
        }
    }
}
