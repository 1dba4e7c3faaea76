//! Whose turn it is to misbehave, and when.

use std::time::Duration;

use aznet_model::{
    chain::{L1Block, Slot},
    timing::Timing,
};
use aznet_network::validators::Address;
use jiff::Timestamp;

/// Whose turn it is to misbehave.
pub(super) struct Turn {
    pub(super) slot: Slot,
    pub(super) pod: String,
    /// Another pod with which it is no quorum.
    pub(super) accomplice: Option<String>,
    pub(super) attesters: Vec<Address>,
    pub(super) timing: Timing,
    /// The L1 before anything was done.
    pub(super) from: L1Block,
    pub(super) since: Timestamp,
}

impl Turn {
    /// Until the slot is over.
    pub(super) fn left(&self) -> Duration {
        let now = u64::try_from(Timestamp::now().as_second()).unwrap_or_default();
        let end = self.timing.genesis + (self.slot.0 + 1) * self.timing.slot.as_secs();
        Duration::from_secs(end.saturating_sub(now))
    }
}
