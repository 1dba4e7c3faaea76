//! Whether what the workflows ask for fits what there is: networks, scenarios and conditions as they are now.

use super::jobs::{Listed, NETWORKS, Tests, lacking};
use super::{MOST, clusters, flags};
use crate::generate::planned;
use crate::measured::Measured;
use crate::run;
use aznet_runner::stats::Times;
use aznet_runner::{Failure, Profiles, Test, Wanted, select};
use aznet_scenarios::Provide;
use aznet_scenarios::condition::{CONDITIONS, Condition};
use aznet_scenarios::generate::REGRESSION;
use aznet_scenarios::matrix::{self, Allows, Equip, Row};
use aznet_scenarios::topology::{Facts, TOPOLOGIES};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

const E2E: &str = include_str!("../../../../.github/workflows/network-e2e.yml");
const NIGHTLY: &str = include_str!("../../../../.github/workflows/nightly.yml");

/// Minutes that each run of a test is given on average. What is known of more is more.
const RUN: u64 = 12;
/// Minutes in which a network starts: once for all tests that share it, and in each run of those that have their own.
const START: u64 = 2;
/// Minutes of a job in which no test may run: the workflow takes them off.
const BESIDE: u64 = 20;

/// What the workflow of networks is asked for.
#[derive(Debug, Deserialize)]
struct Asked {
    profile: String,
    repeat: u32,
    tests: NonZeroUsize,
    minutes: u64,
}

#[derive(Deserialize)]
struct Input<T> {
    default: T,
}

#[derive(Deserialize)]
struct Inputs {
    repeat: Input<u32>,
    tests: Input<NonZeroUsize>,
    minutes: Input<u64>,
}

fn parsed<T: DeserializeOwned>(workflow: &str, path: &[&str]) -> T {
    let mut value: serde_norway::Value = serde_norway::from_str(workflow).expect("a workflow");
    for key in path {
        value = value[*key].clone();
    }
    serde_norway::from_value(value).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

/// For each profile that is offered by hand, and every night.
fn asked() -> Vec<Asked> {
    let inputs: Inputs = parsed(E2E, &["on", "workflow_call", "inputs"]);
    let offered = ["on", "workflow_dispatch", "inputs", "profile", "options"];
    let by_hand = parsed::<Vec<String>>(E2E, &offered).into_iter();
    let by_hand = by_hand.map(|profile| Asked {
        profile,
        repeat: inputs.repeat.default,
        tests: inputs.tests.default,
        minutes: inputs.minutes.default,
    });
    let nightly = parsed(NIGHTLY, &["jobs", "everything", "with"]);
    by_hand.chain([nightly]).collect()
}

fn nothing() -> Provide {
    Arc::new(|| Box::pin(async { Err(Failure::skipped("no network")) }))
}

/// The tests of a profile, as the program lists them.
fn tests(profile: &str) -> Tests {
    let profile = Profiles::read(None).and_then(|all| all.get(profile));
    let wanted = Wanted {
        within: profile.expect("a profile").filter,
        ..Wanted::default()
    };
    let networks = NETWORKS.map(|network| {
        let (values, _) = planned(&run::root(), network).expect("a plan");
        let tests = aznet_scenarios::tests(network, &nothing(), None);
        lacking(listed(tests, &wanted, &BTreeMap::new()), &values)
    });
    let rows: Vec<Row> = TOPOLOGIES.iter().map(|one| row(one.name)).collect();
    let conditions: Vec<&Condition> = CONDITIONS.iter().collect();
    let equip: Equip = Arc::new(|_| Box::pin(async { Err(Failure::skipped("no network")) }));
    let cells = matrix::tests(&rows, &conditions, &equip);
    let mut matrix = listed(cells, &wanted, &refusals(&rows, &conditions));
    matrix.extend(kept());
    Tests::of(networks, matrix)
}

fn listed(tests: Vec<Test>, wanted: &Wanted, refusals: &BTreeMap<String, String>) -> Vec<Listed> {
    let selected = select(tests, wanted).selected.into_iter();
    let listed = selected.map(|test| Listed {
        skipped: refusals.get(&test.id.to_string()).cloned(),
        network: test.id.network,
        name: test.id.name,
    });
    listed.collect()
}

fn row(topology: &str) -> Row {
    let (values, plan) = planned(&run::root(), topology).expect("a plan");
    Row {
        topology: topology.to_owned(),
        facts: Facts::of(&values, &plan),
        allows: Allows::Everything,
        shared: nothing(),
        fresh: nothing(),
        spoil: Arc::new(|| ()),
    }
}

fn refusals(rows: &[Row], conditions: &[&Condition]) -> BTreeMap<String, String> {
    let cells = rows
        .iter()
        .flat_map(|row| conditions.iter().map(move |condition| (row, condition)));
    let refused = cells.filter_map(|(row, condition)| {
        let id = matrix::id(&row.topology, condition).to_string();
        Some((id, row.refusal(condition)?))
    });
    refused.collect()
}

/// What failed once and was committed; none if there is no such folder.
fn kept() -> Vec<Listed> {
    let folder = run::root().join("networks/regressions");
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let listed = files.filter_map(|file| {
        Some(Listed {
            network: file.path().file_stem()?.to_string_lossy().into_owned(),
            name: format!("transfer@{REGRESSION}"),
            skipped: None,
        })
    });
    listed.collect()
}

/// Minutes that the slowest of these tests takes where it takes its usual time, as far as that is known.
fn slowest(tests: &Tests) -> u64 {
    let measured = Measured::read().expect("results");
    let histories = measured.histories();
    let usual = |test: &Listed| {
        let history = histories.get(format!("{}::{}", test.network, test.name).as_str())?;
        let passes = history.results.iter().flatten();
        let times = passes.map(|seconds| Duration::from_secs_f64(*seconds));
        Some(Times::of(times.collect())?.median.as_secs().div_ceil(60))
    };
    let all = tests.scenarios.iter().chain(&tests.matrix);
    all.filter_map(usual).max().unwrap_or_default()
}

#[test]
fn a_matrix_takes_all_jobs_and_each_has_the_time_for_its_tests() {
    let clusters = clusters(E2E).len();
    for asked in asked() {
        let tests = tests(&asked.profile);
        let jobs = tests.jobs(&flags(&asked.profile, asked.repeat), asked.tests);
        let count = jobs.expect("jobs").len() * clusters;
        assert!((1..=MOST).contains(&count), "{asked:?}: {count} jobs");
        let run = RUN.max(slowest(&tests) + START);
        let runs = u64::from(asked.repeat) * asked.tests.get() as u64;
        let (needed, given) = (START + runs * run, asked.minutes - BESIDE);
        assert!(needed <= given, "{asked:?}: {needed} min in {given}");
    }
}

/// What no network of the workflow can have has a job of its own in the nightly run.
#[test]
fn every_scenario_runs_once_a_night() {
    let tests = tests("nightly");
    let placed = tests.scenarios.iter().map(|test| test.name.as_str());
    let placed: Vec<&str> = placed.collect();
    let nowhere: Vec<&str> = tests.nowhere.keys().map(String::as_str).collect();
    let all: BTreeSet<&str> = placed.iter().chain(&nowhere).copied().collect();
    let known: BTreeSet<&str> = aznet_scenarios::known().map(|(name, _)| name).collect();
    assert_eq!(all, known);
    assert_eq!(all.len(), placed.len() + nowhere.len());
    for name in nowhere {
        let command = format!("aznet test {name} ");
        assert!(NIGHTLY.contains(&command), "no job runs {name}");
    }
}

/// A word selects each test whose name contains it.
#[test]
fn words_select_no_other_scenario() {
    for one in tests("nightly").scenarios {
        let id = format!("{}::{}", one.network, one.name);
        let ids = aznet_scenarios::known().map(|(name, _)| format!("{}::{name}", one.network));
        let selected: Vec<String> = ids.filter(|other| other.contains(&id)).collect();
        assert_eq!(selected, [id]);
    }
}
