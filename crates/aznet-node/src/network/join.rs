//! How a node finds the network it belongs to: the boot node's RPC tells the registry and an ENR to join by.
//!
//! A pod notes the registry, so that it can come back while the boot node is away; it then joins by other nodes.

use std::time::Duration;

use alloy_primitives::Address;
use aznet_model::config::NetworkConfig;
use aznet_model::role::Role;
use serde_json::{Value, json};

use crate::deployment::Record;
use crate::error::NodeError;
use crate::l1::L1;
use crate::rpc::{Rpc, RpcError};
use crate::say::{chain, say};
use crate::settings::Settings;
use crate::wait::{Deadline, Pause, WaitError};

/// A peer that is up answers in this time.
const PEER_TIMEOUT: Duration = Duration::from_secs(2);
/// So many are asked at most.
const MAX_PEERS: usize = 8;
/// A pod that knows its network waits for the boot node this long.
const PATIENCE: Duration = Duration::from_secs(20);

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
    deadline: Deadline,
) -> Result<Membership, NodeError> {
    let mut membership = match &config.endpoints.boot_node {
        Some(boot_node) => by_boot_node(boot_node, config, settings, l1, deadline)?,
        None => someone_elses(config)?,
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
fn someone_elses(config: &NetworkConfig) -> Result<Membership, NodeError> {
    let registry = config.registry_address.as_deref();
    let registry = registry.ok_or(NodeError::NoNetwork)?;
    Ok(Membership {
        registry: parse_address("registryAddress", registry)?,
        enrs: Vec::new(),
    })
}

fn by_boot_node(
    boot_node: &str,
    config: &NetworkConfig,
    settings: &Settings,
    l1: &L1,
    deadline: Deadline,
) -> Result<Membership, NodeError> {
    let path = Record::path(&settings.data);
    let noted = Record::valid(&path, l1)?;
    let limit = if noted.is_some() {
        deadline.at_most(PATIENCE)
    } else {
        deadline
    };
    let answer = limit.until("the boot node", || ask(boot_node, config, l1));
    match (answer, noted) {
        (Ok(membership), _) => {
            Record::write(&path, l1, membership.registry)?;
            Ok(membership)
        }
        (Err(error), Some(record)) => {
            let registry = record.registry;
            say(format_args!(
                "going on without the boot node, by registry {registry}: {error}"
            ));
            Ok(Membership {
                registry,
                enrs: Vec::new(),
            })
        }
        (Err(error), None) => Err(error.into()),
    }
}

/// An address that the configuration gives as text.
pub(crate) fn parse_address(what: &'static str, text: &str) -> Result<Address, NodeError> {
    text.parse().map_err(|_| NodeError::Address {
        what,
        seen: text.to_owned(),
    })
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
        .filter_map(|url| enr(&Rpc::with_timeout(url, PEER_TIMEOUT)).ok().flatten())
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
    deadline: Deadline,
) -> Result<Address, WaitError> {
    let boot_node = config.endpoints.boot_node.as_deref().map(Rpc::new);
    deadline.until("a node that names the registry", || {
        let told = match &boot_node {
            Some(boot_node) => registry(boot_node, config, l1),
            None => Err(Pause::not_yet("there is no boot node")),
        };
        told.or_else(|pause| registry_of_peers(config, l1).ok_or(pause))
    })
}

fn ask(url: &str, config: &NetworkConfig, l1: &L1) -> Result<Membership, Pause> {
    let rpc = Rpc::new(url);
    let registry = registry(&rpc, config, l1)?;
    let enr = enr(&rpc).map_err(|error| Pause::not_yet(chain(&error)))?;
    let enr = enr.ok_or_else(|| Pause::NotYet(format!("{} has no ENR yet", rpc.server())))?;
    Ok(Membership {
        registry,
        enrs: vec![enr],
    })
}

fn registry(rpc: &Rpc, config: &NetworkConfig, l1: &L1) -> Result<Address, Pause> {
    let info = rpc
        .call("node_getNodeInfo", &json!([]))
        .map_err(|error| Pause::not_yet(chain(&error)))?;
    let chain_id = info.get("l1ChainId").and_then(Value::as_u64);
    if chain_id != Some(config.l1.chain_id) {
        let (server, seen, ours) = (rpc.server(), chain_id.unwrap_or(0), config.l1.chain_id);
        return Err(Pause::Never(format!(
            "{server} is on L1 chain {seen}, this network on {ours}"
        )));
    }
    let address = info
        .pointer("/l1ContractAddresses/registryAddress")
        .or(info.pointer("/l1ContractAddresses/registry"));
    let address = address
        .and_then(Value::as_str)
        .and_then(|text| text.parse::<Address>().ok());
    let address =
        address.ok_or_else(|| Pause::NotYet(format!("{} names no registry", rpc.server())))?;
    if l1
        .has_code(address)
        .map_err(|error| Pause::not_yet(chain(&error)))?
    {
        return Ok(address);
    }
    Err(Pause::NotYet(format!(
        "{} names registry {address}, which this L1 does not have",
        rpc.server()
    )))
}

fn enr(rpc: &Rpc) -> Result<Option<String>, RpcError> {
    let answer = rpc.call("node_getEncodedEnr", &json!([]))?;
    Ok(answer.as_str().map(str::to_owned))
}
