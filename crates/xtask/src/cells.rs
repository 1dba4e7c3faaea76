//! `cargo xtask cells`: the jobs into which a workflow divides the tests of a profile, by what `aznet test --list` says.

use crate::{cargo, run};
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::num::NonZeroUsize;
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
}

/// As `strategy.matrix` takes it.
#[derive(Debug, Serialize)]
struct Matrix {
    include: Vec<Cell>,
}

/// Builds the program, has it list its tests, and prints a line of JSON.
pub(crate) fn print(profile: &str, repeat: u32, tests: NonZeroUsize) -> Result<()> {
    let mut build = cargo::linted(&["build", "--workspace", "--bins"]);
    // Stdout is for the answer alone.
    build.stdout(Stdio::null());
    run::finish(build)?;
    let mut flags = format!("--profile {profile}");
    if repeat > 1 {
        let _ = write!(flags, " --repeat {repeat}");
    }
    let alone = partitions(&listed(profile, &[])?, &flags, tests);
    let matrix = conditions(&listed(profile, &["--matrix"])?, &flags, tests)?;
    let include = alone.into_iter().chain(matrix).collect();
    println!("{}", serde_json::to_string(&Matrix { include })?);
    Ok(())
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

/// Those that would run, by network.
fn by_network(tests: &[Listed]) -> BTreeMap<&str, Vec<&Listed>> {
    let mut networks = BTreeMap::<&str, Vec<&Listed>>::new();
    for test in tests.iter().filter(|test| test.skipped.is_none()) {
        networks.entry(&test.network).or_default().push(test);
    }
    networks
}

/// Jobs with a part of a network's tests each.
fn partitions(tests: &[Listed], flags: &str, most: NonZeroUsize) -> Vec<Cell> {
    let mut cells = Vec::new();
    for (network, tests) in by_network(tests) {
        let count = tests.len().div_ceil(most.get());
        cells.extend((1..=count).map(|part| Cell {
            name: format!("{network}-{part}-of-{count}"),
            arguments: format!("{flags} --network {network} --partition {part}/{count}"),
        }));
    }
    cells
}

/// Jobs of the matrix with some conditions of a topology each. Not by parts: a part may hold nothing but impossible cells.
fn conditions(tests: &[Listed], flags: &str, most: NonZeroUsize) -> Result<Vec<Cell>> {
    let mut cells = Vec::new();
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
            cells.push(Cell {
                name: format!("{network}-matrix-{}-of-{count}", index + 1),
                arguments,
            });
        }
    }
    Ok(cells)
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

    fn shown(cells: &[Cell]) -> Vec<String> {
        let cells = cells.iter();
        cells
            .map(|cell| format!("{}: {}", cell.name, cell.arguments))
            .collect()
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
    fn a_topology_is_brought_up_for_what_is_possible_on_it() {
        let tests = [
            test("small", "transfer@calm", None),
            test("one", "transfer@no-quorum", Some("one validator")),
            test("small", "transfer@roll-out", Some("not yet")),
            test("small", "transfer@no-quorum", None),
            test("small", "transfer@slow-links", None),
        ];
        let cells = conditions(&tests, "--repeat 10", TWO).expect("names with conditions");
        assert_eq!(
            shown(&cells),
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
