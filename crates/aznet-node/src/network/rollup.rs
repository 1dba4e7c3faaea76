//! Which rollup the network of this pod is.

use alloy_primitives::Address;
use aznet_model::abi::{Registry, Rollup};
use aznet_model::config::NetworkConfig;
use thiserror::Error;

use crate::config::{self, ConfigError};
use crate::l1::{L1, L1Error};
use crate::network::join::{self, JoinError};
use crate::network::record::{Record, RecordError};
use crate::settings::Settings;
use crate::wait::TimeLimit;

/// Why it is not known which rollup the network is.
#[derive(Debug, Error)]
pub(crate) enum RollupError {
    /// The L1.
    #[error(transparent)]
    L1(#[from] L1Error),
    /// The pod's notes.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No node tells.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// The rollup has other timing than the configuration.
    #[error(
        "{what} is {actual} in the rollup {rollup} but {configured} in the values: nodes would reject its blocks"
    )]
    Timing {
        /// The rollup contract.
        rollup: Address,
        /// The field of the configuration.
        what: &'static str,
        /// The contract's value.
        actual: u64,
        /// The configuration's value.
        configured: u64,
    },
}

impl RollupError {
    /// Whether no restart of the pod can mend it.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::L1(error) => error.is_final(),
            Self::Config(error) => error.is_final(),
            Self::Join(error) => error.is_final(),
            Self::Record(_) => false,
            Self::Timing { .. } => true,
        }
    }
}

/// The canonical rollup of the network's registry, for who only looks: configured, noted by this pod, or told by
/// another.
pub(crate) fn find(
    config: &NetworkConfig,
    settings: &Settings,
    l1: &L1,
    limit: TimeLimit,
) -> Result<Address, RollupError> {
    let registry = registry(config, settings, l1, limit)?;
    Ok(l1.read(registry, &Registry::getCanonicalRollupCall {})?)
}

fn registry(
    config: &NetworkConfig,
    settings: &Settings,
    l1: &L1,
    limit: TimeLimit,
) -> Result<Address, RollupError> {
    if let Some(text) = &config.registry_address {
        return Ok(config::address("registryAddress", text)?);
    }
    if let Some(record) = Record::valid(&settings.data, l1)? {
        return Ok(record.registry);
    }
    Ok(join::registry_of_network(config, l1, limit)?)
}

/// The rollup of a registry, after a check that its timing is the configured one.
pub(crate) fn canonical(
    l1: &L1,
    registry: Address,
    config: &NetworkConfig,
) -> Result<Address, RollupError> {
    let rollup = l1.read(registry, &Registry::getCanonicalRollupCall {})?;
    for (what, actual, configured) in [
        (
            "slotDuration",
            l1.number(rollup, &Rollup::getSlotDurationCall {}),
            config.slot_duration,
        ),
        (
            "epochDuration",
            l1.number(rollup, &Rollup::getEpochDurationCall {}),
            config.epoch_duration,
        ),
        (
            "committeeSize",
            l1.number(rollup, &Rollup::getTargetCommitteeSizeCall {}),
            config.committee_size,
        ),
        (
            "proofSubmissionEpochs",
            l1.number(rollup, &Rollup::getProofSubmissionEpochsCall {}),
            config.proof_submission_epochs,
        ),
    ] {
        let actual = actual?;
        if actual != configured {
            return Err(RollupError::Timing {
                rollup,
                what,
                actual,
                configured,
            });
        }
    }
    Ok(rollup)
}
