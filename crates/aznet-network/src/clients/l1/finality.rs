//! What of the chain can't be taken back, not even with blocks of the L1.

use alloy_primitives::hex;
use alloy_sol_types::SolCall;
use aznet_model::{abi, chain::CheckpointNumber};
use serde_json::json;

use super::{L1Error, Rollup};

impl Rollup {
    /// The newest checkpoint that was proven as of the L1's newest final block, by which nodes know what is finalized.
    ///
    /// # Errors
    /// [`L1Error`], also where the L1 has no state of that block any more or the rollup was not there yet.
    pub async fn finalized(&self) -> Result<CheckpointNumber, L1Error> {
        const NAME: &str = "getTips";
        let call = abi::Rollup::getTipsCall {};
        let tips = self.call_at(call, NAME, "finalized").await?;
        Ok(CheckpointNumber(self.small(tips.proven, NAME)?))
    }

    /// Calls a function as of a block: its number or its tag.
    pub(super) async fn call_at<C: SolCall>(
        &self,
        call: C,
        name: &'static str,
        block: &str,
    ) -> Result<C::Return, L1Error> {
        let transaction =
            json!({"to": self.address, "data": hex::encode_prefixed(call.abi_encode())});
        let answer: String = self
            .l1
            .0
            .call("eth_call", json!([transaction, block]))
            .await?;
        let bad = || L1Error::BadReturn {
            call: name,
            rollup: self.address,
            answer: answer.clone(),
        };
        let bytes = hex::decode(&answer).map_err(|_| bad())?;
        C::abi_decode_returns(&bytes).map_err(|_| bad())
    }
}
