//! What anvil can be told beyond an L1's RPC: when to make blocks, what gas costs, which blocks never were.

pub mod impostor;
pub mod pool;

use alloy_primitives::{Address, B256};
use serde::Deserialize;
use serde_json::{Value, json};

use super::l1::{L1, quantity};
use super::rpc::RpcError;
use crate::namespace::Network;

/// anvil, the L1 of a test network.
#[derive(Debug, Clone)]
pub struct Anvil(L1);

/// A block of anvil's.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnvilBlock {
    /// Its number.
    #[serde(deserialize_with = "quantity")]
    pub number: u64,
    /// Its hash, `0x…`.
    pub hash: String,
    /// Its time, in Unix seconds.
    #[serde(deserialize_with = "quantity")]
    pub timestamp: u64,
    /// What a unit of gas costs in it at least, in wei.
    #[serde(deserialize_with = "quantity")]
    pub base_fee_per_gas: u64,
}

/// A transaction that is in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Included {
    /// Its hash.
    pub hash: B256,
    /// Whose it is.
    pub from: Address,
}

#[derive(Deserialize)]
struct Full {
    transactions: Vec<Included>,
}

impl Anvil {
    /// anvil in `pod`; a call takes 4 s at most.
    pub fn in_pod(network: &Network, pod: &str) -> Self {
        Self(L1::in_pod(network, pod))
    }

    /// Seconds between two blocks; `None` where none are made by the clock.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn interval(&self) -> Result<Option<u64>, RpcError> {
        self.0.0.call("anvil_getIntervalMining", json!([])).await
    }

    /// Has a block made so often; `None`: never.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn set_interval(&self, seconds: Option<u64>) -> Result<(), RpcError> {
        self.tell(interval_call(seconds)).await
    }

    /// Puts empty blocks in the place of the newest ones.
    ///
    /// # Errors
    /// [`RpcError`]; there are no more than all blocks.
    pub async fn reorg(&self, depth: u64) -> Result<(), RpcError> {
        self.tell(("anvil_reorg", json!([depth, []]))).await
    }

    /// What a unit of gas costs in the next block, in wei; later ones follow from it.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn set_base_fee(&self, wei: u64) -> Result<(), RpcError> {
        self.tell(base_fee_call(wei)).await
    }

    /// A block by its number; `None`: the newest.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn block(&self, number: Option<u64>) -> Result<AnvilBlock, RpcError> {
        let which = number.map_or("latest".to_owned(), |number| format!("{number:#x}"));
        let asked = json!([which, false]);
        self.0.0.call("eth_getBlockByNumber", asked).await
    }

    /// The transactions of a block, in their order.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn transactions(&self, number: u64) -> Result<Vec<Included>, RpcError> {
        let asked = json!([format!("{number:#x}"), true]);
        let block: Full = self.0.0.call("eth_getBlockByNumber", asked).await?;
        Ok(block.transactions)
    }

    async fn tell(&self, (method, params): (&str, Value)) -> Result<(), RpcError> {
        self.0.0.call::<Value>(method, params).await.map(drop)
    }
}

/// The method and the parameters of [`Anvil::set_interval`].
pub fn interval_call(seconds: Option<u64>) -> (&'static str, Value) {
    (
        "evm_setIntervalMining",
        json!([seconds.unwrap_or_default()]),
    )
}

/// The method and the parameters of [`Anvil::set_base_fee`].
pub fn base_fee_call(wei: u64) -> (&'static str, Value) {
    let fee = json!([format!("{wei:#x}")]);
    ("anvil_setNextBlockBaseFeePerGas", fee)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_read_as_anvil_writes_it() {
        let block = json!({"number": "0x2a", "hash": "0xab", "timestamp": "0x10", "baseFeePerGas": "0x174876e800", "uncles": []});
        let block: AnvilBlock = serde_json::from_value(block).expect("a block");
        assert_eq!((block.number, block.timestamp), (42, 16));
        assert_eq!(block.base_fee_per_gas, 100_000_000_000);
    }

    #[test]
    fn the_transactions_of_a_block_are_read_as_anvil_writes_them() {
        let from = Address::repeat_byte(0xa7);
        let one = json!({"hash": B256::ZERO, "from": from, "nonce": "0x7", "type": "0x3", "input": "0x01"});
        let block = json!({"number": "0x2a", "hash": "0xab", "transactions": [one]});
        let block: Full = serde_json::from_value(block).expect("a block");
        let hash = B256::ZERO;
        assert_eq!(block.transactions, [Included { hash, from }]);
    }
}
