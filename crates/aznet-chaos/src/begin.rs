//! When a fault begins: shortly before a slot, or while an epoch is being proved.

use std::time::Duration;

use aznet_kit::wait::{self, Deadline, Look};
use aznet_model::chain::Slot;
use aznet_network::namespace::Network;
use aznet_network::validators::Address;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::chain::Chain;
use crate::error::ChaosError;
use crate::proving;

/// Seconds before its slot in which a fault is applied: a proposer builds half a second before it begins.
const EARLIER: u64 = 3;
/// How late a wait may be.
const LATE: Duration = Duration::from_secs(2);

/// When experiments begin.
#[derive(Debug, Clone)]
pub(crate) enum Begin {
    /// Shortly before a slot.
    Slot(Turning),
    /// While one of these pods is at an epoch's proof.
    Proving {
        /// Prover nodes.
        provers: Vec<String>,
        /// How long that is waited for.
        within: Duration,
    },
}

/// A slot in which experiments begin.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turning {
    pub(crate) slot: Slot,
    /// When the slot begins, in Unix seconds.
    pub(crate) at: u64,
    /// Whose turn it was to be.
    pub(crate) proposer: Option<Address>,
}

impl Begin {
    /// Waits until it is time.
    pub(crate) async fn reached(
        &self,
        network: &Network,
        chain: Option<&Chain>,
        cancel: &CancellationToken,
    ) -> Result<(), ChaosError> {
        match self {
            Self::Slot(turning) => turning.reached(chain, cancel).await,
            Self::Proving { provers, within } => {
                proving::reached(network, provers, *within, cancel).await
            }
        }
    }

    /// When it is time at the latest, in Unix seconds; `now` is one of them.
    pub(crate) const fn at_latest(&self, now: u64) -> u64 {
        match self {
            Self::Slot(turning) if turning.at > now => turning.at,
            Self::Slot(_) => now,
            Self::Proving { within, .. } => now + within.as_secs(),
        }
    }
}

impl Turning {
    /// Waits until shortly before its slot.
    async fn reached(
        self,
        chain: Option<&Chain>,
        cancel: &CancellationToken,
    ) -> Result<(), ChaosError> {
        let begin = Timestamp::from_second(i64::try_from(self.at - EARLIER).unwrap_or(i64::MAX));
        let begin = begin.unwrap_or(Timestamp::MAX);
        let late = Timestamp::now().duration_since(begin);
        if late > jiff::SignedDuration::from_secs(i64::try_from(EARLIER).unwrap_or_default()) {
            return Err(ChaosError::TooLate { slot: self.slot });
        }
        let left = begin.duration_since(Timestamp::now());
        let left = Duration::try_from(left).unwrap_or_default();
        let deadline = Deadline::after(left + LATE).every(Duration::from_millis(100));
        let what = format!("{} to begin", self.slot);
        wait::until(what, deadline, cancel, |_| async {
            let left = begin.duration_since(Timestamp::now());
            Ok::<_, ChaosError>(if left.is_positive() {
                Look::Pending(format!("in {} s", left.as_secs() + 1))
            } else {
                Look::Done(())
            })
        })
        .await?;
        match (chain, self.proposer) {
            // Until an epoch's first checkpoint is on the L1, the proposers of the next may change.
            (Some(chain), Some(expected)) if chain.proposer(self.slot).await? != expected => {
                Err(ChaosError::Changed { slot: self.slot })
            }
            _ => Ok(()),
        }
    }
}
