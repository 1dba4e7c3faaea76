//! The configuration that every Aztec pod reads: rendered by the chart into the ConfigMap `network-config`
//! (key `network.json`) and mounted at `/aznet/config`. It holds nothing secret.

use std::collections::BTreeMap;

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
    /// `true`: the chart's own anvil, on which pods may fund themselves and move the clock.
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

/// Stakes of validators, in the staking asset's smallest unit; read at deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Staking {
    /// What a validator deposits.
    pub activation_threshold: String,
    /// A validator below this is ejected from every rollup.
    pub ejection_threshold: String,
    /// Seconds between leaving and having the stake back.
    pub exit_delay_seconds: u64,
}

/// Statistics of the validators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sentinel {
    /// Keep them.
    pub enabled: bool,
    /// Epochs of history of each validator.
    pub history_length_in_epochs: u64,
    /// Proven epochs whose performance is remembered.
    pub proven_history_length_in_epochs: u64,
}

/// Slashing, as Aztec 4.x names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Slashing {
    /// `tally`, `empire` or `none`.
    pub flavor: String,
    /// Epochs in a round of votes.
    pub round_size_in_epochs: u64,
    /// Votes that execute a slash; `None`: more than half of a round's slots.
    #[serde(default)]
    pub quorum: Option<u64>,
    /// Rounds between an offence and the votes on it.
    pub offset_in_rounds: u64,
    /// Rounds between the votes and the execution.
    pub execution_delay_in_rounds: u64,
    /// Rounds after which a vote can't be executed any more.
    pub lifetime_in_rounds: u64,
    /// Seconds for which the vetoer can switch slashing off.
    pub disable_duration_seconds: u64,
    /// Who may veto; empty: nobody.
    pub vetoer: String,
    /// What one vote can take.
    pub amounts: SlashAmounts,
    /// A validator whose stake falls below this is ejected from this rollup.
    pub local_ejection_threshold: String,
    /// `true`: no node votes for any offence (`SLASH_*_PENALTY=0`).
    pub disable_penalties: bool,
    /// Penalties by offence.
    pub penalties: Penalties,
    /// When a validator counts as inactive.
    pub inactivity: Inactivity,
    /// Slots after the rollup became canonical in which offences don't count.
    pub grace_period_slots: u64,
    /// Rounds after which an offence is forgotten.
    pub offense_expiration_rounds: u64,
    /// Attesters that no node votes to slash.
    pub never_slash: Vec<String>,
    /// Attesters that nodes always vote to slash.
    pub always_slash: Vec<String>,
}

/// The three amounts that tally votes choose from, in the staking asset's smallest unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SlashAmounts {
    /// For light offences.
    pub small: String,
    /// For moderate ones.
    pub medium: String,
    /// For severe ones.
    pub large: String,
}

/// Penalties by offence, in the staking asset's smallest unit; 0 ignores the offence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Penalties {
    /// An epoch that could have been proven was pruned.
    pub prune: String,
    /// An epoch's transactions can't be had.
    pub data_withholding: String,
    /// Too many duties missed.
    pub inactivity: String,
    /// An invalid block.
    pub invalid_block: String,
    /// Two proposals for one place.
    pub duplicate_proposal: String,
    /// Attestations to two proposals of a slot.
    pub duplicate_attestation: String,
    /// Too few or wrong attestations in a checkpoint.
    pub propose_invalid_attestations: String,
    /// Attestations to what follows an invalid checkpoint.
    pub attest_descendant_of_invalid: String,
    /// Anything else.
    pub unknown: String,
}

/// When a validator counts as inactive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inactivity {
    /// Percent of an epoch's duties missed.
    pub missed_percent: u32,
    /// Epochs in a row.
    pub consecutive_epochs: u64,
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
    pub prover: KeyRange,
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
    /// Attesters: replica `r` holds `start + r*per_replica ..`.
    pub attester: KeyRange,
    /// L1 publishers.
    pub publisher: KeyRange,
    /// Replicas at deployment: the first `replicas * attester.per_replica` attesters are registered on L1.
    pub replicas: u32,
}

/// A remote signer and whose keys it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RemoteSigner {
    /// Its JSON-RPC URL.
    pub url: String,
    /// The accounts of each pod, by the pod's name.
    pub pods: BTreeMap<String, RemoteAccounts>,
}

/// Accounts whose keys a remote signer holds: L1 addresses.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RemoteAccounts {
    /// Attesters.
    #[serde(default)]
    pub attesters: Vec<String>,
    /// L1 publishers.
    #[serde(default)]
    pub publishers: Vec<String>,
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
