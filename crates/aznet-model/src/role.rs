//! The parts a network is made of.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A component of a network. Its name is the name of its workload and the value of `app.kubernetes.io/component`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The L1 chain of a test network.
    Anvil,
    /// S3-compatible store of blobs.
    BlobStore,
    /// First node: deploys the L1 contracts, and the others find each other through it.
    BootNode,
    /// Node that follows the chain and answers RPC.
    FullNode,
    /// Node that proposes and attests.
    Validator,
    /// Node that turns epochs into proving jobs and publishes the proofs.
    ProverNode,
    /// Queue of proving jobs.
    ProverBroker,
    /// Worker that proves.
    ProverAgent,
    /// Wallet server.
    Pxe,
    /// Sender of transactions at a rate.
    Bot,
    /// Collector that nodes push metrics, logs and traces to.
    OtelCollector,
    /// Store of metrics.
    Prometheus,
    /// Dashboards.
    Grafana,
}

impl Role {
    /// Every role, in the order in which they come up.
    pub const ALL: [Self; 13] = [
        Self::Anvil,
        Self::BlobStore,
        Self::BootNode,
        Self::FullNode,
        Self::Validator,
        Self::ProverBroker,
        Self::ProverNode,
        Self::ProverAgent,
        Self::Pxe,
        Self::Bot,
        Self::OtelCollector,
        Self::Prometheus,
        Self::Grafana,
    ];

    /// Name of the workload and of its service, e.g. `full-node`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anvil => "anvil",
            Self::BlobStore => "blob-store",
            Self::BootNode => "boot-node",
            Self::FullNode => "full-node",
            Self::Validator => "validator",
            Self::ProverNode => "prover-node",
            Self::ProverBroker => "prover-broker",
            Self::ProverAgent => "prover-agent",
            Self::Pxe => "pxe",
            Self::Bot => "bot",
            Self::OtelCollector => "otel-collector",
            Self::Prometheus => "prometheus",
            Self::Grafana => "grafana",
        }
    }

    /// The key of this role in values.yaml, e.g. `fullNode`.
    pub const fn values_key(self) -> &'static str {
        match self {
            Self::Anvil => "l1.anvil",
            Self::BlobStore => "blobStore",
            Self::BootNode => "bootNode",
            Self::FullNode => "fullNode",
            Self::Validator => "validator",
            Self::ProverNode => "proverNode",
            Self::ProverBroker => "proverBroker",
            Self::ProverAgent => "proverAgent",
            Self::Pxe => "pxe",
            Self::Bot => "bot",
            Self::OtelCollector => "telemetry.collector",
            Self::Prometheus => "telemetry.prometheus",
            Self::Grafana => "telemetry.grafana",
        }
    }

    /// The role of this name, as in the label `app.kubernetes.io/component`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// `true` for the roles that run Aztec's node (`start --node`) and so answer its JSON-RPC.
    pub const fn is_node(self) -> bool {
        matches!(
            self,
            Self::BootNode | Self::FullNode | Self::Validator | Self::ProverNode
        )
    }

    /// `true` for the roles whose pods set themselves up, by aznet-node.
    pub const fn configures_itself(self) -> bool {
        matches!(self, Self::Anvil) || self.pushes()
    }

    /// `true` where pods have an ordinal and a stable name (StatefulSet), `false` for Deployments.
    pub const fn is_stateful(self) -> bool {
        !matches!(self, Self::Anvil | Self::ProverAgent) && !self.observes()
    }

    /// `true` where pods keep something that a volume is for.
    pub const fn keeps(self) -> bool {
        !matches!(self, Self::ProverAgent | Self::OtelCollector)
    }

    /// `true` for what watches the network and is no part of it.
    pub const fn observes(self) -> bool {
        matches!(self, Self::OtelCollector | Self::Prometheus | Self::Grafana)
    }

    /// `true` for the roles that run Aztec's code, which push metrics, logs and traces where telemetry is on.
    pub const fn pushes(self) -> bool {
        !matches!(self, Self::Anvil | Self::BlobStore) && !self.observes()
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
