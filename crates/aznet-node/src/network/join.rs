//! How a node finds the network it belongs to: the boot node's RPC tells the registry and an ENR to join by.
//!
//! A pod notes the registry, so that it can come back while the boot node is away; it then joins by other nodes.

use std::time::Duration;

use alloy_primitives::Address;
use aznet_kit::error::chain;
use aznet_kit::wait::{Look, WaitError};
use aznet_model::config::NetworkConfig;
use aznet_model::release::Release;
use aznet_model::role::Role;
use serde_json::{Value, json};
use thiserror::Error;

use crate::config::{self, ConfigError};
use crate::console::say;
use crate::l1::{L1, L1Error};
use crate::network::nodes;
use crate::network::record::{Record, RecordError};
use crate::settings::Settings;
use crate::wait::TimeLimit;
use aznet_kit::rpc::{Rpc, RpcError};

/// A peer that is up answers in this time.
const PEER_TIMEOUT: Duration = Duration::from_secs(2);
/// So many are asked at most.
const MAX_PEERS: usize = 8;
/// A pod that knows its network waits for the boot node this long.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why a pod can't join its network.
#[derive(Debug, Error)]
pub(crate) enum JoinError {
    /// A node does not answer.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// The L1.
    #[error(transparent)]
    L1(#[from] L1Error),
    /// The pod's notes.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Nobody told in time.
    #[error(transparent)]
    Wait(#[from] WaitError),
    /// Neither a boot node nor an address to join by.
    #[error("no boot node and no network.registryAddress: can't tell which network to join")]
    NoNetwork,
    /// A node belongs to a network on another L1.
    #[error("{server} is on L1 chain {seen}, this network on {expected}")]
    OtherChain {
        /// `scheme://host:port`.
        server: String,
        /// Its L1's chain id.
        seen: u64,
        /// That of the configuration.
        expected: u64,
    },
    /// A node is of another release.
    #[error(
        "{server} is Aztec {version}, this network is of release {expected} (network.json, release)"
    )]
    OtherRelease {
        /// `scheme://host:port`.
        server: String,
        /// What it says.
        version: String,
        /// That of the configuration.
        expected: &'static Release,
    },
    /// A node's registry is not on this L1.
    #[error("{server} names registry {registry}, which this L1 does not have")]
    OtherL1 {
        /// `scheme://host:port`.
        server: String,
        /// The registry.
        registry: Address,
    },
    /// A node does not know its registry.
    #[error("{server} names no registry")]
    NoRegistry {
        /// `scheme://host:port`.
        server: String,
    },
    /// A node can't be joined by yet.
    #[error("{server} has no ENR yet")]
    NoEnr {
        /// `scheme://host:port`.
        server: String,
    },
}

impl JoinError {
    /// Whether no restart of the pod can mend it.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Config(error) => error.is_final(),
            Self::L1(error) => error.is_final(),
            Self::NoNetwork | Self::OtherChain { .. } | Self::OtherRelease { .. } => true,
            Self::Rpc(_)
            | Self::Record(_)
            | Self::Wait(_)
            | Self::OtherL1 { .. }
            | Self::NoRegistry { .. }
            | Self::NoEnr { .. } => false,
        }
    }
}

/// What a node needs to know to join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Membership {
    /// The registry contract.
    pub(crate) registry: Address,
    /// ENRs of running nodes.
    pub(crate) enrs: Vec<String>,
}

/// Joins by the boot node; or, for a pod that was in the network before, by its own notes where the boot node is away.
pub(crate) fn join(
    role: Role,
    config: &NetworkConfig,
    settings: &Settings,
    l1: &L1,
    limit: TimeLimit,
) -> Result<Membership, JoinError> {
    let mut membership = if let Some(boot_node) = &config.endpoints.boot_node {
        by_boot_node(boot_node, config, settings, l1, limit)?
    } else {
        nodes::try_all(&config.bootstrap_nodes);
        someone_elses(config)?
    };
    membership
        .enrs
        .extend(config.bootstrap_nodes.iter().cloned());
    if role.is_node() {
        // A boot node that dies right after this node's start would leave it without anyone to ask.
        membership.enrs.extend(peers(config, settings));
    }
    Ok(membership)
}

/// A network that someone else runs: all there is to know is configured.
fn someone_elses(config: &NetworkConfig) -> Result<Membership, JoinError> {
    let registry = config.registry_address.as_deref();
    let registry = registry.ok_or(JoinError::NoNetwork)?;
    Ok(Membership {
        registry: config::address("registryAddress", registry)?,
        enrs: Vec::new(),
    })
}

fn by_boot_node(
    boot_node: &str,
    config: &NetworkConfig,
    settings: &Settings,
    l1: &L1,
    limit: TimeLimit,
) -> Result<Membership, JoinError> {
    let data = &settings.data;
    let noted = Record::valid(data, l1)?;
    let limit = if noted.is_some() {
        limit.at_most(PATIENCE)
    } else {
        limit
    };
    let answer = limit.until("the boot node", || {
        again_unless_final(ask(boot_node, config, l1))
    });
    match (answer, noted) {
        (Ok(membership), _) => {
            Record::write(data, l1, membership.registry)?;
            Ok(membership)
        }
        (Err(error), Some(record)) => {
            let registry = record.registry;
            say(format_args!(
                "going on without the boot node, by registry {registry}: {}",
                chain(&error)
            ));
            Ok(Membership {
                registry,
                enrs: Vec::new(),
            })
        }
        (Err(error), None) => Err(error),
    }
}

/// ENRs of the configured peers that answer right now, without this pod itself.
pub(crate) fn peers(config: &NetworkConfig, settings: &Settings) -> Vec<String> {
    let own = settings
        .pod_name
        .as_deref()
        .map(|name| format!("//{name}."));
    let others = config
        .endpoints
        .peers
        .iter()
        .take(MAX_PEERS)
        .filter(|url| own.as_ref().is_none_or(|own| !url.contains(own.as_str())));
    others
        .filter_map(|url| {
            let rpc = Rpc::with_timeout(url, PEER_TIMEOUT);
            enr(&rpc, config.release).ok().flatten()
        })
        .collect()
}

/// The registry by which running peers live, if there are any on this L1: a boot node that lost its notes must not
/// deploy a second network.
pub(crate) fn registry_of_peers(config: &NetworkConfig, l1: &L1) -> Option<Address> {
    let mut peers = config.endpoints.peers.iter();
    peers.find_map(|url| registry(&Rpc::with_timeout(url, PEER_TIMEOUT), config, l1).ok())
}

/// The registry, as the boot node or another node tells it.
pub(crate) fn registry_of_network(
    config: &NetworkConfig,
    l1: &L1,
    limit: TimeLimit,
) -> Result<Address, JoinError> {
    let boot_node = config.endpoints.boot_node.as_deref().map(Rpc::new);
    limit.until("a node that names the registry", || {
        let told = match &boot_node {
            Some(boot_node) => again_unless_final(registry(boot_node, config, l1)),
            None => Ok(Look::pending("there is no boot node")),
        };
        match registry_of_peers(config, l1) {
            Some(registry) if !matches!(told, Ok(Look::Done(_))) => Ok(Look::Done(registry)),
            _ => told,
        }
    })
}

fn ask(url: &str, config: &NetworkConfig, l1: &L1) -> Result<Membership, JoinError> {
    let rpc = Rpc::new(url);
    let registry = registry(&rpc, config, l1)?;
    let enr = enr(&rpc, config.release)?.ok_or_else(|| JoinError::NoEnr {
        server: rpc.server(),
    })?;
    Ok(Membership {
        registry,
        enrs: vec![enr],
    })
}

/// A node's answer; one that is of no use now may be of use later.
fn again_unless_final<T>(answer: Result<T, JoinError>) -> Result<Look<T>, JoinError> {
    match answer {
        Err(error) if error.is_final() => Err(error),
        answer => Ok(Look::from(answer)),
    }
}

fn registry(rpc: &Rpc, config: &NetworkConfig, l1: &L1) -> Result<Address, JoinError> {
    let info = rpc.call(config.release.methods.node_info, &json!([]))?;
    same_release(rpc, config.release, &info)?;
    let (server, expected) = (rpc.server(), config.l1.chain_id);
    let chain_id = info.get("l1ChainId").and_then(Value::as_u64);
    if chain_id != Some(expected) {
        let seen = chain_id.unwrap_or(0);
        return Err(JoinError::OtherChain {
            server,
            seen,
            expected,
        });
    }
    let address = info
        .pointer("/l1ContractAddresses/registryAddress")
        .or(info.pointer("/l1ContractAddresses/registry"));
    let address = address
        .and_then(Value::as_str)
        .and_then(|text| text.parse::<Address>().ok());
    match address {
        None => Err(JoinError::NoRegistry { server }),
        Some(registry) if l1.has_code(registry)? => Ok(registry),
        Some(registry) => Err(JoinError::OtherL1 { server, registry }),
    }
}

/// A version of which nothing is known here is let pass: someone says that it goes by this release.
fn same_release(rpc: &Rpc, expected: &'static Release, info: &Value) -> Result<(), JoinError> {
    let version = info.get("nodeVersion").and_then(Value::as_str);
    match version.and_then(Release::of_version) {
        Some(other) if other != expected => Err(JoinError::OtherRelease {
            server: rpc.server(),
            version: version.unwrap_or_default().to_owned(),
            expected,
        }),
        _ => Ok(()),
    }
}

fn enr(rpc: &Rpc, release: &Release) -> Result<Option<String>, RpcError> {
    let answer = rpc.call(release.methods.encoded_enr, &json!([]))?;
    Ok(answer.as_str().map(str::to_owned))
}
