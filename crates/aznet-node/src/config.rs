//! The configuration that every Aztec pod reads: rendered by the chart into the ConfigMap `network-config`
//! (key `network.json`) and mounted at `/aznet/config`. It holds nothing secret.

use serde::{Deserialize, Serialize};

/// Everything a pod needs to know about the network it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an independent switch of the chart's values"
)]
pub struct NetworkConfig {
    /// L1 and its timing.
    pub l1: L1,
    /// Length of an L2 slot, in seconds; a multiple of `l1.block_time`.
    pub slot_duration: u64,
    /// Slots in an epoch.
    pub epoch_duration: u64,
    /// Validators in the committee of an epoch; 0 means that none is needed.
    pub committee_size: u64,
    /// Epochs between the validator set's snapshot and the committee drawn from it.
    pub lag_in_epochs_for_validator_set: u64,
    /// Epochs between the RANDAO value and the committee drawn with it.
    pub lag_in_epochs_for_randao: u64,
    /// Epochs after its end in which an epoch's proof is accepted.
    pub proof_submission_epochs: u64,
    /// Real proofs, or the mock verifier.
    pub real_proofs: bool,
    /// Fund Aztec's test accounts at genesis.
    pub test_accounts: bool,
    /// Fund the sponsored fee-paying contract at genesis.
    pub sponsored_fpc: bool,
    /// `true`: start the L1 in the past and jump, so that no one waits for the first committee.
    pub skip_warm_up: bool,
    /// Address of the registry of a network that exists already; `None` deploys a new one.
    pub registry_address: Option<String>,
    /// Slashing.
    pub slashing: Slashing,
    /// Whether the nodes keep statistics of the validators.
    pub sentinel: bool,
    /// Where the other components are.
    pub endpoints: Endpoints,
    /// Which key index belongs to whom.
    pub keys: Keys,
}

/// The L1 chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct L1 {
    /// Chain id.
    pub chain_id: u64,
    /// Seconds between L1 blocks.
    pub block_time: u64,
    /// JSON-RPC URLs of execution clients.
    pub execution_urls: Vec<String>,
    /// URLs of consensus (beacon) clients; empty with anvil, which has none.
    pub consensus_urls: Vec<String>,
    /// `true`: the chart's own anvil, on which pods may fund themselves and move the clock.
    pub anvil: bool,
    /// L1 slots in an L1 epoch, as anvil counts them: blocks are final after two of these (anvil's default is 32).
    pub slots_in_an_epoch: u64,
}

/// Slashing, as Aztec 4.x names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Slashing {
    /// `tally`, `empire` or `none`.
    pub flavor: String,
    /// A validator whose stake falls below this is ejected (in the staking asset's smallest unit, decimal); `None`: Aztec's default.
    pub local_ejection_threshold: Option<String>,
    /// `true`: no node votes for any offence of the network's own validators (`SLASH_*_PENALTY=0`).
    pub disable_penalties: bool,
}

/// In-cluster URLs; all plain HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Endpoints {
    /// The boot node's RPC, e.g. `http://boot-node-0.boot-node:8080`.
    pub boot_node: String,
    /// The RPC that wallets use: the collective full-node service, or the boot node where there are no full nodes.
    pub node: String,
    /// The prover broker; `None`: a prover node proves by itself, with a broker and an agent in its own process.
    pub prover_broker: Option<String>,
    /// RPC URLs of a few other nodes (full nodes, validators). A boot node that comes back with a new address has no
    /// one to announce itself to: it asks these for their ENR. They need not be up.
    #[serde(default)]
    pub peers: Vec<String>,
    /// Blob store URL as Aztec takes it, e.g. `s3://blobs/aztec?endpoint=http://blob-store:7070`; `None`: no store.
    pub blob_store: Option<String>,
}

/// Key indices on the HD path `m/44'/60'/0'/0/{index}` of the network's mnemonic. Ranges never overlap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Keys {
    /// Deploys the L1 contracts and owns the staking asset's minter role.
    pub deployer: u32,
    /// Attesters: replica `r` holds `start + r*per_replica ..`.
    pub attester: KeyRange,
    /// L1 publishers of validators.
    pub publisher: KeyRange,
    /// L1 publishers of prover nodes.
    pub prover: KeyRange,
    /// Validator replicas at deployment: the first `replicas * attester.per_replica` attesters are registered on L1.
    pub validator_replicas: u32,
}

/// A run of key indices shared out over the replicas of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyRange {
    /// First index.
    pub start: u32,
    /// Keys in each replica.
    pub per_replica: u32,
}
