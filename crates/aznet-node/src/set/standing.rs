//! Reading Aztec's L1 contracts.

use alloy_primitives::{Address, U256};
use aznet_model::abi::{Registry, Rollup};
use aznet_model::config::NetworkConfig;
use aznet_model::report::Standing;

use crate::error::NodeError;
use crate::l1::{L1, L1Error};

/// The rollup of a registry, after a check that its timing is the configured one.
pub(crate) fn canonical_rollup(
    l1: &L1,
    registry: Address,
    config: &NetworkConfig,
) -> Result<Address, NodeError> {
    let rollup = l1.read(registry, &Registry::getCanonicalRollupCall {})?;
    for (what, actual, configured) in [
        (
            "slotDuration",
            l1.read(rollup, &Rollup::getSlotDurationCall {}),
            config.slot_duration,
        ),
        (
            "epochDuration",
            l1.read(rollup, &Rollup::getEpochDurationCall {}),
            config.epoch_duration,
        ),
        (
            "committeeSize",
            l1.read(rollup, &Rollup::getTargetCommitteeSizeCall {}),
            config.committee_size,
        ),
        (
            "proofSubmissionEpochs",
            l1.read(rollup, &Rollup::getProofSubmissionEpochsCall {}),
            config.proof_submission_epochs,
        ),
    ] {
        let actual = actual?.saturating_to::<u64>();
        if actual != configured {
            return Err(NodeError::Timing {
                rollup,
                what,
                actual,
                configured,
            });
        }
    }
    Ok(rollup)
}

/// Where an attester stands.
pub(crate) fn standing(l1: &L1, rollup: Address, attester: Address) -> Result<Standing, L1Error> {
    let view = l1.read(rollup, &Rollup::getAttesterViewCall { attester })?;
    match view.standing() {
        Standing::Absent if queue(l1, rollup)?.contains(&attester) => Ok(Standing::Queued),
        standing => Ok(standing),
    }
}

/// Attesters that wait for a place, in their order.
pub(crate) fn queue(l1: &L1, rollup: Address) -> Result<Vec<Address>, L1Error> {
    let length = l1.number(rollup, &Rollup::getEntryQueueLengthCall {})?;
    let entry = |index| {
        let index = U256::from(index);
        let entry = l1.read(rollup, &Rollup::getEntryQueueAtCall { index })?;
        Ok(entry.attester)
    };
    (0..length).map(entry).collect()
}
