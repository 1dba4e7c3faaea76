//! What attesters have at stake, and what was taken of it.

use alloy_primitives::{Address, U256};
use aznet_model::{abi, chain::L1Block};

use super::{L1Error, Rollup};

/// An attester that lost stake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slash {
    /// Who.
    pub attester: Address,
    /// What it lost, in the staking asset's smallest unit.
    pub amount: U256,
    /// In which block.
    pub block: L1Block,
}

impl Rollup {
    /// Every slash since the block `from`, in order.
    ///
    /// # Errors
    /// [`L1Error`].
    pub async fn slashes(&self, from: L1Block) -> Result<Vec<Slash>, L1Error> {
        let events = self.events::<abi::Rollup::Slashed>(from, "Slashed").await?;
        let slash = |(event, block): (abi::Rollup::Slashed, L1Block)| Slash {
            attester: event.attester,
            amount: event.amount,
            block,
        };
        Ok(events.into_iter().map(slash).collect())
    }

    /// What an attester has at stake, in the staking asset's smallest unit; 0 for one that is in no set.
    ///
    /// # Errors
    /// [`L1Error`].
    pub async fn stake(&self, attester: Address) -> Result<U256, L1Error> {
        let call = abi::Rollup::getAttesterViewCall { attester };
        Ok(self.call(call, "getAttesterView").await?.effectiveBalance)
    }
}
