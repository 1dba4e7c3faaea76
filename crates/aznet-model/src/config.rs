//! The configuration that every Aztec pod reads: rendered by the chart into a ConfigMap and mounted at `/aznet/config`. It holds nothing secret.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::keys::ReplicaKeys;
use crate::release::Release;
use crate::signer::RemoteSigner;
use crate::slashing::{Sentinel, Slashing, Staking};

/// The ConfigMap's name.
pub const CONFIG_MAP: &str = "network-config";
/// Its key.
pub const FILE: &str = "network.json";

/// Everything a pod needs to know about the network it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an independent switch of the chart's values"
)]
pub struct NetworkConfig {
    /// The line of Aztec's releases that the network runs.
    pub release: &'static Release,
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
    /// The real verifier on L1, whatever proofs there are.
    #[serde(default)]
    pub real_verifier: bool,
    /// Fund Aztec's test accounts at genesis.
    pub test_accounts: bool,
    /// Fund the sponsored fee-paying contract at genesis.
    pub sponsored_fpc: bool,
    /// `true`: start the L1 in the past and jump, so that no one waits for the first committee.
    pub skip_warm_up: bool,
    /// Address of the registry of a network that exists already; `None` deploys a new one.
    pub registry_address: Option<String>,
    /// ENRs of nodes to join by, beside or instead of the boot node's.
    #[serde(default)]
    pub bootstrap_nodes: Vec<String>,
    /// Stakes of validators.
    pub staking: Staking,
    /// Slashing.
    pub slashing: Slashing,
    /// Statistics of the validators.
    pub sentinel: Sentinel,
    /// Where the other components are.
    pub endpoints: Endpoints,
    /// Which key index belongs to whom.
    pub keys: Keys,
    /// How peers outside of the cluster reach the pods of a workload, by its name; the others announce their pod's address.
    #[serde(default)]
    pub announce: BTreeMap<String, Announce>,
}

/// The L1 chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct L1 {
    /// Chain id.
    pub chain_id: u64,
    /// Seconds between L1 blocks.
    pub block_time: u64,
    /// JSON-RPC URLs of execution clients; empty where a Secret holds them.
    pub execution_urls: Vec<String>,
    /// URLs of consensus (beacon) clients; empty with anvil, which has none, or where a Secret holds them.
    pub consensus_urls: Vec<String>,
    /// URLs that trace transactions, where those of `execution_urls` don't.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trace_urls: Vec<String>,
    /// `true`: an anvil, on which pods may fund themselves; the chart's own, whose clock they may move, or another release's.
    pub anvil: bool,
    /// L1 slots in an L1 epoch, as anvil counts them: blocks are final after two of these (anvil's default is 32).
    pub slots_in_an_epoch: u64,
    /// What is paid for transactions.
    pub gas: Gas,
}

/// What publishers pay for L1 transactions; in gwei and percent, as Aztec's variables have them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Gas {
    /// Most for a unit of gas, in gwei.
    pub max_gwei: String,
    /// Most for a unit of blob gas, in gwei.
    pub max_blob_gwei: String,
    /// Least priority fee, in gwei.
    pub min_priority_fee_gwei: String,
    /// Percent over the priority fee that the L1 asks for.
    pub priority_fee_bump_percent: u32,
    /// Percent more at each further attempt.
    pub priority_fee_retry_bump_percent: u32,
    /// Percent over the estimated gas limit.
    pub limit_buffer_percent: u32,
}

/// In-cluster URLs; all plain HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Endpoints {
    /// The boot node's RPC, e.g. `http://boot-node-0.boot-node:8080`; `None`: the network is someone else's, and
    /// `registryAddress` and `bootstrapNodes` say all there is to know.
    pub boot_node: Option<String>,
    /// The RPC that wallets and bots use: the collective full-node service, or the boot node where there are no full
    /// nodes; `None` where there is neither.
    pub node: Option<String>,
    /// The first wallet server, which deploys the test accounts; `None` where there is none.
    #[serde(default)]
    pub pxe: Option<String>,
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
    /// L1 publishers of prover nodes.
    pub prover: ReplicaKeys,
    /// What validators hold, by the name of their workload: `validator`, and `validator-<group>` for each further group.
    pub validators: BTreeMap<String, ValidatorKeys>,
    /// `true`: validators and prover nodes have key stores in a Secret, not keys from the mnemonic.
    #[serde(default)]
    pub keystores: bool,
    /// A signer that holds the keys of the pods it names.
    #[serde(default)]
    pub remote_signer: Option<RemoteSigner>,
}

/// The keys of a group of validators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ValidatorKeys {
    /// Attesters.
    pub attester: ReplicaKeys,
    /// L1 publishers.
    pub publisher: ReplicaKeys,
    /// Replicas at deployment: the first `replicas * attester.per_replica` attesters are registered on L1.
    pub replicas: u32,
}

/// Where peers find the pods of a workload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Announce {
    /// The address of all pods; `None`: each announces that of its machine.
    pub ip: Option<String>,
    /// Addresses of single pods by ordinal, over that of all.
    #[serde(default)]
    pub ips: BTreeMap<u32, String>,
    /// The port of pod 0, TCP and UDP.
    pub port: u16,
    /// `true`: pod `r` has `port + r`; `false`: all have the same.
    pub port_per_pod: bool,
}
