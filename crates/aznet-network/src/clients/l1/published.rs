//! What was published to a rollup, as it was sent.

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::{SolCall, SolEvent};
use aznet_model::{
    abi::{
        self,
        publishing::{self, Publishing},
    },
    chain::{CheckpointNumber, L1Block},
};
use serde::Deserialize;
use serde_json::json;

use super::{L1Error, Rollup, RpcError};

/// A checkpoint's transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The call.
    pub call: Publishing::proposeCall,
    /// Its blobs, by their versioned hashes.
    pub blobs: Vec<B256>,
}

/// A proof's transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The call.
    pub call: Publishing::submitEpochRootProofCall,
    /// When it came, in Unix seconds.
    pub timestamp: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Transaction {
    input: Bytes,
    #[serde(default)]
    blob_versioned_hashes: Vec<B256>,
}

impl Rollup {
    /// Where it is.
    pub const fn address(&self) -> Address {
        self.address
    }

    /// The newest checkpoint that came since the block `from`, as it was sent.
    ///
    /// # Errors
    /// [`L1Error`].
    pub async fn last_proposal(&self, from: L1Block) -> Result<Option<Proposal>, L1Error> {
        let found = self.last::<abi::Rollup::CheckpointProposed, Publishing::proposeCall>(from);
        let Some((call, transaction, _)) = found.await? else {
            return Ok(None);
        };
        Ok(Some(Proposal {
            call,
            blobs: transaction.blob_versioned_hashes,
        }))
    }

    /// The newest proof that came since the block `from`, as it was sent.
    ///
    /// # Errors
    /// [`L1Error`].
    pub async fn last_proof(&self, from: L1Block) -> Result<Option<Proof>, L1Error> {
        let found =
            self.last::<Publishing::L2ProofVerified, Publishing::submitEpochRootProofCall>(from);
        let Some((call, _, block)) = found.await? else {
            return Ok(None);
        };
        let timestamp = self.l1.block(&format!("{:#x}", block.0)).await?.timestamp.0;
        Ok(Some(Proof { call, timestamp }))
    }

    /// The root of the archive with this checkpoint as its last.
    ///
    /// # Errors
    /// [`L1Error`].
    pub async fn archive_at(&self, number: CheckpointNumber) -> Result<B256, L1Error> {
        let call = Publishing::archiveAtCall {
            checkpointNumber: U256::from(number.0),
        };
        self.call(call, "archiveAt").await
    }

    /// What a unit of mana costs at least at a time, in Unix seconds.
    ///
    /// # Errors
    /// [`L1Error`].
    pub async fn mana_min_fee_at(&self, timestamp: u64) -> Result<u128, L1Error> {
        let call = Publishing::getManaMinFeeAtCall {
            timestamp: U256::from(timestamp),
            inFeeAsset: true,
        };
        let fee = self.call(call, "getManaMinFeeAt").await?;
        u128::try_from(fee).map_err(|_| L1Error::BadReturn {
            call: "getManaMinFeeAt",
            rollup: self.address,
            answer: fee.to_string(),
        })
    }

    /// The call `C` that made the newest event `E` since the block `from`, in its transaction and its block.
    async fn last<E: SolEvent, C: SolCall>(
        &self,
        from: L1Block,
    ) -> Result<Option<(C, Transaction, L1Block)>, L1Error> {
        let Some(log) = self.logs::<E>(from).await?.pop() else {
            return Ok(None);
        };
        let transaction = self.transaction(log.transaction_hash).await?;
        let call = publishing::call_in(&transaction.input);
        let call = call.ok_or_else(|| L1Error::BadReturn {
            call: C::SIGNATURE,
            rollup: self.address,
            answer: log.transaction_hash.to_string(),
        })?;
        Ok(Some((call, transaction, L1Block(log.block_number.0))))
    }

    async fn transaction(&self, hash: B256) -> Result<Transaction, RpcError> {
        self.l1
            .0
            .call("eth_getTransactionByHash", json!([hash]))
            .await
    }
}
