//! What somebody needs to join a network with nodes of their own, read from it while it runs. Nothing of it is secret.

pub mod compose;
mod page;
mod served;
mod values;

pub use self::{
    page::page,
    served::{Packed, ServeError, root, serve},
    values::values,
};

use std::fmt;

use aznet_model::{release::Release, role::Role, values::Values};
use serde::Serialize;

use crate::{
    clients::{
        l2::{Node, NodeInfo},
        rpc::RpcError,
    },
    namespace::{NamespaceError, Network},
    observe::pods,
};

/// Secrets that a joiner makes, and the files that they are made of.
const SECRETS: [(&str, &[&str]); 3] = [
    ("blobs", &["accessKeyId", "secretAccessKey"]),
    ("l1", &["executionUrls", "consensusUrls"]),
    ("keys", &["mnemonic"]),
];

/// What somebody joins as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Joiner {
    /// A node that follows the chain.
    FullNode,
    /// One that proposes and attests.
    Validator,
    /// One that proves, with a broker and an agent.
    Prover,
    /// A full node with a wallet server, where the release has one.
    Wallet,
}

impl Joiner {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::FullNode, Self::Validator, Self::Prover, Self::Wallet];

    /// In an article's company, e.g. `a full node`.
    pub const fn words(self) -> &'static str {
        match self {
            Self::FullNode => "a full node",
            Self::Validator => "a validator",
            Self::Prover => "a prover",
            Self::Wallet => "a wallet",
        }
    }

    /// The node among the joiner's pods.
    pub const fn node(self) -> Role {
        match self {
            Self::FullNode | Self::Wallet => Role::FullNode,
            Self::Validator => Role::Validator,
            Self::Prover => Role::ProverNode,
        }
    }

    /// Whether it signs L1 transactions.
    pub const fn has_keys(self) -> bool {
        matches!(self, Self::Validator | Self::Prover)
    }

    /// Its release and its namespace in the commands of the page.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FullNode => "full-node",
            Self::Validator => "validator",
            Self::Prover => "prover",
            Self::Wallet => "wallet",
        }
    }
}

impl fmt::Display for Joiner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How a network can be joined.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The network's name.
    pub network: String,
    /// Its namespace.
    pub namespace: String,
    /// The values of its release.
    pub values: Values,
    /// The line of Aztec's releases.
    pub release: &'static Release,
    /// The version that a node says it is.
    pub node_version: String,
    /// Chain id of the L1.
    pub chain_id: u64,
    /// Version of the rollup.
    pub rollup_version: u64,
    /// Address of the registry.
    pub registry: String,
    /// Node records to join by.
    pub enrs: Vec<String>,
    /// URLs of the L1 that the operator tells everyone.
    pub l1_urls: Vec<String>,
}

/// Why nobody can be told how to join.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// Kubernetes.
    #[error(transparent)]
    Kubernetes(#[from] NamespaceError),
    /// No node that could be joined by says anything.
    #[error("network {network} is not up: no boot node or full node of it answers")]
    NotUp {
        /// The network.
        network: String,
        /// What the last one said.
        #[source]
        source: Option<RpcError>,
    },
    /// Nodes answer, and know neither registry nor ENR yet.
    #[error("network {network} is not up: its nodes name no registry or no ENR yet")]
    NotReady {
        /// The network.
        network: String,
    },
}

impl Facts {
    /// Asks the boot node, or where there is none the full nodes. Without `l1_urls`, those that the values name.
    ///
    /// # Errors
    /// [`JoinError`].
    pub async fn read(
        network: &Network,
        values: Values,
        l1_urls: Vec<String>,
    ) -> Result<Self, JoinError> {
        let (pods, release) = (pods::list(network).await?, network.release().await);
        let of = |role: Role| pods.iter().filter(move |pod| pod.role == role);
        let mut last = None;
        for pod in of(Role::BootNode).chain(of(Role::FullNode)) {
            match Node::in_pod(network, &pod.name, release).info().await {
                Ok(info) => return Self::of(network, release, values, info, l1_urls),
                Err(error) => last = Some(error),
            }
        }
        Err(JoinError::NotUp {
            network: network.name().to_owned(),
            source: last,
        })
    }

    fn of(
        network: &Network,
        release: &'static Release,
        values: Values,
        info: NodeInfo,
        l1_urls: Vec<String>,
    ) -> Result<Self, JoinError> {
        let (Some(registry), Some(enr)) = (info.contract("registry"), &info.enr) else {
            return Err(JoinError::NotReady {
                network: network.name().to_owned(),
            });
        };
        let mut enrs = vec![enr.clone()];
        let l1_urls = match &*l1_urls {
            [] => values.boot_node.join_bundles.l1_urls.clone(),
            _ => l1_urls,
        };
        enrs.extend(values.network.bootstrap_nodes.iter().cloned());
        Ok(Self {
            network: network.name().to_owned(),
            namespace: network.namespace().to_owned(),
            release,
            chain_id: info.l1_chain_id,
            rollup_version: info.rollup_version,
            registry: registry.to_owned(),
            node_version: info.node_version,
            enrs,
            l1_urls,
            values,
        })
    }

    /// Whether the L1 or its blobs are the release's own, which only pods of its cluster reach by its name.
    pub fn is_within(&self) -> bool {
        let own = &self.values;
        own.l1.anvil.enabled && (self.l1_urls.is_empty() || own.blob_store.in_chart())
    }

    /// The URLs of the L1; empty where everyone brings their own.
    pub fn execution_urls(&self) -> Vec<String> {
        if self.values.l1.anvil.enabled && self.l1_urls.is_empty() {
            return vec![format!("http://anvil.{}.svc:8545", self.namespace)];
        }
        self.l1_urls.clone()
    }

    /// Where blobs are, for nodes that have no consensus client; they need credentials.
    pub fn blobs(&self) -> Option<String> {
        let store = &self.values.blob_store;
        if self.values.l1.is_anvil() && store.in_chart() {
            let host = format!("blob-store.{}.svc", self.namespace);
            return Some(format!("s3://blobs/aztec?endpoint=http://{host}:7070"));
        }
        let elsewhere = store.enabled && !store.url.is_empty() && self.values.l1.is_anvil();
        elsewhere.then(|| store.url.clone())
    }

    /// What a joiner waits for less: snapshots to start from, where the network's nodes have any.
    pub fn snapshots(&self) -> Option<String> {
        let env = self.values.pod(Role::FullNode).env.unwrap_or_default();
        let names = ["SYNC_SNAPSHOTS_URLS", "SYNC_SNAPSHOTS_URL"];
        let found = names.into_iter().find_map(|name| env.get(name));
        // A password is before an `@`, a signature after a `?`.
        found.filter(|url| !url.contains(['@', '?'])).cloned()
    }

    /// Whether the network's nodes are reached from outside of its cluster.
    pub fn is_exposed(&self) -> bool {
        let p2p = self.values.pod(Role::BootNode).p2p.unwrap_or_default();
        p2p.exposure() != aznet_model::values::Exposure::ClusterIp
    }

    /// Port of p2p, TCP and UDP.
    pub fn p2p_port(&self) -> u16 {
        let service = self.values.defaults.service.unwrap_or_default();
        service.p2p_port.unwrap_or(40400)
    }
}
