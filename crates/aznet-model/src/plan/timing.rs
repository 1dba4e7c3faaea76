//! How long things take.

use crate::values::Values;
use serde::Serialize;

/// Durations in seconds that follow from the timing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Timing {
    /// A slot: a checkpoint is due in each.
    pub slot_seconds: u64,
    /// An epoch.
    pub epoch_seconds: u64,
    /// From the end of an epoch until it is pruned for want of a proof.
    pub proof_window_seconds: u64,
    /// Wait for the first committee after deployment.
    pub warm_up_seconds: u64,
    /// What that wait would be without the jump of the L1 clock.
    pub warm_up_without_jump_seconds: u64,
    /// From a block's proof on L1 until it is final; `None` where the L1 decides.
    pub finality_seconds: Option<u64>,
}

pub(super) fn of(values: &Values) -> Timing {
    let (network, l1) = (&values.network, &values.l1);
    let epoch = network.epoch_duration.saturating_mul(network.slot_duration);
    let lag = network
        .lag_in_epochs_for_validator_set
        .max(network.lag_in_epochs_for_randao);
    let without_jump = if network.registry_address.is_empty() {
        lag.saturating_add(1).saturating_mul(epoch)
    } else {
        0
    };
    let jumps = network.skip_warm_up && l1.anvil.enabled;
    Timing {
        slot_seconds: network.slot_duration,
        epoch_seconds: epoch,
        proof_window_seconds: network.proof_submission_epochs.saturating_mul(epoch),
        warm_up_seconds: if jumps { 0 } else { without_jump },
        warm_up_without_jump_seconds: without_jump,
        finality_seconds: l1.anvil.enabled.then(|| {
            2_u64
                .saturating_mul(l1.anvil.slots_in_an_epoch)
                .saturating_mul(l1.block_time)
        }),
    }
}
