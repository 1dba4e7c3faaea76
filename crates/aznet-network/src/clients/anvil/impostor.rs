//! An account that anyone may send from: anvil takes its transactions unsigned, and mines them as any other.

use alloy_primitives::{Address, B256, Bytes};
use aznet_model::chain::L1Block;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Anvil;
use crate::clients::{l1::quantity, rpc::RpcError};

/// What it has, in wei: 1,000 ETH.
const WEALTH: &str = "0x3635c9adc5dea00000";
/// Gas of each of its transactions; nothing is estimated, since an estimate fails where the
/// transaction would. 2,000,000: a block has room for fourteen.
const GAS: &str = "0x1e8480";
/// What it pays for gas: more than anyone else, so that it comes first in its block. 1,000 gwei.
const PRICE: &str = "0xe8d4a51000";

/// An account of nobody's that transactions are sent from.
#[derive(Debug, Clone)]
pub struct Impostor {
    anvil: Anvil,
    account: Address,
}

/// A transaction in a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mined {
    /// Its block.
    pub block: L1Block,
    /// Whether it was executed, and not reverted.
    pub executed: bool,
    /// What it returned, or reverted with.
    pub output: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Receipt {
    #[serde(deserialize_with = "quantity")]
    block_number: u64,
    #[serde(deserialize_with = "quantity")]
    status: u64,
}

#[derive(Deserialize)]
struct Trace {
    #[serde(default)]
    output: Bytes,
}

impl Impostor {
    /// Gives the account wealth, and has anvil take what it sends.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn enter(anvil: Anvil, account: Address) -> Result<Self, RpcError> {
        anvil
            .tell(("anvil_setBalance", json!([account, WEALTH])))
            .await?;
        Self::pose(anvil, account).await
    }

    /// Has anvil take what somebody's account sends; it keeps what it has.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn pose(anvil: Anvil, account: Address) -> Result<Self, RpcError> {
        anvil
            .tell(("anvil_impersonateAccount", json!([account])))
            .await?;
        Ok(Self { anvil, account })
    }

    /// Whose it is.
    pub const fn account(&self) -> Address {
        self.account
    }

    /// Sends a transaction, with blobs that are on L1 already; its hash.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn send(&self, to: Address, data: &[u8], blobs: &[B256]) -> Result<B256, RpcError> {
        let mut transaction = json!({
            "from": self.account, "to": to, "data": Bytes::copy_from_slice(data), "gas": GAS,
            "maxFeePerGas": PRICE, "maxPriorityFeePerGas": PRICE,
        });
        if !blobs.is_empty() {
            transaction["type"] = json!("0x3");
            transaction["maxFeePerBlobGas"] = json!(PRICE);
            transaction["blobVersionedHashes"] = json!(blobs);
        }
        let rpc = &self.anvil.0.0;
        rpc.call("eth_sendTransaction", json!([transaction])).await
    }

    /// What became of a transaction; `None` while it is in no block.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn mined(&self, hash: B256) -> Result<Option<Mined>, RpcError> {
        let rpc = &self.anvil.0.0;
        let receipt: Option<Receipt> = rpc.call("eth_getTransactionReceipt", json!([hash])).await?;
        let Some(receipt) = receipt else {
            return Ok(None);
        };
        let tracer = json!([hash, {"tracer": "callTracer"}]);
        let trace: Trace = rpc.call("debug_traceTransaction", tracer).await?;
        Ok(Some(Mined {
            block: L1Block(receipt.block_number),
            executed: receipt.status == 1,
            output: trace.output,
        }))
    }

    /// Has anvil take nothing more from it.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn leave(self) -> Result<(), RpcError> {
        let account = json!([self.account]);
        let left: Result<Value, RpcError> = self
            .anvil
            .0
            .0
            .call("anvil_stopImpersonatingAccount", account)
            .await;
        left.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_anvil_says_of_a_reverted_transaction_is_read() {
        let receipt = json!({"blockNumber": "0x2a", "status": "0x0", "type": "0x3"});
        let receipt: Receipt = serde_json::from_value(receipt).expect("a receipt");
        assert_eq!((receipt.block_number, receipt.status), (42, 0));
        let trace = json!({"type": "CALL", "error": "execution reverted", "output": "0xa5b2ba17"});
        let trace: Trace = serde_json::from_value(trace).expect("a trace");
        assert_eq!(trace.output.as_ref(), [0xa5, 0xb2, 0xba, 0x17]);
    }
}
