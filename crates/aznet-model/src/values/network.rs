//! Values that describe the network and the chain below it.

use super::pod::pod_settings;
use crate::pattern::ADDRESS;
use crate::release;
use crate::signer::RemoteSigner;
use crate::slashing::{Sentinel, Slashing, Staking};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// An address on Aztec, or nothing.
pub(super) const AZTEC_ADDRESS: &str = r"^(0x[0-9a-fA-F]{64})?$";
/// An Ethereum node record.
pub(super) const ENR: &str = r"^enr:[A-Za-z0-9_-]+$";
/// An image's name with a tag or a digest.
pub(super) const IMAGE: &str = concat!(
    r"^[^\s@]+",
    r"(:[A-Za-z0-9_][A-Za-z0-9._-]*(@sha256:[0-9a-f]{64})?|@sha256:[0-9a-f]{64})$"
);
/// The same, or nothing.
pub(super) const MAYBE_IMAGE: &str = concat!(
    r"^([^\s@]+",
    r"(:[A-Za-z0-9_][A-Za-z0-9._-]*(@sha256:[0-9a-f]{64})?|@sha256:[0-9a-f]{64}))?$"
);
/// A tag that means another image tomorrow.
pub(super) const LATEST: &str = ":latest$";
/// URL of a server.
pub(super) const HTTP_URL: &str = r"^https?://[^\s,]+$";
/// URL of a bucket, or nothing.
/// It is told to those who join, and so without user and password.
pub(super) const S3_URL: &str = r"^(s3://[^@\s]+)?$";

/// Container images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Images {
    /// Aztec's node with Foundry: every role that runs Aztec, and anvil.
    pub aztec: Image,
    /// The program that sets a pod up.
    pub aznet_node: Image,
    /// The wallet server.
    pub pxe: Image,
    /// The S3 gateway.
    pub blob_store: Image,
    /// The OpenTelemetry collector, with the contrib parts.
    pub otel_collector: Image,
    /// Prometheus.
    pub prometheus: Image,
    /// Grafana.
    pub grafana: Image,
    /// aznet itself, for tests from within the cluster.
    pub aznet: Image,
}

/// A container image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Image {
    /// Name with a tag or a digest (`@sha256:…`), never `latest`.
    #[schemars(schema_with = "image_schema")]
    pub image: String,
    /// When to pull it.
    pub pull_policy: PullPolicy,
}

/// An image that is the same one tomorrow.
pub(super) fn image_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": IMAGE, "not": { "pattern": LATEST } })
}

/// The same, or nothing.
pub(super) fn maybe_image_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "pattern": MAYBE_IMAGE, "not": { "pattern": LATEST } })
}

/// A release with a profile, or nothing.
fn release_schema(_: &mut SchemaGenerator) -> Schema {
    let mut names = vec![""];
    names.extend(release::ALL.map(|release| release.name));
    json_schema!({ "type": "string", "enum": names })
}

/// When to pull an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PullPolicy {
    /// Before every start.
    Always,
    /// Where it is missing.
    IfNotPresent,
    /// Not at all: the machine must have it.
    Never,
}

/// The Aztec network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "switches of a configuration, as Aztec has them"
)]
pub struct Network {
    /// The line of Aztec's releases, where the tag of `images.aztec.image` does not name a known one; empty: as the tag says.
    #[schemars(schema_with = "release_schema")]
    pub release: String,
    /// Length of an L2 slot in seconds; a multiple of `l1.blockTime`.
    #[schemars(range(min = 1, max = crate::limit::DAY))]
    pub slot_duration: u64,
    /// Slots in an epoch.
    #[schemars(range(min = 1, max = crate::limit::TURNS))]
    pub epoch_duration: u64,
    /// Validators drawn for an epoch; at most `validator.replicas * validator.keysPerReplica`.
    #[schemars(range(max = crate::limit::MEMBERS))]
    pub committee_size: u64,
    /// Epochs between the snapshot of the validator set and the committee drawn from it.
    #[schemars(range(max = crate::limit::TURNS))]
    pub lag_in_epochs_for_validator_set: u64,
    /// Epochs between the random value and the committee drawn with it.
    #[schemars(range(max = crate::limit::TURNS))]
    pub lag_in_epochs_for_randao: u64,
    /// Epochs after its end in which an epoch's proof is accepted; then the epoch is pruned.
    #[schemars(range(min = 1, max = crate::limit::TURNS))]
    pub proof_submission_epochs: u64,
    /// `true` makes and verifies real proofs; `false` uses the mock verifier.
    pub real_proofs: bool,
    /// `true` deploys the real verifier where proofs are fake, so that no proof is ever accepted: for tests on the chart's anvil.
    pub real_verifier: bool,
    /// Fund Aztec's test accounts at genesis.
    pub test_accounts: bool,
    /// Fund the sponsored fee-paying contract at genesis.
    pub sponsored_fpc: bool,
    /// Start anvil in the past and jump to now after deploying, so that nobody waits for the first committee.
    pub skip_warm_up: bool,
    /// On an upgrade by plain Helm, refuse changes of what is fixed for a network's whole life; `aznet` always does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refuse_fixed_changes: Option<bool>,
    /// Address of an existing network's registry; empty deploys new contracts.
    #[schemars(regex(pattern = ADDRESS))]
    pub registry_address: String,
    /// ENRs of nodes to join by, beside or instead of the boot node's.
    #[schemars(inner(regex(pattern = ENR)))]
    pub bootstrap_nodes: Vec<String>,
    /// Stakes of validators.
    pub staking: Staking,
    /// Punishment of validators.
    pub slashing: Slashing,
    /// Statistics of the validators, kept by nodes.
    pub sentinel: Sentinel,
}

/// The L1 chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct L1 {
    /// Chain id.
    #[schemars(range(min = 1, max = crate::limit::EXACT))]
    pub chain_id: u64,
    /// Seconds between blocks.
    #[schemars(range(min = 1, max = crate::limit::DAY))]
    pub block_time: u64,
    /// JSON-RPC URLs of execution clients; with anvil they must stay empty.
    #[schemars(inner(regex(pattern = HTTP_URL)))]
    pub execution_urls: Vec<String>,
    /// URLs of consensus (beacon) clients; with anvil they must stay empty, for it has none.
    #[schemars(inner(regex(pattern = HTTP_URL)))]
    pub consensus_urls: Vec<String>,
    /// JSON-RPC URLs that trace transactions, where those of `executionUrls` don't; with anvil they must stay empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(regex(pattern = HTTP_URL)))]
    pub trace_urls: Vec<String>,
    /// Name of a Secret that holds URLs and API keys instead; keys `executionUrls`, `consensusUrls`, `traceUrls`,
    /// `consensusApiKeys` and `consensusApiKeyHeaders`, each a list with commas or line breaks between.
    pub existing_secret: String,
    /// What is paid for L1 transactions.
    pub gas: Gas,
    /// The chart's own chain, for test networks.
    pub anvil: Anvil,
}

/// What publishers pay for L1 transactions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Gas {
    /// Most that is paid for a unit of gas, in gwei.
    #[schemars(range(min = 0, max = crate::limit::GWEI))]
    pub max_gwei: f64,
    /// Most that is paid for a unit of blob gas, in gwei.
    #[schemars(range(min = 0, max = crate::limit::GWEI))]
    pub max_blob_gwei: f64,
    /// Least priority fee, in gwei.
    #[schemars(range(min = 0, max = crate::limit::GWEI))]
    pub min_priority_fee_gwei: f64,
    /// Percent added to the priority fee that the L1 asks for.
    #[schemars(range(max = crate::limit::PERCENT))]
    pub priority_fee_bump_percent: u32,
    /// Percent added to it at each further attempt.
    #[schemars(range(max = crate::limit::PERCENT))]
    pub priority_fee_retry_bump_percent: u32,
    /// Percent added to the gas limit that was estimated.
    #[schemars(range(max = crate::limit::PERCENT))]
    pub limit_buffer_percent: u32,
}

/// Key indices on the path `m/44'/60'/0'/0/{index}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Keys {
    /// BIP-39 mnemonic of all the network's keys. The default is anvil's public one: never use it where money is.
    pub mnemonic: String,
    /// Name of a Secret with the key `mnemonic`, instead of `keys.mnemonic`.
    pub existing_secret: String,
    /// Key that deploys the L1 contracts.
    #[schemars(range(max = crate::limit::INDEX))]
    pub deployer_index: u32,
    /// First attester key; replica r of the validators holds the next `validator.keysPerReplica` after r times as many.
    #[schemars(range(max = crate::limit::INDEX))]
    pub attester_index_start: u32,
    /// First L1 publisher key of the validators.
    #[schemars(range(max = crate::limit::INDEX))]
    pub publisher_index_start: u32,
    /// First L1 publisher key of the prover nodes.
    #[schemars(range(max = crate::limit::INDEX))]
    pub prover_index_start: u32,
    /// Name of a Secret with a key store of each validator and prover node instead, by the pod's name.
    pub keystore_secret: String,
    /// A signer that holds the keys of pods.
    pub remote_signer: RemoteSigner,
}

/// What becomes of the validator set on L1 when the number of validators changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ValidatorSet {
    /// Take validators out of the set before their pods go.
    pub retire: bool,
    /// Seconds that this may take.
    #[schemars(range(min = 1, max = crate::limit::DAY))]
    pub deadline_seconds: u64,
    /// Name of a Secret with the key `privateKey` of the validators' withdrawer; empty: they are their own.
    pub withdrawer_secret: String,
}

pod_settings! {
    /// The chart's own L1 chain.
    pub struct Anvil {
        /// Run it; `false` needs `l1.executionUrls`.
        pub enabled: bool,
        /// `l1.executionUrls` are of an anvil that another release runs: pods fund themselves and register there, too.
        pub external: bool,
        /// L1 slots in an L1 epoch: a block is final after two of these.
        #[schemars(range(min = 1, max = crate::limit::TURNS))]
        pub slots_in_an_epoch: u64,
    }
}

pod_settings! {
    /// S3-compatible store through which nodes share blobs.
    pub struct BlobStore {
        /// Share blobs through a store. Without one, nodes need `l1.consensusUrls`.
        pub enabled: bool,
        /// `s3://bucket/path?endpoint=https://host` of a store elsewhere; empty runs one in this chart.
        #[schemars(regex(pattern = S3_URL))]
        pub url: String,
        /// Name of a Secret with the keys `accessKeyId` and `secretAccessKey`; empty generates one, kept over upgrades.
        pub existing_secret: String,
        /// Region, as the S3 protocol wants one.
        pub region: String,
    }
}

impl L1 {
    /// `true`: a test chain, which gives what it is asked for: the chart's own anvil, or another release's.
    pub const fn is_anvil(&self) -> bool {
        self.anvil.enabled || self.anvil.external
    }
}

impl BlobStore {
    /// `true`: the chart runs the store itself.
    pub fn in_chart(&self) -> bool {
        self.enabled && self.url.is_empty()
    }
}
