//! Faults of a test network's own L1, through anvil's RPC.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::FaultDuration;

/// The slowest L1: a look at two of its blocks must end within the fault's time.
const SLOWEST: Duration = Duration::from_mins(2);

/// A fault of the L1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct L1Fault {
    /// What is done.
    pub action: L1Action,
    /// Of `slow`: the time between two blocks, in whole seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_time: Option<FaultDuration>,
    /// Of `reorg`: how many of the newest blocks others take the place of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 64))]
    pub depth: Option<u64>,
    /// Of `base-fee`: the fee for each unit of gas, in gwei.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub gwei: Option<u64>,
}

/// What is done to the L1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum L1Action {
    /// It makes no blocks, and answers.
    Paused,
    /// Its blocks come more slowly.
    Slow,
    /// Its newest blocks are replaced by empty ones: their transactions are gone.
    Reorg,
    /// Its base fee is high.
    BaseFee,
}

impl L1Action {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Paused, Self::Slow, Self::Reorg, Self::BaseFee];

    /// As values write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::Slow => "slow",
            Self::Reorg => "reorg",
            Self::BaseFee => "base-fee",
        }
    }
}

impl L1Fault {
    /// Seconds between two blocks, of `slow`.
    pub fn seconds(&self) -> Option<u64> {
        let time = self.block_time.as_ref()?.duration();
        (time.subsec_nanos() == 0 && time > Duration::ZERO && time <= SLOWEST)
            .then_some(time.as_secs())
    }

    /// The base fee in wei, of `base-fee`.
    pub fn wei(&self) -> Option<u64> {
        Some(self.gwei? * 1_000_000_000)
    }
}
