//! The chart's values, typed: every key of `helm-charts/aztec-network/values.yaml` and nothing else.

mod always;
mod bot;
mod chaos;
mod check;
mod groups;
mod join_bundles;
mod layers;
mod merge;
mod network;
mod p2p;
mod pod;
mod pull_secret;
mod quantity;
mod release;
mod rollout;
mod schema;
mod security;
mod service_account;
mod set;
mod soak;
mod telemetry;

pub use bot::{Bot, BotToken, FeePayment, FollowChain};
pub use chaos::{Chaos, ChaosOptions, ChaosScenario, ChaosSelector};
pub use check::{Problem, nearest};
pub use groups::Validators;
pub use join_bundles::JoinBundles;
pub use layers::{Layer, Loaded, ValuesError, coalesced, prepared, resolve};
pub use network::{
    Anvil, BlobStore, Gas, Image, Images, Keys, L1, Network, PullPolicy, ValidatorSet,
};
pub use p2p::{Exposure, P2p, P2pPod};
pub use pod::{
    BootNode, FullNode, GroupSequencer, Medium, PodSettings, Ports, Probe, Probes, ProverAgent,
    ProverBroker, ProverNode, Pxe, Resources, Sequencer, ServiceType, Storage, Validator,
    ValidatorGroup,
};
pub use pull_secret::PullSecret;
pub use quantity::ResourceList;
pub use rollout::{PodDisruptionBudget, UpdateStrategy};
pub use schema::{defaults, schema};
pub use security::{
    AdminApi, NetworkPolicy, PolicyApiServer, PolicyEgress, PolicyIngress, PolicyOutside,
    PolicyPeers,
};
pub use service_account::ServiceAccount;
pub use soak::Soak;
pub use telemetry::{Alerts, Collector, Expose, Forward, Grafana, Prometheus, Telemetry};
pub(crate) use {layers::typed, schema::schema_of};

use crate::role::Role;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Values of the chart `aztec-network`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Values {
    /// Values that an umbrella chart hands to all its charts; not read here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub global: Option<Map<String, Value>>,
    /// What an umbrella chart's condition switches; not read here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Container images.
    pub images: Images,
    /// Secrets with credentials for the images' registries.
    pub image_pull_secrets: Vec<PullSecret>,
    /// The Aztec network: timing, committee, proofs, genesis, slashing.
    pub network: Network,
    /// The L1 chain that the network settles on.
    pub l1: L1,
    /// The mnemonic and who holds which of its keys.
    pub keys: Keys,
    /// The validator set on L1 when the number of validators changes.
    pub validator_set: ValidatorSet,
    /// S3-compatible store through which nodes share blobs.
    pub blob_store: BlobStore,
    /// The nodes' admin API.
    pub admin_api: AdminApi,
    /// Who may talk to whom.
    pub network_policy: NetworkPolicy,
    /// What every role has unless it says otherwise.
    pub defaults: PodSettings,
    /// The boot node.
    pub boot_node: BootNode,
    /// Full nodes.
    pub full_node: FullNode,
    /// Validators.
    pub validator: Validator,
    /// Further groups of validators, by name: pods `validator-<name>-0` and so on.
    #[schemars(schema_with = "groups::names_schema")]
    pub validator_groups: BTreeMap<String, ValidatorGroup>,
    /// Prover nodes.
    pub prover_node: ProverNode,
    /// Prover broker.
    pub prover_broker: ProverBroker,
    /// Prover agents.
    pub prover_agent: ProverAgent,
    /// Wallet servers.
    pub pxe: Pxe,
    /// Bots that send transactions.
    pub bot: Bot,
    /// Faults for the chart `aztec-chaos`; not read here.
    pub chaos: Chaos,
    /// Metrics, logs and traces.
    pub telemetry: Telemetry,
    /// Tests from within the cluster, on a schedule.
    pub soak: Soak,
}

impl Values {
    /// How many pods of a role these values ask for.
    pub fn replicas(&self, role: Role) -> u32 {
        match role {
            Role::Anvil => u32::from(self.l1.anvil.enabled),
            Role::BlobStore => u32::from(self.blob_store.in_chart()),
            Role::BootNode => self.boot_node.replicas,
            Role::FullNode => self.full_node.replicas,
            Role::Validator => self
                .validators()
                .iter()
                .fold(0, |sum, group| sum.saturating_add(group.replicas)),
            Role::ProverNode => self.prover_node.replicas,
            Role::ProverBroker => self.prover_broker.replicas,
            Role::ProverAgent => self.prover_agent.replicas,
            Role::Pxe => self.pxe.replicas,
            Role::Bot => self.bot.replicas,
            Role::OtelCollector => u32::from(self.telemetry.collects()),
            Role::Prometheus => u32::from(self.telemetry.stores()),
            Role::Grafana => u32::from(self.telemetry.shows()),
        }
    }

    /// `true`: each prover node has a broker and an agent in its own process.
    pub fn proves_by_itself(&self) -> bool {
        self.prover_node.replicas > 0 && self.prover_broker.replicas == 0
    }

    /// What a role's pods have: the role's own settings over [`Values::defaults`].
    pub fn pod(&self, role: Role) -> PodSettings {
        self.own_settings(role).over(&self.defaults)
    }

    /// What is said for a role itself.
    pub(crate) fn own_settings(&self, role: Role) -> PodSettings {
        match role {
            Role::Anvil => self.l1.anvil.settings(),
            Role::BlobStore => self.blob_store.settings(),
            Role::BootNode => self.boot_node.settings(),
            Role::FullNode => self.full_node.settings(),
            Role::Validator => self.validator.settings(),
            Role::ProverNode => self.prover_node.settings(),
            Role::ProverBroker => self.prover_broker.settings(),
            Role::ProverAgent => self.prover_agent.settings(),
            Role::Pxe => self.pxe.settings(),
            Role::Bot => self.bot.settings(),
            Role::OtelCollector => self.telemetry.collector.settings(),
            Role::Prometheus => self.telemetry.prometheus.settings(),
            Role::Grafana => self.telemetry.grafana.settings(),
        }
    }

    /// What roles say about proofs, with the key that says it.
    pub fn fake_proofs(&self) -> impl Iterator<Item = (&'static str, bool)> {
        [
            ("bootNode.fakeProofs", self.boot_node.fake_proofs),
            ("fullNode.fakeProofs", self.full_node.fake_proofs),
            ("validator.fakeProofs", self.validator.fake_proofs),
            ("proverNode.fakeProofs", self.prover_node.fake_proofs),
            ("proverBroker.fakeProofs", self.prover_broker.fake_proofs),
            ("proverAgent.fakeProofs", self.prover_agent.fake_proofs),
            ("pxe.fakeProofs", self.pxe.fake_proofs),
        ]
        .into_iter()
        .filter_map(|(key, fake)| Some((key, fake?)))
    }

    /// Whether the network makes and checks real proofs: what roles say with `fakeProofs`, else `network.realProofs`.
    pub fn real_proofs(&self) -> bool {
        let said = self.fake_proofs().next();
        said.map_or(self.network.real_proofs, |(_, fake)| !fake)
    }
}
