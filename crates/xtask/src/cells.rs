//! `cargo xtask cells`: the jobs into which a workflow divides the tests of a profile, by what `aznet test --list` says.

mod jobs;
#[cfg(test)]
mod workflows;

use self::jobs::{Job, Listed, NETWORKS, Tests, lacking};
use crate::generate::planned;
use crate::{cargo, run};
use anyhow::{Context, Result, bail};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::Stdio;

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
    ".config",
    "Cargo.lock",
    "Cargo.toml",
    "adversaries",
    "crates",
    "helm-charts",
    "images",
    "networks",
    "pxe",
    "rust-toolchain.toml",
    "toolchain",
];

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
    let listed = all(profile)?;
    let cells = cells(&listed, &flags(profile, repeat), tests, clusters)?;
    let passed = passed.map(fs::read_to_string).transpose();
    let passed = passed.context("reading the keys of jobs that passed")?;
    let (known, include) = divide(cells, passed.as_deref().unwrap_or_default());
    if include.len() > MOST {
        let count = include.len();
        bail!(
            "{count} jobs are more than the {MOST} that a workflow may have; raise --tests, so that each runs more of them"
        );
    }
    tell(&left_out(&listed.nowhere, &known))?;
    println!("{}", serde_json::to_string(&Matrix { include })?);
    Ok(())
}

/// Refuses a name that no job of the workflow has on a pull request.
pub(crate) fn expect(name: &str, workflow: &str) -> Result<()> {
    let cells = cells(&all("pr")?, &flags("pr", 1), TESTS, &clusters(workflow))?;
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

/// What each `aznet test` of a workflow has.
fn flags(profile: &str, repeat: u32) -> String {
    let repeated = (repeat > 1).then(|| format!(" --repeat {repeat}"));
    format!("--profile {profile}{}", repeated.unwrap_or_default())
}

/// Builds the program and has it list the tests of a profile.
fn all(profile: &str) -> Result<Tests> {
    let mut build = cargo::linted(&["build", "--workspace", "--bins"]);
    // Stdout is for the answer alone.
    build.stdout(Stdio::null());
    run::finish(build)?;
    let of_network = |network| {
        let (values, _) = planned(&run::root(), network)?;
        Ok(lacking(listed(profile, &["--network", network])?, &values))
    };
    let networks: Vec<Vec<Listed>> = NETWORKS
        .into_iter()
        .map(of_network)
        .collect::<Result<_>>()?;
    Ok(Tests::of(networks, listed(profile, &["--matrix"])?))
}

/// Each job of the tests once for each cluster.
fn cells(tests: &Tests, flags: &str, most: NonZeroUsize, clusters: &[String]) -> Result<Vec<Cell>> {
    let jobs = tests.jobs(flags, most)?;
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

/// What no job runs, and why.
fn left_out(nowhere: &BTreeMap<String, String>, known: &[Cell]) -> String {
    let mut text = String::new();
    if !nowhere.is_empty() {
        text.push_str("Not run here, since every network lacks something:\n\n");
    }
    for (test, why) in nowhere {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "- `{test}`: {why}");
    }
    if !known.is_empty() {
        let start = if text.is_empty() { "" } else { "\n" };
        let _ = writeln!(
            text,
            "{start}Not run again, since they passed with the same contents:\n"
        );
    }
    for cell in known {
        let _ = writeln!(text, "- {}: `aznet test {}`", cell.name, cell.arguments);
    }
    text
}

/// In the summary of the job, too, if this is one.
fn tell(text: &str) -> Result<()> {
    if text.is_empty() {
        return Ok(());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_are_those_of_the_workflow() {
        let workflow = include_str!("../../../.github/workflows/network-e2e.yml");
        assert_eq!(clusters(workflow), ["embedded", "kind:e2e"]);
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
    fn what_is_left_out_is_told_with_the_reason() {
        let nowhere = BTreeMap::from([("release".to_owned(), "small lacks telemetry".to_owned())]);
        let known = [Cell {
            name: "small-1-of-2-embedded".to_owned(),
            arguments: "--network small small::chain".to_owned(),
            key: "passed-1".to_owned(),
        }];
        assert_eq!(left_out(&BTreeMap::new(), &[]), "");
        assert_eq!(
            left_out(&nowhere, &known),
            "Not run here, since every network lacks something:

- `release`: small lacks telemetry

Not run again, since they passed with the same contents:

- small-1-of-2-embedded: `aznet test --network small small::chain`
"
        );
    }
}
