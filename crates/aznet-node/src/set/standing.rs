//! Where attesters stand, as the rollup has it.

use alloy_primitives::{Address, U256};
use aznet_model::abi::Rollup;
use aznet_model::report::Standing;

use crate::l1::{L1, L1Error};

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
