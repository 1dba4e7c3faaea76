//! Slashing: what the contracts refuse at deployment, and what a slash does to the network.

use crate::plan::committee;
use crate::slashing::SlasherFlavor;
use crate::units::whole;
use crate::values::{Problem, Values};

/// Slots that a round may have (`TallySlashingProposer.MAX_ROUND_SIZE`).
const MAX_ROUND_SLOTS: u64 = 1024;
/// Rounds that are remembered (`TallySlashingProposer.ROUNDABOUT_SIZE`).
const REMEMBERED_ROUNDS: u64 = 128;
/// A vote has two bits for each seat of each epoch of a round, in 128 bytes.
const SEATS_IN_A_VOTE: u64 = 4 * 128;

/// What the constructors of Aztec's L1 contracts would refuse, after minutes of deploying.
pub(super) fn problems(values: &Values) -> Vec<Problem> {
    if !values.network.registry_address.is_empty() {
        return Vec::new();
    }
    let mut problems = amounts(values);
    if values.network.slashing.flavor != SlasherFlavor::None {
        problems.extend(rounds(values));
    }
    if values.network.slashing.flavor == SlasherFlavor::Tally {
        problems.extend(votes(values));
    }
    problems
}

fn amount(text: &str) -> u128 {
    // The schema lets only digits through; what is too long for this is more than there can be of any asset.
    text.parse().unwrap_or(u128::MAX)
}

fn amounts(values: &Values) -> Vec<Problem> {
    let (staking, slashing) = (&values.network.staking, &values.network.slashing);
    let key = |name| format!("network.slashing.amounts.{name}");
    let mut problems = Vec::new();
    if amount(&slashing.amounts.small) == 0 {
        problems.push(Problem::new(key("small"), 0, "1 or more", ""));
    }
    for (name, low, high_name, high) in [
        (
            "small",
            &slashing.amounts.small,
            "medium",
            &slashing.amounts.medium,
        ),
        (
            "medium",
            &slashing.amounts.medium,
            "large",
            &slashing.amounts.large,
        ),
    ] {
        if amount(low) > amount(high) {
            let expected = format!("no more than {high_name}, {high}");
            problems.push(Problem::new(key(name), low, expected, "put them in order"));
        }
    }
    for (name, threshold) in [
        (
            "network.staking.ejectionThreshold",
            &staking.ejection_threshold,
        ),
        (
            "network.slashing.localEjectionThreshold",
            &slashing.local_ejection_threshold,
        ),
    ] {
        if amount(threshold) > amount(&staking.activation_threshold) {
            let expected = format!(
                "no more than network.staking.activationThreshold, {}: else a validator is ejected as it enters",
                staking.activation_threshold
            );
            problems.push(Problem::new(name, threshold, expected, "lower it"));
        }
    }
    problems
}

fn rounds(values: &Values) -> Vec<Problem> {
    let (slashing, key) = (&values.network.slashing, |name| {
        format!("network.slashing.{name}")
    });
    let mut problems = Vec::new();
    let slots = slashing
        .round_size_in_epochs
        .saturating_mul(values.network.epoch_duration);
    if !(2..=MAX_ROUND_SLOTS).contains(&slots) {
        let seen = format!("{} epochs, {slots} slots", slashing.round_size_in_epochs);
        let expected = format!("2 to {MAX_ROUND_SLOTS} slots");
        problems.push(Problem::new(
            key("roundSizeInEpochs"),
            seen,
            expected,
            "change it",
        ));
        return problems;
    }
    if let Some(quorum) = slashing
        .quorum
        .filter(|quorum| *quorum <= slots / 2 || *quorum > slots)
    {
        let expected = format!(
            "{} to {slots}: more than half of a round's slots",
            slots / 2 + 1
        );
        problems.push(Problem::new(
            key("quorum"),
            quorum,
            expected,
            "change it, or leave it null for the least",
        ));
    }
    let lifetime = slashing.lifetime_in_rounds;
    if lifetime <= slashing.execution_delay_in_rounds || lifetime >= REMEMBERED_ROUNDS {
        let expected = format!(
            "more than executionDelayInRounds ({}) and less than {REMEMBERED_ROUNDS}",
            slashing.execution_delay_in_rounds
        );
        problems.push(Problem::new(
            key("lifetimeInRounds"),
            lifetime,
            expected,
            "change it",
        ));
    }
    problems
}

fn votes(values: &Values) -> Vec<Problem> {
    let (network, slashing) = (&values.network, &values.network.slashing);
    let mut problems = Vec::new();
    if slashing.offset_in_rounds == 0 {
        let expected = "1 or more: votes are on rounds that are over";
        problems.push(Problem::new(
            "network.slashing.offsetInRounds",
            0,
            expected,
            "",
        ));
    }
    if network.committee_size == 0 {
        problems.push(Problem::new(
            "network.slashing.flavor",
            "tally without a committee",
            "none while network.committeeSize is 0: there is no validator to slash",
            "set it to none, or raise network.committeeSize",
        ));
    }
    let seats = network
        .committee_size
        .saturating_mul(slashing.round_size_in_epochs);
    if !seats.is_multiple_of(4) || seats > SEATS_IN_A_VOTE {
        problems.push(Problem::new(
            "network.slashing.roundSizeInEpochs",
            format!("{} with a committee of {}", slashing.round_size_in_epochs, network.committee_size),
            format!("a product that is a multiple of 4 and at most {SEATS_IN_A_VOTE}: a tally vote has no more room"),
            "change either, or set network.slashing.flavor to none",
        ));
    }
    problems
}

/// What slashing means for this network.
pub(super) fn note(values: &Values) -> Option<String> {
    let (network, committee) = (&values.network, committee::of(values));
    let slashing = &network.slashing;
    if committee.size == 0 || slashing.flavor == SlasherFlavor::None {
        return None;
    }
    if slashing.disable_penalties {
        return Some(
            "Penalties are off (network.slashing.disablePenalties): no validator is slashed, whatever it does."
                .into(),
        );
    }
    let left = amount(&network.staking.activation_threshold)
        .saturating_sub(amount(&slashing.amounts.small));
    let ejects = left < amount(&slashing.local_ejection_threshold);
    if committee.validators == committee.size && ejects {
        return Some(
            "There are no more validators than the committee has seats, slashing is on, and the smallest slash ejects \
             (network.slashing.localEjectionThreshold): one executed slash leaves too few and halts the network for \
             good. Set network.slashing.disablePenalties, lower the threshold, or add validators."
                .to_owned(),
        );
    }
    let then = if ejects {
        "and the smallest ejects the validator"
    } else {
        "and the smallest ejects no one"
    };
    Some(format!(
        "Slashing is on: a vote takes {}, {} or {} of a validator's {} staked tokens, {then}.",
        whole(&slashing.amounts.small),
        whole(&slashing.amounts.medium),
        whole(&slashing.amounts.large),
        whole(&network.staking.activation_threshold)
    ))
}
