//! Settings that every role's pods have, and the roles themselves.

use super::quantity::ResourceList;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Resources of a container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Resources {
    /// What the scheduler sets aside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<ResourceList>,
    /// What the container may not exceed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<ResourceList>,
}

/// Ports of a role.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Ports {
    /// Peer to peer, TCP and UDP.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub p2p_port: Option<u16>,
    /// JSON-RPC of the node; a container port, not a Kubernetes NodePort.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub node_port: Option<u16>,
    /// Admin JSON-RPC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub admin_port: Option<u16>,
    /// Of the pxe: type of the service that each pod has.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<ServiceType>,
    /// Of the pxe: port of that service.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
    /// Of the pxe: port that the container listens on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub target_port: Option<u16>,
}

/// How a service is reached, as Kubernetes names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ServiceType {
    /// From inside the cluster.
    ClusterIP,
    /// At a port of every machine.
    NodePort,
    /// At an address that the cloud gives.
    LoadBalancer,
}

/// Probes of a role's main container, all `GET /status` (a TCP connection where the process has no such path).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Probes {
    /// Until it first succeeds the others wait; when it fails for good the container is restarted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub startup: Option<Probe>,
    /// While it fails the pod is not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readiness: Option<Probe>,
    /// When it fails the container is restarted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub liveness: Option<Probe>,
}

/// How often to ask, how long to wait, how many failures count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Probe {
    /// Seconds between two questions.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = crate::limit::DAY))]
    pub period_seconds: Option<u32>,
    /// Seconds to wait for an answer; nodes under load need five.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = crate::limit::DAY))]
    pub timeout_seconds: Option<u32>,
    /// Failures in a row that count as one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = crate::limit::COUNT))]
    pub failure_threshold: Option<u32>,
}

/// Where a role keeps its data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Storage {
    /// `true`: a volume that outlives the pod; `false`: data lasts as long as the pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Size of the volume.
    #[schemars(schema_with = "super::quantity::bytes_schema")]
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::quantity::text"
    )]
    pub size: Option<String>,
    /// What data that lasts as long as the pod is kept on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub medium: Option<Medium>,
    /// StorageClass; empty is the cluster's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
    /// What happens to the volume when its pod is gone for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_policy: Option<RetentionPolicy>,
}

/// What an `emptyDir` is on, as Kubernetes names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Medium {
    /// A disk of the machine.
    #[serde(rename = "")]
    Disk,
    /// The machine's memory, up to the size of the volume.
    Memory,
}

/// What happens to volumes without pods, as `persistentVolumeClaimRetentionPolicy` of a StatefulSet says it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct RetentionPolicy {
    /// When the release is uninstalled or no longer has the role; without it, `Delete` for networks with
    /// `network.testAccounts` and `Retain` for others.
    #[schemars(schema_with = "retention_schema")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when_deleted: Option<Retention>,
    /// When the number of pods is lowered.
    #[schemars(schema_with = "retention_schema")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when_scaled: Option<Retention>,
}

/// What happens to a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Retention {
    /// It is deleted.
    Delete,
    /// It stays.
    Retain,
}

/// The chart's default is null, which a reference to an enum would refuse.
fn retention_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "enum": ["Delete", "Retain", null] })
}

/// Declares a struct that has the settings of a pod beside its own fields (serde's `flatten` would hide unknown keys).
macro_rules! pod_settings {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$field_meta:meta])* pub $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
            /// Another image than the role's of `images`: a name with a tag or digest.
            #[schemars(schema_with = "crate::values::network::maybe_image_schema")]
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub image: Option<String>,
            /// Aztec's `LOG_LEVEL`, e.g. `info` or `info; debug:sequencer`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub log_level: Option<String>,
            /// `DEBUG`, the pattern of libraries that log by themselves, e.g. `discv5:*`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub debug: Option<String>,
            /// Ports.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub service: Option<$crate::values::pod::Ports>,
            /// Resources of the main container.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub resources: Option<$crate::values::pod::Resources>,
            /// Heap of Node.js in MiB (`--max-old-space-size`); keep it below the memory limit.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schemars(range(min = 64, max = crate::limit::COUNT))]
            pub max_old_space_size: Option<u32>,
            /// Environment variables by name; they win over what aznet-node computes.
            #[schemars(schema_with = "crate::values::quantity::env_schema")]
            #[serde(
                default,
                skip_serializing_if = "Option::is_none",
                deserialize_with = "crate::values::quantity::env"
            )]
            pub env: Option<std::collections::BTreeMap<String, String>>,
            /// Environment variables out of Secrets and ConfigMaps, as Kubernetes defines `envFrom`; `env` wins over them.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schemars(with = "Option<Vec<serde_json::Map<String, serde_json::Value>>>")]
            pub env_from: Option<Vec<k8s_openapi::api::core::v1::EnvFromSource>>,
            /// Arguments added to the process.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub args: Option<Vec<String>>,
            /// Probes.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub probes: Option<$crate::values::pod::Probes>,
            /// Where the data is.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub storage: Option<$crate::values::pod::Storage>,
            /// Seconds between the request to stop and the kill.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schemars(range(max = crate::limit::DAY))]
            pub termination_grace_period_seconds: Option<u32>,
            /// Labels that a machine must have, by name.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schemars(schema_with = "crate::values::quantity::texts_schema")]
            pub node_selector: Option<std::collections::BTreeMap<String, String>>,
            /// Tolerations, as Kubernetes defines them.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schemars(with = "Option<Vec<serde_json::Map<String, serde_json::Value>>>")]
            pub tolerations: Option<Vec<k8s_openapi::api::core::v1::Toleration>>,
            /// Affinity, as Kubernetes defines it.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
            pub affinity: Option<k8s_openapi::api::core::v1::Affinity>,
            /// How pods are spread over machines and zones, as Kubernetes defines it; without a `labelSelector`, the role's own pods.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schemars(with = "Option<Vec<serde_json::Map<String, serde_json::Value>>>")]
            pub topology_spread_constraints: Option<Vec<k8s_openapi::api::core::v1::TopologySpreadConstraint>>,
            /// PriorityClass of the pods; empty is the cluster's default.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub priority_class_name: Option<String>,
            /// The ServiceAccount that the pods run as.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub service_account: Option<$crate::values::service_account::ServiceAccount>,
            /// How many pods may be away for the sake of a machine's maintenance.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub pod_disruption_budget: Option<$crate::values::rollout::PodDisruptionBudget>,
            /// How pods are replaced when they change.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub update_strategy: Option<$crate::values::rollout::UpdateStrategy>,
            /// How peers outside of the cluster reach the pods.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub p2p: Option<$crate::values::p2p::P2p>,
            /// More labels of the pods, by name.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schemars(schema_with = "crate::values::quantity::texts_schema")]
            pub pod_labels: Option<std::collections::BTreeMap<String, String>>,
            /// More annotations of the pods, by name.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schemars(schema_with = "crate::values::quantity::texts_schema")]
            pub pod_annotations: Option<std::collections::BTreeMap<String, String>>,
        }

        impl $name {
            /// The part that every role has.
            #[must_use]
            pub fn settings(&self) -> $crate::values::pod::PodSettings {
                $crate::values::pod::PodSettings {
                    image: self.image.clone(),
                    log_level: self.log_level.clone(),
                    debug: self.debug.clone(),
                    service: self.service,
                    resources: self.resources.clone(),
                    max_old_space_size: self.max_old_space_size,
                    env: self.env.clone(),
                    env_from: self.env_from.clone(),
                    args: self.args.clone(),
                    probes: self.probes.clone(),
                    storage: self.storage.clone(),
                    termination_grace_period_seconds: self.termination_grace_period_seconds,
                    node_selector: self.node_selector.clone(),
                    tolerations: self.tolerations.clone(),
                    affinity: self.affinity.clone(),
                    topology_spread_constraints: self.topology_spread_constraints.clone(),
                    priority_class_name: self.priority_class_name.clone(),
                    service_account: self.service_account.clone(),
                    pod_disruption_budget: self.pod_disruption_budget.clone(),
                    update_strategy: self.update_strategy,
                    p2p: self.p2p.clone(),
                    pod_labels: self.pod_labels.clone(),
                    pod_annotations: self.pod_annotations.clone(),
                }
            }
        }
    };
}
pub(crate) use pod_settings;

pod_settings! {
    /// Settings that every role's pods have; a role's own come first.
    pub struct PodSettings {}
}

pod_settings! {
    /// The boot node.
    pub struct BootNode {
        /// Pods: exactly one.
        #[schemars(range(max = 1))]
        pub replicas: u32,
        /// What it serves to those who join.
        pub join_bundles: crate::values::JoinBundles,
        /// The design document's word for `network.realProofs: false`; all roles that say it must say the same.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub fake_proofs: Option<bool>,
    }
}

pod_settings! {
    /// Full nodes, addressed one by one and together as `full-node`.
    pub struct FullNode {
        /// Pods.
        #[schemars(range(max = crate::limit::PODS))]
        pub replicas: u32,
        /// The design document's word for `network.realProofs: false`; all roles that say it must say the same.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub fake_proofs: Option<bool>,
    }
}

pod_settings! {
    /// Validators.
    pub struct Validator {
        /// Pods.
        #[schemars(range(max = crate::limit::PODS))]
        pub replicas: u32,
        /// The design document's word for `network.realProofs: false`; all roles that say it must say the same.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub fake_proofs: Option<bool>,
        /// Attester keys in each pod.
        #[schemars(range(min = 1, max = crate::limit::KEYS))]
        pub keys_per_replica: u32,
        /// L1 publisher keys in each pod.
        #[schemars(range(min = 1, max = crate::limit::KEYS))]
        pub publishers_per_replica: u32,
        /// How blocks and checkpoints are made.
        pub sequencer: Sequencer,
    }
}

/// How a validator makes blocks and checkpoints. What is missing is Aztec's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sequencer {
    /// A block with fewer transactions is not made.
    #[schemars(range(max = crate::limit::COUNT))]
    pub min_txs_per_block: u32,
    /// Most transactions in a block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = crate::limit::COUNT))]
    pub max_txs_per_block: Option<u32>,
    /// Most transactions in a checkpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = crate::limit::COUNT))]
    pub max_txs_per_checkpoint: Option<u32>,
    /// Publish a checkpoint without transactions rather than none.
    pub build_checkpoint_if_empty: bool,
    /// Milliseconds for a block where a slot has several; without it a slot has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = crate::limit::COUNT))]
    pub block_duration_ms: Option<u32>,
    /// Seconds of a slot kept for publishing on L1; without it, an L1 slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = crate::limit::DAY))]
    pub l1_publishing_seconds: Option<u32>,
    /// Address that gets the rewards; empty: the attester's own.
    #[schemars(regex(pattern = crate::pattern::ADDRESS))]
    pub coinbase: String,
    /// Aztec address that gets the fees, `0x` and 64 hexadecimal digits; empty: nobody.
    #[schemars(regex(pattern = crate::values::network::AZTEC_ADDRESS))]
    pub fee_recipient: String,
}

pod_settings! {
    /// A further group of validators. What it doesn't say is as `validator` says.
    pub struct ValidatorGroup {
        /// Pods.
        #[schemars(range(max = crate::limit::PODS))]
        pub replicas: u32,
        /// Its keys start this much after `keys.attesterIndexStart` and `keys.publisherIndexStart`.
        #[schemars(range(min = 1, max = crate::limit::INDEX))]
        pub key_offset: u32,
        /// Attester keys in each pod.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 1, max = crate::limit::KEYS))]
        pub keys_per_replica: Option<u32>,
        /// L1 publisher keys in each pod.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 1, max = crate::limit::KEYS))]
        pub publishers_per_replica: Option<u32>,
        /// How blocks and checkpoints are made, where that differs from `validator.sequencer`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub sequencer: Option<GroupSequencer>,
    }
}

/// What a group of validators does otherwise than `validator.sequencer` says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct GroupSequencer {
    /// A block with fewer transactions is not made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = crate::limit::COUNT))]
    pub min_txs_per_block: Option<u32>,
    /// Most transactions in a block.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = crate::limit::COUNT))]
    pub max_txs_per_block: Option<u32>,
    /// Most transactions in a checkpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = crate::limit::COUNT))]
    pub max_txs_per_checkpoint: Option<u32>,
    /// Publish a checkpoint without transactions rather than none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_checkpoint_if_empty: Option<bool>,
    /// Milliseconds for a block where a slot has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = crate::limit::COUNT))]
    pub block_duration_ms: Option<u32>,
    /// Seconds of a slot kept for publishing on L1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = crate::limit::DAY))]
    pub l1_publishing_seconds: Option<u32>,
    /// Address that gets the rewards.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = crate::pattern::ADDRESS))]
    pub coinbase: Option<String>,
    /// Aztec address that gets the fees.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = crate::values::network::AZTEC_ADDRESS))]
    pub fee_recipient: Option<String>,
}

pod_settings! {
    /// Prover nodes.
    pub struct ProverNode {
        /// Pods.
        #[schemars(range(max = crate::limit::PODS))]
        pub replicas: u32,
        /// The design document's word for `network.realProofs: false`; all roles that say it must say the same.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub fake_proofs: Option<bool>,
        /// L1 publisher keys in each pod.
        #[schemars(range(min = 1, max = crate::limit::KEYS))]
        pub publishers_per_replica: u32,
    }
}

pod_settings! {
    /// Prover broker.
    pub struct ProverBroker {
        /// Pods: one wherever there is a prover node.
        #[schemars(range(max = 1))]
        pub replicas: u32,
        /// The design document's word for `network.realProofs: false`; all roles that say it must say the same.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub fake_proofs: Option<bool>,
    }
}

pod_settings! {
    /// Prover agents.
    pub struct ProverAgent {
        /// Pods.
        #[schemars(range(max = crate::limit::PODS))]
        pub replicas: u32,
        /// The design document's word for `network.realProofs: false`; all roles that say it must say the same.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub fake_proofs: Option<bool>,
    }
}

pod_settings! {
    /// Wallet servers.
    pub struct Pxe {
        /// Pods, each with wallets of its own.
        #[schemars(range(max = crate::limit::PODS))]
        pub replicas: u32,
        /// The design document's word for `network.realProofs: false`; all roles that say it must say the same.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub fake_proofs: Option<bool>,
    }
}
