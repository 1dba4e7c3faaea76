//! Presets on the tier's network: each is done and proved, or refused by name.

use super::chaos::{applied, no_faults};
use super::checks::{expect, number};
use super::ends::nothing_is_left;
use super::machine::{CLUSTER, Checked, Machine, NETWORK, aznet, status, until};
use serde_json::Value;
use std::time::{Duration, Instant};

/// Presets of links, and their experiments.
const OF_LINKS: [(&str, &[&str]); 6] = [
    ("mild", &["mild"]),
    ("moderate", &["moderate-delay", "moderate-loss"]),
    ("rough", &["rough-delay", "rough-loss"]),
    ("hard", &["hard-delay", "hard-loss"]),
    ("network-requirements", &["network-requirements"]),
    ("slow-validators", &["slow-validators"]),
];

/// For half a minute each: to bite they need no more.
pub(crate) fn of_links(_: &Machine) -> Checked {
    for (preset, experiments) in OF_LINKS {
        let durations = experiments
            .iter()
            .map(|name| format!("experiments.{name}.duration=30s"));
        let durations: Vec<String> = durations.collect();
        let mut args = vec!["chaos", "apply", NETWORK, preset, "--cluster", CLUSTER];
        for duration in &durations {
            args.extend(["--set", duration]);
        }
        args.extend(["-o", "json"]);
        let output = aznet(&args)?;
        let said = String::from_utf8_lossy(&output.stderr);
        if output.status.code() == Some(23) && said.contains("can't do") {
            no_faults()?;
            continue;
        }
        let told: Value = serde_json::from_slice(&output.stdout)
            .map_err(|_| format!("{preset} ended with {}:\n{said}", output.status))?;
        let told = told.as_array().map(Vec::as_slice).unwrap_or_default();
        for stage in ["biting", "clean"] {
            let count = told.iter().filter(|one| one["stage"] == stage).count();
            expect(
                count >= experiments.len(),
                &format!("each experiment of {preset} {stage}"),
                &told,
            )?;
        }
        no_faults()?;
    }
    Ok(())
}

/// Slots that must go by without a checkpoint in the minute in which the committee is split; usually none does.
const LOST: u64 = 3;

/// Neither side of the committee is a quorum: hardly a checkpoint comes until they hear of each other.
pub(crate) fn split_committee(_: &Machine) -> Checked {
    let lasts = "experiments.split-committee.duration=60s";
    let checkpointed = || Ok::<_, String>(number(&status()?["tips"]["checkpointed"]));
    let (before, began) = (checkpointed()?, Instant::now());
    applied(&["split-committee", "--set", lasts])?;
    let (after, slots) = (checkpointed()?, began.elapsed().as_secs() / 12);
    expect(
        after + LOST <= before + slots,
        &format!("{LOST} of {slots} slots without a checkpoint"),
        &(before, after),
    )?;
    until(
        "checkpoints after the split",
        Duration::from_mins(4),
        |status| number(&status["tips"]["checkpointed"]) > after + 1,
    )?;
    no_faults()?;
    nothing_is_left()
}

/// The broker goes while an epoch is being proved; later epochs are proven.
pub(crate) fn broker_lost(_: &Machine) -> Checked {
    proven_after("prover-broker-lost")
}

/// What the prover can't send to the L1 it sends later.
pub(crate) fn proof_withheld(_: &Machine) -> Checked {
    proven_after("proof-withheld")
}

fn proven_after(preset: &str) -> Checked {
    let told = applied(&[preset])?;
    let at = |stage: usize| {
        let at = told[stage]["at"].as_str().unwrap_or_default();
        at.parse::<jiff::Timestamp>()
            .map_err(|error| format!("{at}: {error}"))
    };
    // An epoch has four slots of 12 s.
    let lasted = at(3)?.duration_since(at(1)?);
    expect(
        lasted.as_secs() >= 45,
        &format!("{preset} for an epoch"),
        &lasted,
    )?;
    let before = number(&status()?["tips"]["proven"]);
    until(
        "an epoch proven after the fault",
        Duration::from_mins(6),
        |status| number(&status["tips"]["proven"]) > before,
    )?;
    no_faults()?;
    nothing_is_left()
}
