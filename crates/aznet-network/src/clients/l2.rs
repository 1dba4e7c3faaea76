//! Typed calls to Aztec nodes: methods by the names that the network's release has, and of the answers only what is used
//! here. A word that is not known is kept as it is.

mod peer;

use std::collections::BTreeMap;
use std::fmt;

use alloy_primitives::B256;
use aznet_model::{
    chain::{BlockNumber, CheckpointNumber, Slot},
    release::{Methods, Release},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use self::peer::Peer;

use super::rpc::{PATIENCE, PodRpc, RpcError};
use crate::namespace::Network;

/// The public JSON-RPC port of every Aztec pod.
pub const PORT: u16 = 8080;

/// An Aztec node's public RPC.
#[derive(Debug, Clone)]
pub struct Node {
    rpc: PodRpc,
    methods: &'static Methods,
}

/// A block by number and hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockId {
    /// Its number; 0 is the genesis block.
    pub number: BlockNumber,
    /// Its hash, `0x…`.
    pub hash: String,
}

/// A checkpoint by number and hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointId {
    /// Its number; 0 is before the first.
    pub number: CheckpointNumber,
    /// Its hash, `0x…`.
    pub hash: String,
}

/// How far a chain is on L1: the last checkpoint and its last block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tip {
    /// The checkpoint's last block.
    pub block: BlockId,
    /// The checkpoint.
    pub checkpoint: CheckpointId,
}

/// The four heads of the chain, each behind the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct L2Tips {
    /// The newest block a proposer has sent round; may be pruned again.
    pub proposed: BlockId,
    /// Published to L1.
    pub checkpointed: Tip,
    /// Proven on L1.
    pub proven: Tip,
    /// Proven in an L1 block that is final.
    pub finalized: Tip,
}

/// What of a node's information is used here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeInfo {
    /// Version of the software.
    pub node_version: String,
    /// Chain id of the L1.
    pub l1_chain_id: u64,
    /// Version of the rollup: derived from its genesis.
    pub rollup_version: u64,
    /// Node record for peers; `None` without p2p.
    pub enr: Option<String>,
    /// Addresses on L1 by name: `rollupAddress`, `registryAddress`, ….
    #[serde(deserialize_with = "addresses")]
    pub l1_contract_addresses: BTreeMap<String, String>,
    /// Whether proofs are real.
    #[serde(default)]
    pub real_proofs: bool,
}

impl NodeInfo {
    /// The address of the L1 contract `name` (`rollup`, `registry`, …).
    pub fn contract(&self, name: &str) -> Option<&str> {
        self.l1_contract_addresses
            .get(&format!("{name}Address"))
            .map(String::as_str)
    }
}

/// What a validator did in a slot.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SlotDuty {
    /// Proposed, and the checkpoint is on L1.
    CheckpointMined,
    /// Proposed; not on L1. Until 4.x.
    CheckpointProposed,
    /// Proposed a valid checkpoint; not on L1. Since 5.0, as the next two.
    CheckpointValid,
    /// Proposed an invalid one.
    CheckpointInvalid,
    /// Proposed one that the sentinel did not check.
    CheckpointUnvalidated,
    /// Had to propose and sent blocks, but no checkpoint.
    CheckpointMissed,
    /// Had to propose and sent nothing.
    BlocksMissed,
    /// Signed.
    AttestationSent,
    /// Had to sign and did not.
    AttestationMissed,
    /// A word that is not known here.
    #[serde(untagged)]
    Other(String),
}

impl SlotDuty {
    /// Whether the validator was seen to do something.
    pub const fn alive(&self) -> bool {
        matches!(
            self,
            Self::CheckpointMined
                | Self::CheckpointProposed
                | Self::CheckpointValid
                | Self::CheckpointInvalid
                | Self::CheckpointUnvalidated
                | Self::CheckpointMissed
                | Self::AttestationSent
        )
    }
}

/// A duty and its slot.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DutyInSlot {
    /// The slot.
    #[serde(deserialize_with = "number_or_string")]
    pub slot: u64,
    /// What was seen.
    pub status: SlotDuty,
}

/// A validator as one node's sentinel saw it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ValidatorStats {
    /// Slots watched.
    #[serde(deserialize_with = "number_or_string")]
    pub total_slots: u64,
    /// Duties, oldest first.
    pub history: Vec<DutyInSlot>,
}

/// What a sentinel keeps; empty on nodes without a sentinel.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ValidatorsStats {
    /// By attester address.
    pub stats: BTreeMap<String, ValidatorStats>,
    /// The last slot the sentinel has looked at.
    #[serde(default, deserialize_with = "maybe_slot")]
    pub last_processed_slot: Option<Slot>,
}

/// What has become of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TxStatus {
    /// Unknown to the node.
    Dropped,
    /// Waiting for a block.
    Pending,
    /// In a block.
    Proposed,
    /// In a checkpoint on L1.
    Checkpointed,
    /// In a proven epoch.
    Proven,
    /// In a proven epoch that L1 has finalized.
    Finalized,
    /// A word that is not known here.
    #[serde(untagged)]
    Other(String),
}

impl TxStatus {
    /// The words that are known, each further than the one before.
    const COURSE: [Self; 6] = [
        Self::Dropped,
        Self::Pending,
        Self::Proposed,
        Self::Checkpointed,
        Self::Proven,
        Self::Finalized,
    ];

    /// Whether a transaction is at least as far as `goal`; of a word that is not known nobody can say so.
    pub fn has_reached(&self, goal: &Self) -> bool {
        let place = |status: &Self| Self::COURSE.iter().position(|known| known == status);
        matches!((place(self), place(goal)), (Some(is), Some(goal)) if is >= goal)
    }
}

impl fmt::Display for TxStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dropped => "dropped",
            Self::Pending => "pending",
            Self::Proposed => "proposed",
            Self::Checkpointed => "checkpointed",
            Self::Proven => "proven",
            Self::Finalized => "finalized",
            Self::Other(word) => word,
        })
    }
}

/// What of a receipt is used here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TxReceipt {
    /// How far it is.
    pub status: TxStatus,
    /// `success`, `app_logic_reverted`, …; `None` before it is in a block.
    pub execution_result: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// Hash of its block.
    pub block_hash: Option<String>,
    /// Number of its block.
    pub block_number: Option<BlockNumber>,
}

/// What of a block's header is used here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Block {
    header: Header,
    checkpoint_number: CheckpointNumber,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    global_variables: GlobalVariables,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct GlobalVariables {
    #[serde(deserialize_with = "number_or_string")]
    block_number: u64,
    #[serde(deserialize_with = "number_or_string")]
    slot_number: u64,
    #[serde(deserialize_with = "number_or_string")]
    timestamp: u64,
}

/// What a block adds to its archive.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Archived {
    archive: Snapshot,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Snapshot {
    root: B256,
}

/// Where a block is in the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockPlace {
    /// Its number.
    pub number: BlockNumber,
    /// The slot it was built in.
    pub slot: Slot,
    /// The checkpoint it belongs to.
    pub checkpoint: CheckpointNumber,
    /// When that slot began, in Unix seconds.
    pub timestamp: u64,
}

impl From<Block> for BlockPlace {
    fn from(block: Block) -> Self {
        Self {
            number: BlockNumber(block.header.global_variables.block_number),
            slot: Slot(block.header.global_variables.slot_number),
            checkpoint: block.checkpoint_number,
            timestamp: block.header.global_variables.timestamp,
        }
    }
}

impl Node {
    /// The Aztec node in `pod`, of the network's `release`; a call takes 4 s at most.
    pub fn in_pod(network: &Network, pod: &str, release: &'static Release) -> Self {
        let rpc = PodRpc::new(network.client().clone(), network.namespace(), pod, PORT);
        Self {
            rpc: rpc.with_timeout(PATIENCE),
            methods: &release.methods,
        }
    }

    /// The heads of the chain as this node sees them.
    pub async fn tips(&self) -> Result<L2Tips, RpcError> {
        self.rpc.call(self.methods.tips, json!([])).await
    }

    /// Version, chain ids and L1 addresses.
    pub async fn info(&self) -> Result<NodeInfo, RpcError> {
        self.rpc.call(self.methods.node_info, json!([])).await
    }

    /// Whether the node says it is ready to serve.
    pub async fn is_ready(&self) -> Result<bool, RpcError> {
        self.rpc.call(self.methods.is_ready, json!([])).await
    }

    /// Connected peers.
    pub async fn peers(&self) -> Result<Vec<Peer>, RpcError> {
        self.rpc.call(self.methods.peers, json!([])).await
    }

    /// Connected peers, and those that the node tries to connect to.
    pub async fn peers_and_candidates(&self) -> Result<Vec<Peer>, RpcError> {
        self.rpc.call(self.methods.peers, json!([true])).await
    }

    /// What the node's sentinel saw of each validator.
    pub async fn validators_stats(&self) -> Result<ValidatorsStats, RpcError> {
        self.rpc
            .call(self.methods.validators_stats, json!([]))
            .await
    }

    /// What has become of the transaction `hash`.
    pub async fn tx_receipt(&self, hash: &str) -> Result<TxReceipt, RpcError> {
        self.rpc.call(self.methods.tx_receipt, json!([hash])).await
    }

    /// How many transactions wait for a block.
    pub async fn pending_txs(&self) -> Result<u64, RpcError> {
        self.rpc.call(self.methods.pending_txs, json!([])).await
    }

    /// The block with this hash; `None` if the node doesn't have it.
    pub async fn block_by_hash(&self, hash: &str) -> Result<Option<BlockPlace>, RpcError> {
        let block: Option<Block> = self
            .rpc
            .call(self.methods.block_by_hash, json!([hash]))
            .await?;
        Ok(block.map(BlockPlace::from))
    }

    /// The block of this number; `None` if the node doesn't have it.
    pub async fn block(&self, number: BlockNumber) -> Result<Option<BlockPlace>, RpcError> {
        let block: Option<Block> = self.rpc.call(self.methods.block, json!([number])).await?;
        Ok(block.map(BlockPlace::from))
    }

    /// The root of the archive with the block of this number as its last; `None` if the node doesn't have it.
    pub async fn archive_at(&self, number: BlockNumber) -> Result<Option<B256>, RpcError> {
        let block: Option<Archived> = self.rpc.call(self.methods.block, json!([number])).await?;
        Ok(block.map(|block| block.archive.root))
    }
}

/// Aztec writes small numbers as JSON numbers, field elements as hex strings and bigints as decimal strings.
pub(super) fn number_or_string<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<u64, D::Error> {
    use serde::de::Error as _;
    match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::Number(number) => number
            .as_u64()
            .ok_or_else(|| D::Error::custom(format!("{number} is no natural number"))),
        serde_json::Value::String(text) => text
            .strip_prefix("0x")
            .map_or_else(|| text.parse(), |hex| u64::from_str_radix(hex, 16))
            .map_err(|error| D::Error::custom(format!("`{text}`: {error}"))),
        other => Err(D::Error::custom(format!("{other} is no number"))),
    }
}

/// What is no text there is no address.
fn addresses<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    let all = BTreeMap::<String, serde_json::Value>::deserialize(deserializer)?;
    let text =
        |(name, value): (String, serde_json::Value)| Some((name, value.as_str()?.to_owned()));
    Ok(all.into_iter().filter_map(text).collect())
}

fn maybe_slot<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Slot>, D::Error> {
    number_or_string(deserializer).map(|slot| Some(Slot(slot)))
}

#[cfg(test)]
mod tests;
