//! Settings that a release does not have, each named with the releases that have it.

use crate::release::{ALL, Release, VariableChange};
use crate::role::Role;
use crate::slashing::{Offence, SlasherFlavor};
use crate::values::{Problem, Values};

/// The variable of a validator's `sequencer.l1PublishingSeconds`.
const PUBLISHING_TIME: &str = "SEQ_L1_PUBLISHING_TIME_ALLOWANCE_IN_SLOT";

pub(super) fn problems(values: &Values, release: &Release) -> Vec<Problem> {
    let mut problems = offences(values, release);
    problems.extend(slashing(values, release));
    problems.extend(publishing_time(values, release));
    problems.extend(arguments(values, release));
    problems
}

/// `only 4.1 has`, `only 5.2 and 6.0 have`.
fn only(having: &[&str]) -> String {
    let verb = if having.len() == 1 { "has" } else { "have" };
    format!("only {} {verb}", having.join(" and "))
}

fn with(has: impl Fn(&Release) -> bool) -> Vec<&'static str> {
    let having = ALL.into_iter().filter(|release| has(release));
    having.map(|release| release.name).collect()
}

/// The empire slasher went with 5.0.
fn slashing(values: &Values, release: &Release) -> Option<Problem> {
    let flavor = values.network.slashing.flavor;
    let renamed = |release: &Release| release.environment.change("AZTEC_SLASHER_FLAVOR").is_some();
    (flavor == SlasherFlavor::Empire && renamed(release) && values.deploys()).then(|| {
        Problem::new(
            "network.slashing.flavor",
            flavor,
            format!(
                "tally or none with Aztec {release}: {} the empire slasher",
                only(&with(|release| !renamed(release)))
            ),
            "set it to tally",
        )
    })
}

fn offences(values: &Values, release: &Release) -> Vec<Problem> {
    let penalties = &values.network.slashing.penalties;
    let unknown = Offence::NOT_IN_ALL.into_iter().filter(|(offence, _)| {
        let known = release.offences.iter().any(|(known, _)| known == offence);
        !known && penalties.asks_for(*offence)
    });
    unknown
        .map(|(offence, key)| {
            Problem::new(
                format!("network.slashing.penalties.{key}"),
                penalties.of(offence).unwrap_or_default(),
                format!(
                    "nothing with Aztec {release}: {} this offence",
                    only(&Release::with_offence(offence))
                ),
                "remove it",
            )
        })
        .collect()
}

fn publishing_time(values: &Values, release: &Release) -> Vec<Problem> {
    let dropped = |release: &Release| {
        release.environment.change(PUBLISHING_TIME) == Some(VariableChange::Dropped)
    };
    if !dropped(release) {
        return Vec::new();
    }
    let own = values.validator.sequencer.l1_publishing_seconds;
    let groups = values.validator_groups.iter().map(|(name, group)| {
        let sequencer = group.sequencer.as_ref();
        (
            format!("validatorGroups.{name}"),
            sequencer.and_then(|one| one.l1_publishing_seconds),
        )
    });
    let all = std::iter::once((Role::Validator.values_key().to_owned(), own)).chain(groups);
    let asked =
        all.filter_map(|(key, seconds)| Some((key, seconds.filter(|seconds| *seconds > 0)?)));
    asked
        .map(|(key, seconds)| {
            Problem::new(
                format!("{key}.sequencer.l1PublishingSeconds"),
                seconds,
                format!(
                    "nothing with Aztec {release}, whose sequencer keeps no such time: {} it",
                    only(&with(|release| !dropped(release)))
                ),
                "remove it",
            )
        })
        .collect()
}

/// The program ends at once with an option that it does not know.
fn arguments(values: &Values, release: &Release) -> Vec<Problem> {
    let mut problems = Vec::new();
    for workload in values.aztec_workloads() {
        let given = values.pod_of(&workload).args.unwrap_or_default();
        for argument in given {
            let option = argument.split('=').next().unwrap_or_default();
            if release.start.gone.contains(&option) {
                problems.push(Problem::new(
                    format!("{}.args", workload.values_key()),
                    &argument,
                    format!(
                        "options of Aztec {release}, which ends at once with another: {} {option}",
                        only(&with(|release| !release.start.gone.contains(&option)))
                    ),
                    "remove it",
                ));
            }
        }
    }
    problems
}
