//! `cargo xtask cells`: the jobs into which a workflow divides the tests of a profile, by what `aznet test --list` says.

use crate::{cargo, run};
use anyhow::{Context, Result, bail};
use aznet_scenarios::generate::REGRESSION;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::Stdio;

/// A test, as `aznet test --list -o json` lists it.
#[derive(Debug, Deserialize)]
struct Listed {
    network: String,
    name: String,
    /// Why it would be skipped.
    skipped: Option<String>,
}

/// A job.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Cell {
    /// Names the job and what it leaves behind.
    name: String,
    /// What follows `aznet test`.
    arguments: String,
    /// Differs if its outcome may: by what it runs and by what that is made of.
    key: String,
}

/// Tests of one job, at most, if nothing else is said.
pub(crate) const TESTS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(2);
/// Jobs that a matrix may make (docs.github.com, "Running variations of jobs in a workflow").
const MOST: usize = 256;
/// What the outcome of a job comes from.
const SOURCES: [&str; 12] = [
    ".cargo",
    "Cargo.lock",
    "Cargo.toml",
    "adversaries",
    "aznet.toml",
    "crates",
    "helm-charts",
    "images",
    "networks",
    "pxe",
    "rust-toolchain.toml",
    "toolchain",
];

/// A part of a profile's tests.
#[derive(Debug)]
struct Job {
    name: String,
    arguments: String,
}

impl Job {
    /// The cell that runs it on a cluster, with sources of these contents.
    fn on(&self, cluster: &str, contents: &str) -> Cell {
        let arguments = format!("{} --cluster {cluster}", self.arguments);
        let provider = cluster.split_once(':').map_or(cluster, |(first, _)| first);
        let content = Sha256::digest(format!("{arguments}\n{contents}"));
        Cell {
            name: format!("{}-{provider}", self.name),
            arguments,
            key: format!("passed-{}", run::hex(&content)),
        }
    }
}

/// As `strategy.matrix` takes it.
#[derive(Debug, Serialize)]
struct Matrix {
    include: Vec<Cell>,
}

/// Prints a line of JSON: each job once for each cluster, without those that passed.
pub(crate) fn print(
    profile: &str,
    repeat: u32,
    tests: NonZeroUsize,
    clusters: &[String],
    passed: Option<&Path>,
) -> Result<()> {
    let cells = all(profile, repeat, tests, clusters)?;
    let passed = passed.map(fs::read_to_string).transpose();
    let passed = passed.context("reading the keys of jobs that passed")?;
    let (known, include) = divide(cells, passed.as_deref().unwrap_or_default());
    if include.len() > MOST {
        let count = include.len();
        bail!(
            "{count} jobs are more than the {MOST} that a workflow may have; raise --tests, so that each runs more of them"
        );
    }
    tell(&known)?;
    println!("{}", serde_json::to_string(&Matrix { include })?);
    Ok(())
}

/// Refuses a name that no job of the workflow has on a pull request.
pub(crate) fn expect(name: &str, workflow: &str) -> Result<()> {
    let cells = all("pr", 1, TESTS, &clusters(workflow))?;
    if cells.iter().any(|cell| cell.name == name) {
        return Ok(());
    }
    let names: Vec<&str> = cells.iter().map(|cell| cell.name.as_str()).collect();
    bail!("no job is called {name:?}; there are {}", names.join(", "));
}

/// Those on which a workflow has its cells run.
fn clusters(workflow: &str) -> Vec<String> {
    let line = workflow.lines().find(|line| line.contains("xtask cells"));
    let words = line.unwrap_or_default().split([' ', ')']);
    let after = words.clone().skip(1);
    let named = words.zip(after).filter(|(flag, _)| *flag == "--cluster");
    named.map(|(_, cluster)| cluster.to_owned()).collect()
}

/// Builds the program and has it list its tests.
fn all(profile: &str, repeat: u32, tests: NonZeroUsize, clusters: &[String]) -> Result<Vec<Cell>> {
    let mut build = cargo::linted(&["build", "--workspace", "--bins"]);
    // Stdout is for the answer alone.
    build.stdout(Stdio::null());
    run::finish(build)?;
    let mut flags = format!("--profile {profile}");
    if repeat > 1 {
        let _ = write!(flags, " --repeat {repeat}");
    }
    let (kept, alone) = apart(listed(profile, &[])?);
    let (_, matrix) = apart(listed(profile, &["--matrix"])?);
    let mut jobs = partitions(&alone, &flags, tests);
    jobs.extend(kept.iter().map(|test| regression(test, &flags)));
    jobs.extend(conditions(&matrix, &flags, tests)?);
    let contents = contents()?;
    let cells = clusters
        .iter()
        .flat_map(|cluster| jobs.iter().map(|job| job.on(cluster, &contents)));
    Ok(cells.collect())
}

/// Those whose keys are among the lines of `passed`, and the others.
fn divide(cells: Vec<Cell>, passed: &str) -> (Vec<Cell>, Vec<Cell>) {
    let passed: BTreeSet<&str> = passed.lines().map(str::trim).collect();
    cells
        .into_iter()
        .partition(|cell| passed.contains(cell.key.as_str()))
}

/// Says what is not run again: in the summary of the job, too, if this is one.
fn tell(known: &[Cell]) -> Result<()> {
    if known.is_empty() {
        return Ok(());
    }
    let mut text = String::from("Not run again, since they passed with the same contents:\n\n");
    for cell in known {
        let _ = writeln!(text, "- {}: `aznet test {}`", cell.name, cell.arguments);
    }
    eprint!("{text}");
    let Some(file) = std::env::var_os("GITHUB_STEP_SUMMARY") else {
        return Ok(());
    };
    let file = OpenOptions::new().append(true).create(true).open(file);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .context("writing the summary of the job")
}

/// The trees and files of [`SOURCES`], with their hashes.
fn contents() -> Result<String> {
    let mut list = run::command("git", &["ls-tree", "HEAD", "--"]);
    list.args(SOURCES);
    let output = list.output().context("git could not be started")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        bail!("`{}` failed: {said}", run::words(&list));
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn listed(profile: &str, more: &[&str]) -> Result<Vec<Listed>> {
    let words = ["test", "--profile", profile, "--list", "--output", "json"];
    let mut list = run::command(cargo::aznet()?, &[&words, more].concat());
    let words = run::words(&list);
    let output = list
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("`{words}` could not be started"))?;
    if !output.status.success() {
        bail!("`{words}` failed: {}", output.status);
    }
    serde_json::from_slice(&output.stdout).with_context(|| format!("reading what `{words}` lists"))
}

/// Scenarios that failed once, each on a network of its own, and tests of networks that have a name.
fn apart(tests: Vec<Listed>) -> (Vec<Listed>, Vec<Listed>) {
    let kept = format!("@{REGRESSION}");
    let is_kept = |test: &Listed| test.name.ends_with(&kept);
    tests.into_iter().partition(is_kept)
}

/// The job of a scenario that failed once.
fn regression(test: &Listed, flags: &str) -> Job {
    Job {
        name: format!("{}-{REGRESSION}", test.network),
        arguments: format!("{flags} {}::{}", test.network, test.name),
    }
}

/// Those that would run, by network.
fn by_network(tests: &[Listed]) -> BTreeMap<&str, Vec<&Listed>> {
    let mut networks = BTreeMap::<&str, Vec<&Listed>>::new();
    for test in tests.iter().filter(|test| test.skipped.is_none()) {
        networks.entry(&test.network).or_default().push(test);
    }
    networks
}

/// Jobs with a part of a network's tests each.
fn partitions(tests: &[Listed], flags: &str, most: NonZeroUsize) -> Vec<Job> {
    let mut jobs = Vec::new();
    for (network, tests) in by_network(tests) {
        let count = tests.len().div_ceil(most.get());
        jobs.extend((1..=count).map(|part| Job {
            name: format!("{network}-{part}-of-{count}"),
            arguments: format!("{flags} --network {network} --partition {part}/{count}"),
        }));
    }
    jobs
}

/// Jobs of the matrix with some conditions of a topology each. Not by parts: a part may hold nothing but impossible jobs.
fn conditions(tests: &[Listed], flags: &str, most: NonZeroUsize) -> Result<Vec<Job>> {
    let mut jobs = Vec::new();
    for (network, tests) in by_network(tests) {
        let count = tests.len().div_ceil(most.get());
        for (index, some) in tests.chunks(most.get()).enumerate() {
            let mut arguments = format!("{flags} --matrix --topology {network}");
            for test in some {
                let (_, condition) = test.name.split_once('@').with_context(|| {
                    format!("{network}::{}: expected TEST@CONDITION", test.name)
                })?;
                let _ = write!(arguments, " --condition {condition}");
            }
            jobs.push(Job {
                name: format!("{network}-matrix-{}-of-{count}", index + 1),
                arguments,
            });
        }
    }
    Ok(jobs)
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
    fn clusters_are_those_of_the_workflow() {
        let workflow = include_str!("../../../.github/workflows/network-e2e.yml");
        assert_eq!(clusters(workflow), ["embedded", "kind:e2e"]);
    }

    #[test]
    fn every_test_is_in_one_part() {
        let tests = ["a", "b", "c"].map(|name| test("small", name, None));
        assert_eq!(
            shown(&partitions(&tests, "--profile pr", TWO)),
            [
                "small-1-of-2: --profile pr --network small --partition 1/2",
                "small-2-of-2: --profile pr --network small --partition 2/2",
            ]
        );
    }

    #[test]
    fn what_failed_once_has_a_job_of_its_own() {
        let tests = vec![
            test("seed-7", "transfer@regression", None),
            test("small", "transfer", None),
        ];
        let (kept, others) = apart(tests);
        let job = regression(&kept[0], "--profile pr");
        assert_eq!(
            shown(&[job]),
            ["seed-7-regression: --profile pr seed-7::transfer@regression"]
        );
        assert_eq!((kept.len(), others[0].network.as_str()), (1, "small"));
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
    fn a_key_says_what_runs_where_and_of_what() {
        let job = |arguments: &str| Job {
            name: "small-1-of-1".to_owned(),
            arguments: arguments.to_owned(),
        };
        let cell = job("--network small").on("kind:e2e", "040000 tree 1\tcrates");
        assert_eq!(cell.name, "small-1-of-1-kind");
        assert_eq!(cell.arguments, "--network small --cluster kind:e2e");
        let others = [
            job("--network small").on("embedded", "040000 tree 1\tcrates"),
            job("--network small").on("kind:e2e", "040000 tree 2\tcrates"),
            job("--network tiny").on("kind:e2e", "040000 tree 1\tcrates"),
        ];
        assert!(
            others.iter().all(|other| other.key != cell.key),
            "{others:?}"
        );
        let again = job("--network small").on("kind:e2e", "040000 tree 1\tcrates");
        let passed = format!("passed-else\n{}\n", cell.key);
        let [other, ..] = others;
        let (known, left) = divide(vec![again, other], &passed);
        assert_eq!(known, [cell]);
        assert_eq!(left.len(), 1);
    }

    #[test]
    fn a_cell_without_a_condition_is_refused() {
        let error = conditions(&[test("small", "transfer", None)], "", TWO).unwrap_err();
        assert!(error.to_string().contains("small::transfer"), "{error}");
    }
}
