//! The committee: quorum, and how many may fail.

use crate::committee::quorum;
use crate::values::{Validators, Values};
use serde::Serialize;

/// Who decides in an epoch, and how many of them may be away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Committee {
    /// Validators drawn for each epoch; 0: anybody may propose.
    pub size: u64,
    /// Attestations that a checkpoint needs.
    pub quorum: u64,
    /// Validators registered on L1 by this network.
    pub validators: u64,
    /// Attester keys in each validator pod; of groups that differ, the most.
    pub keys_per_pod: u64,
    /// Committee members that may be away while the chain still moves.
    pub may_fail: u64,
    /// Validator pods that may be away whatever the draw: a pod takes all its keys with it.
    pub pods_may_fail: u64,
}

pub(super) fn of(values: &Values) -> Committee {
    let groups = values.validators();
    let present = groups.iter().filter(|group| group.replicas > 0);
    let size = values.network.committee_size;
    let keys_per_pod = present
        .map(|group| u64::from(group.keys_per_replica))
        .max()
        .unwrap_or(values.validator.keys_per_replica.into());
    let may_fail = size - quorum(size);
    Committee {
        size,
        quorum: quorum(size),
        validators: groups.iter().map(Validators::attesters).sum(),
        keys_per_pod,
        may_fail,
        pods_may_fail: may_fail.checked_div(keys_per_pod).unwrap_or_default(),
    }
}
