//! Which rollup the network of this pod is, for who only looks.

use alloy_primitives::Address;
use aznet_model::abi::Registry;
use aznet_model::config::NetworkConfig;

use crate::deployment::Record;
use crate::error::NodeError;
use crate::join;
use crate::l1::L1;
use crate::settings::Settings;
use crate::wait::Deadline;

/// The canonical rollup of the network's registry: configured, noted by this pod, or told by another.
pub(crate) fn rollup(
    config: &NetworkConfig,
    settings: &Settings,
    l1: &L1,
    deadline: Deadline,
) -> Result<Address, NodeError> {
    let registry = registry(config, settings, l1, deadline)?;
    Ok(l1.read(registry, &Registry::getCanonicalRollupCall {})?)
}

fn registry(
    config: &NetworkConfig,
    settings: &Settings,
    l1: &L1,
    deadline: Deadline,
) -> Result<Address, NodeError> {
    if let Some(text) = &config.registry_address {
        return join::parse_address("registryAddress", text);
    }
    if let Some(record) = Record::valid(&Record::path(&settings.data), l1)? {
        return Ok(record.registry);
    }
    Ok(join::registry_of_network(config, l1, deadline)?)
}
