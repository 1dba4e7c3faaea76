//! The L1, as far as a pod looks at it; and on the chart's own anvil, what a pod may do to it.

use alloy_primitives::{Address, B256, Bytes, U64, U128, U256};
use alloy_sol_types::SolCall;
use aznet_kit::error::chain;
use aznet_kit::wait::{Look, WaitError};
use aznet_model::config;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use thiserror::Error;

use crate::wait::TimeLimit;
use aznet_kit::rpc::{Rpc, RpcError};

/// Why the L1 gave no usable answer.
#[derive(Debug, Error)]
pub(crate) enum L1Error {
    /// The call itself.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// A contract answered with something else than its interface says.
    #[error("contract {contract} does not answer {call} as Aztec 4.x does")]
    Abi {
        /// Address of the contract.
        contract: Address,
        /// Signature of the call.
        call: &'static str,
        /// What the decoder says.
        #[source]
        source: Box<alloy_sol_types::Error>,
    },
    /// No server of the L1 answered in time.
    #[error(transparent)]
    Wait(#[from] WaitError),
    /// A server is on another chain.
    #[error("{server} is chain {seen}, the network's l1.chainId is {expected}")]
    OtherChain {
        /// `scheme://host:port`.
        server: String,
        /// Its chain id.
        seen: u64,
        /// That of the configuration.
        expected: u64,
    },
}

impl L1Error {
    /// Whether no restart of the pod can mend it.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::OtherChain { .. })
    }

    /// Whether the server answered, but refused: for a read, the contract reverted.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, Self::Rpc(RpcError::Refused { .. }))
    }
}

/// A block's head.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Block {
    /// Hash.
    pub(crate) hash: B256,
    /// Seconds since 1970.
    pub(crate) timestamp: U64,
    /// Wei per gas.
    #[serde(rename = "baseFeePerGas")]
    base_fee_per_gas: Option<U128>,
}

#[derive(Debug, Deserialize)]
struct Event {
    topics: Vec<B256>,
}

#[derive(Debug, Deserialize)]
struct Receipt {
    status: U64,
}

/// What became of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Not in a block yet.
    Pending,
    /// In a block, and it worked.
    Succeeded,
    /// In a block, and it reverted.
    Reverted,
}

/// An execution client.
#[derive(Debug, Clone)]
pub(crate) struct L1 {
    rpc: Rpc,
}

impl L1 {
    /// Waits until one of the configured URLs answers with the configured chain id.
    pub(crate) fn wait(config: &config::L1, limit: TimeLimit) -> Result<Self, L1Error> {
        limit.until("the L1", || {
            let mut seen = Vec::new();
            for url in &config.execution_urls {
                match Self::on_chain(url, config.chain_id) {
                    Err(error) if !error.is_final() => seen.push(chain(&error)),
                    found => return found.map(Look::Done),
                }
            }
            Ok(Look::Pending(seen.join("; ")))
        })
    }

    fn on_chain(url: &str, expected: u64) -> Result<Self, L1Error> {
        let rpc = Rpc::new(url);
        let l1 = Self { rpc };
        let seen: U64 = l1.call("eth_chainId", &json!([]), "a chain id")?;
        let seen = seen.to::<u64>();
        if seen == expected {
            return Ok(l1);
        }
        let server = l1.rpc.server();
        Err(L1Error::OtherChain {
            server,
            seen,
            expected,
        })
    }

    /// The L1 at a URL that is known to be right.
    pub(crate) fn at(url: &str) -> Self {
        Self { rpc: Rpc::new(url) }
    }

    /// The block `tag` names (`latest`, `finalized`, `0x0`, …).
    pub(crate) fn block(&self, tag: &str) -> Result<Block, L1Error> {
        self.call("eth_getBlockByNumber", &json!([tag, false]), "a block")
    }

    /// Whether there is a contract at `address`.
    pub(crate) fn has_code(&self, address: Address) -> Result<bool, L1Error> {
        let code: Bytes = self.call("eth_getCode", &json!([address, "latest"]), "bytes")?;
        Ok(!code.is_empty())
    }

    /// Balance in wei.
    pub(crate) fn balance(&self, address: Address) -> Result<U256, L1Error> {
        self.call("eth_getBalance", &json!([address, "latest"]), "an amount")
    }

    /// Reads from a contract.
    pub(crate) fn read<C: SolCall>(
        &self,
        contract: Address,
        call: &C,
    ) -> Result<C::Return, L1Error> {
        let data = Bytes::from(call.abi_encode());
        let params = json!([{"to": contract, "data": data}, "latest"]);
        let answer: Bytes = self.call("eth_call", &params, "bytes")?;
        C::abi_decode_returns(&answer).map_err(|source| L1Error::Abi {
            contract,
            call: C::SIGNATURE,
            source: Box::new(source),
        })
    }

    /// Reads a number that fits 64 bits; a larger one is cut to their limit.
    pub(crate) fn number<C: SolCall<Return = U256>>(
        &self,
        contract: Address,
        call: &C,
    ) -> Result<u64, L1Error> {
        Ok(self.read(contract, call)?.saturating_to())
    }

    /// What became of a transaction.
    pub(crate) fn fate(&self, transaction: B256) -> Result<Fate, L1Error> {
        let params = json!([transaction]);
        let receipt: Option<Receipt> =
            self.call("eth_getTransactionReceipt", &params, "a receipt")?;
        Ok(match receipt {
            None => Fate::Pending,
            Some(receipt) if receipt.status == U64::from(1) => Fate::Succeeded,
            Some(_) => Fate::Reverted,
        })
    }

    /// Events that `contract` emitted with one of these topics first, since the chain's beginning: the topics of each.
    pub(crate) fn events(
        &self,
        contract: Address,
        first: &[B256],
    ) -> Result<Vec<Vec<B256>>, L1Error> {
        let filter = json!([{"address": contract, "topics": [first], "fromBlock": "0x0"}]);
        let events: Vec<Event> = self.call("eth_getLogs", &filter, "events")?;
        Ok(events.into_iter().map(|event| event.topics).collect())
    }

    /// The hash of the chain's first block, by which one L1 is told from another of the same id.
    pub(crate) fn genesis(&self) -> Result<B256, L1Error> {
        Ok(self.block("0x0")?.hash)
    }

    /// How many transactions an account has sent, those not in a block yet included.
    pub(crate) fn nonce(&self, account: Address) -> Result<u64, L1Error> {
        let params = json!([account, "pending"]);
        let count: U64 = self.call("eth_getTransactionCount", &params, "a number")?;
        Ok(count.to())
    }

    /// What a transaction costs at present, in wei per gas: at most, and the tip in it.
    pub(crate) fn fees(&self) -> Result<(u128, u128), L1Error> {
        let tip: U128 = self.call("eth_maxPriorityFeePerGas", &json!([]), "an amount")?;
        let block = self.block("latest")?;
        let base = block.base_fee_per_gas.unwrap_or_default();
        // Room for the base fee to double before the transaction is in a block.
        let most = base.saturating_mul(U128::from(2)).saturating_add(tip);
        Ok((most.to(), tip.to()))
    }

    /// Gas that a call takes, with a quarter to spare; a call that would revert is refused, in the node's words.
    pub(crate) fn gas(&self, from: Address, to: Address, data: &Bytes) -> Result<u64, L1Error> {
        let params = json!([{"from": from, "to": to, "data": data}]);
        let gas: U64 = self.call("eth_estimateGas", &params, "an amount")?;
        Ok(gas.to::<u64>().saturating_mul(5) / 4)
    }

    /// Sends a signed transaction.
    pub(crate) fn send_raw(&self, transaction: &Bytes) -> Result<B256, L1Error> {
        let params = json!([transaction]);
        self.call("eth_sendRawTransaction", &params, "a transaction hash")
    }

    /// anvil: gives `address` a balance.
    pub(crate) fn set_balance(&self, address: Address, wei: U256) -> Result<(), L1Error> {
        self.tell("anvil_setBalance", &json!([address, wei]))
    }

    /// anvil: sends a transaction in the name of `from`, whose key isn't needed; anvil picks the nonce.
    pub(crate) fn send_as<C: SolCall>(
        &self,
        from: Address,
        to: Address,
        call: &C,
    ) -> Result<B256, L1Error> {
        self.tell("anvil_impersonateAccount", &json!([from]))?;
        let data = Bytes::from(call.abi_encode());
        let params = json!([{"from": from, "to": to, "data": data}]);
        self.call("eth_sendTransaction", &params, "a transaction hash")
    }

    /// anvil: seconds between blocks; `None` while it mines only when there is a transaction.
    pub(crate) fn interval_mining(&self) -> Result<Option<u64>, L1Error> {
        self.call("anvil_getIntervalMining", &json!([]), "seconds or nothing")
    }

    /// anvil: a method that answers nothing of interest.
    pub(crate) fn tell(&self, method: &'static str, params: &Value) -> Result<(), L1Error> {
        self.rpc.call(method, params)?;
        Ok(())
    }

    fn call<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: &Value,
        expected: &'static str,
    ) -> Result<T, L1Error> {
        let answer = self.rpc.call(method, params)?;
        Ok(serde_json::from_value(answer).map_err(|_| self.rpc.unexpected(method, expected))?)
    }
}
