//! Slashing in Aztec's variables: what the contracts are deployed with, and what nodes vote by.

use super::variables::{Env, list, set};
use aznet_model::config::NetworkConfig;

/// What `deploy-l1-contracts` reads.
pub(super) fn deployment(env: &mut Env, config: &NetworkConfig) {
    let (slashing, staking) = (&config.slashing, &config.staking);
    for (name, value) in [
        ("AZTEC_ACTIVATION_THRESHOLD", &staking.activation_threshold),
        ("AZTEC_EJECTION_THRESHOLD", &staking.ejection_threshold),
        (
            "AZTEC_LOCAL_EJECTION_THRESHOLD",
            &slashing.local_ejection_threshold,
        ),
        ("AZTEC_SLASH_AMOUNT_SMALL", &slashing.amounts.small),
        ("AZTEC_SLASH_AMOUNT_MEDIUM", &slashing.amounts.medium),
        ("AZTEC_SLASH_AMOUNT_LARGE", &slashing.amounts.large),
    ] {
        set(env, name, value);
    }
    for (name, value) in [
        ("AZTEC_EXIT_DELAY_SECONDS", staking.exit_delay_seconds),
        (
            "AZTEC_SLASHING_ROUND_SIZE_IN_EPOCHS",
            slashing.round_size_in_epochs,
        ),
        ("AZTEC_SLASHING_OFFSET_IN_ROUNDS", slashing.offset_in_rounds),
        (
            "AZTEC_SLASHING_EXECUTION_DELAY_IN_ROUNDS",
            slashing.execution_delay_in_rounds,
        ),
        (
            "AZTEC_SLASHING_LIFETIME_IN_ROUNDS",
            slashing.lifetime_in_rounds,
        ),
        (
            "AZTEC_SLASHING_DISABLE_DURATION",
            slashing.disable_duration_seconds,
        ),
    ] {
        set(env, name, &value);
    }
    set(env, "AZTEC_SLASHER_FLAVOR", &slashing.flavor);
    if let Some(quorum) = slashing.quorum {
        set(env, "AZTEC_SLASHING_QUORUM", &quorum);
    }
    if !slashing.vetoer.is_empty() {
        set(env, "AZTEC_SLASHING_VETOER", &slashing.vetoer);
    }
}

/// What nodes read.
pub(super) fn node(env: &mut Env, config: &NetworkConfig) {
    let slashing = &config.slashing;
    for (offence, name) in config.release.offences {
        let penalty = if slashing.disable_penalties {
            Some("0")
        } else {
            slashing.penalties.of(*offence)
        };
        if let Some(penalty) = penalty {
            set(env, name, penalty);
        }
    }
    let missed = f64::from(slashing.inactivity.missed_percent) / 100.0;
    set(env, "SLASH_INACTIVITY_TARGET_PERCENTAGE", &missed);
    for (name, value) in [
        (
            "SLASH_INACTIVITY_CONSECUTIVE_EPOCH_THRESHOLD",
            slashing.inactivity.consecutive_epochs,
        ),
        ("SLASH_GRACE_PERIOD_L2_SLOTS", slashing.grace_period_slots),
        (
            "SLASH_OFFENSE_EXPIRATION_ROUNDS",
            slashing.offense_expiration_rounds,
        ),
    ] {
        set(env, name, &value);
    }
    for (name, attesters) in [
        ("SLASH_VALIDATORS_NEVER", &slashing.never_slash),
        ("SLASH_VALIDATORS_ALWAYS", &slashing.always_slash),
    ] {
        list(env, name, attesters);
    }
}
