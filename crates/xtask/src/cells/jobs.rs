//! The tests of a profile, where each runs, and the jobs that they are divided into. Pure.

use anyhow::{Context, Result};
use aznet_model::values::Values;
use aznet_scenarios::generate::REGRESSION;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

/// Where scenarios run: each on the first of these that lacks nothing for it.
pub(super) const NETWORKS: [&str; 3] = ["small", "guarded", "verifier"];

/// A test, as `aznet test --list -o json` lists it.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Listed {
    pub(super) network: String,
    pub(super) name: String,
    /// Why it would be skipped.
    pub(super) skipped: Option<String>,
}

/// A part of a profile's tests.
#[derive(Debug)]
pub(super) struct Job {
    /// Without its cluster.
    pub(super) name: String,
    /// What follows `aznet test`, without its cluster.
    pub(super) arguments: String,
}

/// The tests of a profile.
#[derive(Debug)]
pub(super) struct Tests {
    /// Scenarios, each on its network.
    pub(super) scenarios: Vec<Listed>,
    /// Of the matrix, what is not possible included.
    pub(super) matrix: Vec<Listed>,
    /// Scenarios that failed once, each on a network of its own.
    kept: Vec<Listed>,
    /// Scenarios that every network lacks something for, with what the first one lacks.
    pub(super) nowhere: BTreeMap<String, String>,
}

impl Tests {
    /// From what is listed for each of [`NETWORKS`], and for the matrix together with what failed once.
    pub(super) fn of(networks: impl IntoIterator<Item = Vec<Listed>>, matrix: Vec<Listed>) -> Self {
        let (kept, matrix) = apart(matrix);
        let (scenarios, nowhere) = placed(networks.into_iter().flatten());
        Self {
            scenarios,
            matrix,
            kept,
            nowhere,
        }
    }

    /// Their jobs, each of `most` tests at most.
    pub(super) fn jobs(&self, flags: &str, most: NonZeroUsize) -> Result<Vec<Job>> {
        let mut jobs = scenarios(&self.scenarios, flags, most);
        jobs.extend(self.kept.iter().map(|test| regression(test, flags)));
        jobs.extend(conditions(&self.matrix, flags, most)?);
        Ok(jobs)
    }
}

/// Tests of a network with these values: what it lacks something for is known to be skipped.
pub(super) fn lacking(mut tests: Vec<Listed>, values: &Values) -> Vec<Listed> {
    for test in &mut tests {
        let lacks = || aznet_scenarios::lacks(&test.name, values).map(str::to_owned);
        test.skipped = test.skipped.take().or_else(lacks);
    }
    tests
}

/// Each test once, where it can run first; and those that can run nowhere.
fn placed(tests: impl Iterator<Item = Listed>) -> (Vec<Listed>, BTreeMap<String, String>) {
    let (mut found, mut placed) = (BTreeSet::new(), Vec::new());
    let mut nowhere = BTreeMap::new();
    for test in tests {
        if found.contains(&test.name) {
            continue;
        }
        if let Some(why) = test.skipped {
            let why = format!("{} lacks {why}", test.network);
            nowhere.entry(test.name).or_insert(why);
        } else {
            nowhere.remove(&test.name);
            found.insert(test.name.clone());
            placed.push(test);
        }
    }
    (placed, nowhere)
}

/// Scenarios that failed once, each on a network of its own, and tests of networks that have a name.
fn apart(tests: Vec<Listed>) -> (Vec<Listed>, Vec<Listed>) {
    let kept = format!("@{REGRESSION}");
    let is_kept = |test: &Listed| test.name.ends_with(&kept);
    tests.into_iter().partition(is_kept)
}

/// Some tests of a network.
struct Part<'a> {
    network: &'a str,
    /// Such as `1-of-2`.
    which: String,
    tests: Vec<&'a Listed>,
}

/// Those that would run, by network, so many at a time.
fn parts(tests: &[Listed], most: NonZeroUsize) -> Vec<Part<'_>> {
    let mut networks = BTreeMap::<&str, Vec<&Listed>>::new();
    for test in tests.iter().filter(|test| test.skipped.is_none()) {
        networks.entry(&test.network).or_default().push(test);
    }
    let mut parts = Vec::new();
    for (network, tests) in networks {
        let count = tests.len().div_ceil(most.get());
        let chunks = tests.chunks(most.get()).enumerate();
        parts.extend(chunks.map(|(index, some)| Part {
            network,
            which: format!("{}-of-{count}", index + 1),
            tests: some.to_vec(),
        }));
    }
    parts
}

/// Jobs with some scenarios of a network each. By name: `--partition` would count those that run elsewhere or nowhere.
fn scenarios(tests: &[Listed], flags: &str, most: NonZeroUsize) -> Vec<Job> {
    let job = |part: Part<'_>| {
        let network = part.network;
        let tests = part.tests.iter();
        let names: Vec<String> = tests
            .map(|test| format!("{network}::{}", test.name))
            .collect();
        Job {
            name: format!("{network}-{}", part.which),
            arguments: format!("{flags} --network {network} {}", names.join(" ")),
        }
    };
    parts(tests, most).into_iter().map(job).collect()
}

/// The job of a scenario that failed once.
fn regression(test: &Listed, flags: &str) -> Job {
    Job {
        name: format!("{}-{REGRESSION}", test.network),
        arguments: format!("{flags} {}::{}", test.network, test.name),
    }
}

/// Jobs of the matrix with some conditions of a topology each.
fn conditions(tests: &[Listed], flags: &str, most: NonZeroUsize) -> Result<Vec<Job>> {
    let job = |part: Part<'_>| {
        let network = part.network;
        let named = |test: &&Listed| {
            let condition = test.name.split_once('@').map(|(_, condition)| condition);
            let condition = condition
                .with_context(|| format!("{network}::{}: expected TEST@CONDITION", test.name))?;
            Ok(format!(" --condition {condition}"))
        };
        let conditions: String = part.tests.iter().map(named).collect::<Result<_>>()?;
        Ok(Job {
            name: format!("{network}-matrix-{}", part.which),
            arguments: format!("{flags} --matrix --topology {network}{conditions}"),
        })
    };
    parts(tests, most).into_iter().map(job).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1);

    fn test(network: &str, name: &str, skipped: Option<&str>) -> Listed {
        Listed {
            network: network.to_owned(),
            name: name.to_owned(),
            skipped: skipped.map(str::to_owned),
        }
    }

    fn shown(jobs: &[Job]) -> Vec<String> {
        let jobs = jobs.iter();
        jobs.map(|job| format!("{}: {}", job.name, job.arguments))
            .collect()
    }

    #[test]
    fn every_scenario_is_in_one_job_of_the_first_network_that_can_have_it() {
        let small = vec![
            test("small", "a", None),
            test("small", "b", None),
            test("small", "c", Some("penalties")),
            test("small", "d", Some("telemetry")),
            test("small", "e", None),
        ];
        let guarded = vec![
            test("guarded", "a", None),
            test("guarded", "c", None),
            test("guarded", "d", Some("metrics")),
        ];
        let tests = Tests::of([small, guarded], Vec::new());
        let jobs = tests.jobs("--profile nightly", TWO).expect("jobs");
        assert_eq!(
            shown(&jobs),
            [
                "guarded-1-of-1: --profile nightly --network guarded guarded::c",
                "small-1-of-2: --profile nightly --network small small::a small::b",
                "small-2-of-2: --profile nightly --network small small::e",
            ]
        );
        let nowhere = BTreeMap::from([("d".to_owned(), "small lacks telemetry".to_owned())]);
        assert_eq!(tests.nowhere, nowhere);
    }

    #[test]
    fn what_a_network_lacks_is_known_by_its_values() {
        let (values, _) = crate::generate::planned(&crate::run::root(), "small").expect("a plan");
        let listed =
            ["transfer", "attack-inactive-validator"].map(|name| test("small", name, None));
        let skipped = lacking(listed.into(), &values)
            .into_iter()
            .map(|test| test.skipped.is_some());
        assert_eq!(skipped.collect::<Vec<_>>(), [false, true]);
        let told = lacking(vec![test("small", "transfer", Some("no pxe"))], &values);
        assert_eq!(told[0].skipped.as_deref(), Some("no pxe"));
    }

    #[test]
    fn what_failed_once_has_a_job_of_its_own() {
        let matrix = vec![
            test("seed-7", "transfer@regression", None),
            test("small", "transfer@calm", None),
        ];
        let jobs = Tests::of([], matrix).jobs("--profile pr", TWO);
        assert_eq!(
            shown(&jobs.expect("jobs")),
            [
                "seed-7-regression: --profile pr seed-7::transfer@regression",
                "small-matrix-1-of-1: --profile pr --matrix --topology small --condition calm",
            ]
        );
    }

    #[test]
    fn a_topology_is_brought_up_for_what_is_possible_on_it() {
        let tests = [
            test("small", "transfer@calm", None),
            test("one", "transfer@no-quorum", Some("one validator")),
            test("small", "transfer@roll-out", Some("not yet")),
            test("small", "transfer@no-quorum", None),
            test("small", "transfer@slow-links", None),
        ];
        let jobs = conditions(&tests, "--repeat 10", TWO).expect("names with conditions");
        assert_eq!(
            shown(&jobs),
            [
                "small-matrix-1-of-2: --repeat 10 --matrix --topology small --condition calm --condition no-quorum",
                "small-matrix-2-of-2: --repeat 10 --matrix --topology small --condition slow-links",
            ]
        );
    }

    #[test]
    fn a_cell_without_a_condition_is_refused() {
        let error = conditions(&[test("small", "transfer", None)], "", TWO).unwrap_err();
        assert!(error.to_string().contains("small::transfer"), "{error}");
    }
}
