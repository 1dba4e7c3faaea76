//! Transactions that wait for a block.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Anvil;
use crate::clients::rpc::RpcError;

/// A transaction that waits for a block.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Waiting {
    /// Its hash.
    pub hash: B256,
    /// Whose it is.
    pub from: Address,
    /// What it calls.
    pub input: Bytes,
}

#[derive(Deserialize)]
struct Pool {
    /// By account and nonce.
    pending: BTreeMap<Address, BTreeMap<String, Waiting>>,
}

impl Anvil {
    /// What could be in the next block.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn waiting(&self) -> Result<Vec<Waiting>, RpcError> {
        let pool: Pool = self.0.0.call("txpool_content", json!([])).await?;
        let accounts = pool.pending.into_values();
        Ok(accounts.flat_map(BTreeMap::into_values).collect())
    }

    /// Forgets a transaction that waits; whether it still did.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn forget(&self, transaction: B256) -> Result<bool, RpcError> {
        let call = ("anvil_dropTransaction", json!([transaction]));
        let dropped: Value = self.0.0.call(call.0, call.1).await?;
        Ok(!dropped.is_null())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_read_as_anvil_writes_it() {
        let account = Address::repeat_byte(0xa7);
        let waiting = json!({"hash": B256::ZERO, "from": account, "input": "0x01", "nonce": "0x7", "type": "0x3"});
        let pool = json!({"pending": {account.to_string(): {"7": waiting}}, "queued": {}});
        let pool: Pool = serde_json::from_value(pool).expect("a pool");
        let first = pool.pending[&account]["7"].clone();
        assert_eq!((first.from, first.input.as_ref()), (account, &[1][..]));
    }
}
