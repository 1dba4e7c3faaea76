//! Transactions as `eth_signTransaction` takes them.

use alloy_consensus::{TxEip1559, TxEip4844};
use alloy_primitives::{Address, B256, Bytes, TxKind, U64, U128, U256};
use alloy_signer_local::PrivateKeySigner;
use serde::Deserialize;

use super::refusal::Refusal;
use crate::keys::wallet::signed;

/// What is to be signed. There is no type in it: blobs make it type 3, everything else is type 2. The blobs themselves
/// are not signed, only their hashes, so they are left out of the answer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Asked {
    pub(super) from: Address,
    to: Option<Address>,
    #[serde(default)]
    data: Bytes,
    #[serde(default)]
    value: U256,
    nonce: U64,
    gas: U64,
    max_fee_per_gas: U128,
    max_priority_fee_per_gas: U128,
    max_fee_per_blob_gas: Option<U128>,
    blob_versioned_hashes: Option<Vec<B256>>,
}

impl Asked {
    /// The transaction with its signature.
    pub(super) fn sign(self, key: &PrivateKeySigner, chain_id: u64) -> Result<Bytes, Refusal> {
        let signed = match self.blob_versioned_hashes.clone() {
            Some(hashes) if !hashes.is_empty() => signed(self.with_blobs(hashes, chain_id)?, key),
            _ => signed(self.plain(chain_id), key),
        };
        signed.map_err(Refusal::of_params)
    }

    fn plain(self, chain_id: u64) -> TxEip1559 {
        TxEip1559 {
            chain_id,
            nonce: self.nonce.to(),
            gas_limit: self.gas.to(),
            max_fee_per_gas: self.max_fee_per_gas.to(),
            max_priority_fee_per_gas: self.max_priority_fee_per_gas.to(),
            to: self.to.map_or(TxKind::Create, TxKind::Call),
            value: self.value,
            input: self.data,
            ..TxEip1559::default()
        }
    }

    fn with_blobs(self, hashes: Vec<B256>, chain_id: u64) -> Result<TxEip4844, Refusal> {
        let missing = |what| Refusal::of_params(format!("a transaction with blobs needs {what}"));
        Ok(TxEip4844 {
            chain_id,
            nonce: self.nonce.to(),
            gas_limit: self.gas.to(),
            max_fee_per_gas: self.max_fee_per_gas.to(),
            max_priority_fee_per_gas: self.max_priority_fee_per_gas.to(),
            to: self.to.ok_or_else(|| missing("`to`"))?,
            value: self.value,
            input: self.data,
            blob_versioned_hashes: hashes,
            max_fee_per_blob_gas: self
                .max_fee_per_blob_gas
                .ok_or_else(|| missing("`maxFeePerBlobGas`"))?
                .to(),
            ..TxEip4844::default()
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use alloy_consensus::Signed;
    use alloy_consensus::transaction::RlpEcdsaDecodableTx;

    /// Reads a signed transaction of a type.
    pub(crate) fn decode<T: RlpEcdsaDecodableTx>(kind: u8, bytes: &[u8]) -> Signed<T> {
        assert_eq!(bytes[0], kind, "the type of the transaction");
        T::rlp_decode_signed(&mut &bytes[1..]).expect("decodes")
    }
}
