//! The L1 side: the rollup contract read by `eth_call`, and the L1's own heads.

mod finality;
pub mod published;
pub mod stakes;

use std::time::Duration;

use alloy_primitives::{Address, B256, U256, hex};
use alloy_sol_types::{SolCall, SolEvent};
use aznet_model::{
    abi,
    chain::{CheckpointNumber, Epoch, L1Block, Slot},
    timing::Timing,
};
use serde::Serialize;
use serde_json::json;

use super::rpc::{PATIENCE, PodRpc, RpcError};
use crate::namespace::Network;

/// anvil's JSON-RPC port.
pub const PORT: u16 = 8545;

/// Why the L1 has no answer.
#[derive(Debug, thiserror::Error)]
pub enum L1Error {
    /// The call failed.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// The rollup's answer isn't of the expected type: another contract, or another version of it.
    #[error(
        "{call} of the rollup at {rollup}: answer {answer} can't be read: is this Aztec 4's rollup?"
    )]
    BadReturn {
        /// The function called.
        call: &'static str,
        /// The contract.
        rollup: Address,
        /// The bytes returned.
        answer: String,
    },
    /// A node named an address that is none.
    #[error("`{0}` is no L1 address")]
    BadAddress(String),
}

/// An L1 JSON-RPC.
#[derive(Debug, Clone)]
pub struct L1(pub PodRpc);

/// The rollup contract on an L1.
#[derive(Debug, Clone)]
pub struct Rollup {
    l1: L1,
    address: Address,
}

/// The L1's own heads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct L1Heads {
    /// The newest block.
    pub block: L1Block,
    /// The newest final block.
    pub finalized: L1Block,
    /// Time of the newest block, in Unix seconds.
    pub timestamp: u64,
}

/// The rollup's tips on L1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RollupTips {
    /// The newest checkpoint.
    pub pending: CheckpointNumber,
    /// The newest proven checkpoint.
    pub proven: CheckpointNumber,
}

/// Checkpoints that the rollup took back, since no proof of theirs came in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Prune {
    /// The first of them.
    pub first: CheckpointNumber,
    /// The last of them.
    pub last: CheckpointNumber,
    /// When, in Unix seconds.
    pub timestamp: u64,
}

/// A checkpoint on L1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct L1Checkpoint {
    /// Its number.
    pub number: CheckpointNumber,
    /// Hash of its header, `0x…`, by which nodes know it too.
    pub hash: String,
    /// Its slot.
    pub slot: Slot,
}

impl L1 {
    /// anvil in `pod`; a call takes 4 s at most.
    pub fn in_pod(network: &Network, pod: &str) -> Self {
        let rpc = PodRpc::new(network.client().clone(), network.namespace(), pod, PORT);
        Self(rpc.with_timeout(PATIENCE))
    }

    /// The newest and the newest final block.
    pub async fn heads(&self) -> Result<L1Heads, RpcError> {
        let (latest, finalized) =
            futures::try_join!(self.block("latest"), self.block("finalized"))?;
        Ok(L1Heads {
            block: L1Block(latest.number.0),
            finalized: L1Block(finalized.number.0),
            timestamp: latest.timestamp.0,
        })
    }

    /// The L1's chain id.
    pub async fn chain_id(&self) -> Result<u64, RpcError> {
        Ok(self.0.call::<Hex>("eth_chainId", json!([])).await?.0)
    }

    /// What an account has, in wei.
    pub async fn balance(&self, account: Address) -> Result<U256, RpcError> {
        self.0
            .call("eth_getBalance", json!([account, "latest"]))
            .await
    }

    async fn block(&self, tag: &str) -> Result<Block, RpcError> {
        self.0
            .call("eth_getBlockByNumber", json!([tag, false]))
            .await
    }
}

impl Rollup {
    /// The rollup at `address` (`0x…`).
    ///
    /// # Errors
    /// [`L1Error::BadAddress`].
    pub fn new(l1: L1, address: &str) -> Result<Self, L1Error> {
        let address = address
            .parse()
            .map_err(|_| L1Error::BadAddress(address.to_owned()))?;
        Ok(Self { l1, address })
    }

    /// Genesis and lengths of slots and epochs.
    pub async fn timing(&self) -> Result<Timing, L1Error> {
        let (genesis, slot, epoch, proof) = futures::try_join!(
            self.number(abi::Rollup::getGenesisTimeCall {}, "getGenesisTime"),
            self.number(abi::Rollup::getSlotDurationCall {}, "getSlotDuration"),
            self.number(abi::Rollup::getEpochDurationCall {}, "getEpochDuration"),
            self.number(
                abi::Rollup::getProofSubmissionEpochsCall {},
                "getProofSubmissionEpochs"
            ),
        )?;
        Ok(Timing {
            genesis,
            slot: Duration::from_secs(slot),
            epoch_slots: epoch,
            proof_submission_epochs: proof,
        })
    }

    /// Validators that may be drawn into a committee.
    pub async fn active_attesters(&self) -> Result<u64, L1Error> {
        self.number(
            abi::Rollup::getActiveAttesterCountCall {},
            "getActiveAttesterCount",
        )
        .await
    }

    /// The committee size that the network was deployed with.
    pub async fn target_committee_size(&self) -> Result<u64, L1Error> {
        self.number(
            abi::Rollup::getTargetCommitteeSizeCall {},
            "getTargetCommitteeSize",
        )
        .await
    }

    /// The committee of `epoch`; the contract refuses epochs that can't be sampled yet.
    pub async fn committee(&self, epoch: Epoch) -> Result<Vec<Address>, L1Error> {
        self.call(
            abi::Rollup::getEpochCommitteeCall {
                epoch: U256::from(epoch.0),
            },
            "getEpochCommittee",
        )
        .await
    }

    /// The newest checkpoint and the newest proven one.
    pub async fn tips(&self) -> Result<RollupTips, L1Error> {
        let tips = self.call(abi::Rollup::getTipsCall {}, "getTips").await?;
        Ok(RollupTips {
            pending: CheckpointNumber(self.small(tips.pending, "getTips")?),
            proven: CheckpointNumber(self.small(tips.proven, "getTips")?),
        })
    }

    /// The checkpoint of this number; the contract refuses those that it has not, or not any more.
    pub async fn checkpoint(&self, number: CheckpointNumber) -> Result<L1Checkpoint, L1Error> {
        let call = abi::Rollup::getCheckpointCall {
            number: U256::from(number.0),
        };
        let found = self.call(call, "getCheckpoint").await?;
        Ok(L1Checkpoint {
            number,
            hash: found.headerHash.to_string(),
            slot: Slot(self.small(found.slotNumber, "getCheckpoint")?),
        })
    }

    /// Whether anyone may take back now what was not proven in time.
    pub async fn can_prune(&self) -> Result<bool, L1Error> {
        let newest = self.l1.block("latest").await?;
        let call = abi::Rollup::canPruneAtTimeCall {
            timestamp: U256::from(newest.timestamp.0),
        };
        self.call(call, "canPruneAtTime").await
    }

    /// The newest prune within so much time before the L1's newest block.
    pub async fn last_prune(&self, within: Duration) -> Result<Option<Prune>, L1Error> {
        let newest = self.l1.block("latest").await?;
        // A block takes a second or more.
        let from = L1Block(newest.number.0.saturating_sub(within.as_secs()));
        let prunes = self
            .events::<abi::Rollup::PrunedPending>(from, "PrunedPending")
            .await?;
        let Some((event, block)) = prunes.last() else {
            return Ok(None);
        };
        let block = self.l1.block(&format!("{:#x}", block.0)).await?;
        let prune = Prune {
            first: CheckpointNumber(self.small(event.provenCheckpointNumber, "PrunedPending")? + 1),
            last: CheckpointNumber(self.small(event.pendingCheckpointNumber, "PrunedPending")?),
            timestamp: block.timestamp.0,
        };
        let oldest = newest.timestamp.0.saturating_sub(within.as_secs());
        Ok(Some(prune).filter(|prune| prune.timestamp >= oldest))
    }

    /// Checkpoints that came to L1 since the block `from`, and in which block.
    pub async fn proposed(
        &self,
        from: L1Block,
    ) -> Result<Vec<(CheckpointNumber, L1Block)>, L1Error> {
        const NAME: &str = "CheckpointProposed";
        let events = self
            .events::<abi::Rollup::CheckpointProposed>(from, NAME)
            .await?;
        let events = events.into_iter();
        let events = events.map(|(event, block)| (event.checkpointNumber, block));
        self.numbered(events, NAME)
    }

    /// The archives of checkpoints that came to L1 since the block `from`.
    pub async fn archives(&self, from: L1Block) -> Result<Vec<B256>, L1Error> {
        let events = self
            .events::<abi::Rollup::CheckpointProposed>(from, "CheckpointProposed")
            .await?;
        Ok(events.into_iter().map(|(event, _)| event.archive).collect())
    }

    /// Checkpoints that were taken back since the block `from`, since a quorum had not attested to them; and in which block.
    pub async fn invalidated(
        &self,
        from: L1Block,
    ) -> Result<Vec<(CheckpointNumber, L1Block)>, L1Error> {
        const NAME: &str = "CheckpointInvalidated";
        let events = self
            .events::<abi::Rollup::CheckpointInvalidated>(from, NAME)
            .await?;
        let events = events.into_iter();
        let events = events.map(|(event, block)| (event.checkpointNumber, block));
        self.numbered(events, NAME)
    }

    fn numbered(
        &self,
        events: impl Iterator<Item = (U256, L1Block)>,
        name: &'static str,
    ) -> Result<Vec<(CheckpointNumber, L1Block)>, L1Error> {
        let number = |(number, block)| Ok((CheckpointNumber(self.small(number, name)?), block));
        events.map(number).collect()
    }

    /// The attester whose turn it was when an L1 block was made.
    pub async fn proposer_of(&self, block: L1Block) -> Result<Address, L1Error> {
        let block = self.l1.block(&format!("{:#x}", block.0)).await?;
        self.proposer_at(block.timestamp.0).await
    }

    /// The attester whose turn it is at a time in this epoch or the next, in Unix seconds.
    pub async fn proposer_at(&self, timestamp: u64) -> Result<Address, L1Error> {
        let call = abi::Rollup::getProposerAtCall {
            timestamp: U256::from(timestamp),
        };
        self.call(call, "getProposerAt").await
    }

    async fn events<E: SolEvent>(
        &self,
        from: L1Block,
        name: &'static str,
    ) -> Result<Vec<(E, L1Block)>, L1Error> {
        let logs = self.logs::<E>(from).await?;
        let read = |log: Log| {
            let event = hex::decode(&log.data)
                .ok()
                .and_then(|data| E::decode_raw_log(&log.topics, &data).ok());
            let event = event.ok_or_else(|| L1Error::BadReturn {
                call: name,
                rollup: self.address,
                answer: log.data,
            })?;
            Ok((event, L1Block(log.block_number.0)))
        };
        logs.into_iter().map(read).collect()
    }

    async fn logs<E: SolEvent>(&self, from: L1Block) -> Result<Vec<Log>, RpcError> {
        let filter = json!([{
            "address": self.address,
            "topics": [E::SIGNATURE_HASH],
            "fromBlock": format!("{:#x}", from.0),
            "toBlock": "latest",
        }]);
        self.l1.0.call("eth_getLogs", filter).await
    }

    async fn number<C: SolCall<Return = U256>>(
        &self,
        call: C,
        name: &'static str,
    ) -> Result<u64, L1Error> {
        let value = self.call(call, name).await?;
        self.small(value, name)
    }

    fn small(&self, value: U256, call: &'static str) -> Result<u64, L1Error> {
        u64::try_from(value).map_err(|_| L1Error::BadReturn {
            call,
            rollup: self.address,
            answer: value.to_string(),
        })
    }

    async fn call<C: SolCall>(&self, call: C, name: &'static str) -> Result<C::Return, L1Error> {
        self.call_at(call, name, "latest").await
    }
}

#[derive(serde::Deserialize)]
struct Block {
    number: Hex,
    timestamp: Hex,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Log {
    block_number: Hex,
    transaction_hash: B256,
    topics: Vec<B256>,
    data: String,
}

/// A JSON-RPC quantity, `0x2a`.
#[derive(serde::Deserialize)]
#[serde(try_from = "String")]
struct Hex(u64);

impl TryFrom<String> for Hex {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digits = text
            .strip_prefix("0x")
            .ok_or_else(|| format!("`{text}` has no 0x"))?;
        u64::from_str_radix(digits, 16)
            .map(Self)
            .map_err(|error| format!("`{text}`: {error}"))
    }
}

/// Reads a JSON-RPC quantity, `0x2a`.
pub(crate) fn quantity<'de, D: serde::Deserializer<'de>>(value: D) -> Result<u64, D::Error> {
    <Hex as serde::Deserialize>::deserialize(value).map(|hex| hex.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Releases differ in what follows the slot.
    #[test]
    fn a_checkpoint_is_read_from_its_first_fields() {
        let word = |n: u8| [[0; 31].as_slice(), &[n]].concat();
        let answer: Vec<u8> = (1..=12).flat_map(word).collect();
        let read = abi::Rollup::getCheckpointCall::abi_decode_returns(&answer).unwrap();
        assert_eq!(read.slotNumber, U256::from(7));
        assert_eq!(read.headerHash.to_string(), format!("0x{:064x}", 2));
    }

    #[test]
    fn quantities_are_hexadecimal() {
        let block: Block = serde_json::from_str(r#"{"number":"0x2a","timestamp":"0x0"}"#).unwrap();
        assert_eq!((block.number.0, block.timestamp.0), (42, 0));
        assert!(serde_json::from_str::<Hex>(r#""42""#).is_err());
    }
}
