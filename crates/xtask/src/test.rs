//! `cargo xtask test`: every tier, least powerful first, one closing line.

mod failures;
mod infra;
mod parts;
mod tally;

use self::failures::Failures;
use self::tally::Tally;
use crate::image::Mounted;
use crate::local_network::{self, LocalNetwork};
use crate::{cargo, run};
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

/// anvil in the image.
const ANVIL: &str = "/opt/foundry/bin/anvil";
/// Where the image shows the example: below the folder of Aztec's packages.
const EXAMPLE: &str = "/usr/src/example";
/// Likewise the tests of `pxe/examples`.
const TESTS: &str = "/usr/src/tests";

/// A tier of tests; each needs more of the machine than the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tier {
    /// Pure code: no cluster, no Helm, no Node.js.
    Unit,
    /// Rendered charts, the command line, programs run alone.
    Chart,
    /// The pxe's own tests, by Node.js.
    Pxe,
    /// The templates of `infra/`, by checkers and by an emulator of AWS.
    Infra,
    /// An embedded Kubernetes cluster of its own.
    Cluster,
    /// A real Aztec network.
    Network,
}

impl Tier {
    /// Its integration tests, by the names of their files in `crates/*/tests`.
    fn targets(self) -> &'static [&'static str] {
        match self {
            Self::Unit | Self::Pxe | Self::Infra => &[],
            Self::Chart => &["chart", "anvil", "cli", "published", "report", "dashboards"],
            Self::Cluster => &[
                "embedded",
                "emulation",
                "images",
                "kind",
                "scale",
                "toolchain",
            ],
            Self::Network => &["network"],
        }
    }

    /// The cargo invocation of this tier; pxe and infra have none. Always of the whole workspace: cargo chooses the features of
    /// the dependencies by what is selected, and would compile them anew for each selection.
    fn cargo(self) -> Command {
        let mut words = vec!["test", "--workspace", "--no-fail-fast"];
        if self == Self::Unit {
            words.extend(["--lib", "--bins"]);
        }
        words.extend(self.targets().iter().flat_map(|name| ["--test", name]));
        if matches!(self, Self::Cluster | Self::Network) {
            words.extend(["--", "--test-threads=1"]);
        }
        cargo::linted(&words)
    }

    /// Whether the tier needs the toolchain and the images.
    fn needs_parts(self) -> bool {
        !matches!(self, Self::Unit | Self::Infra)
    }
}

/// Runs the tiers given (all if none) and prints the closing line; an error if a test failed.
pub(crate) fn run(tiers: &[Tier]) -> Result<()> {
    let tiers = if tiers.is_empty() {
        Tier::value_variants()
    } else {
        tiers
    };
    let skips = Skips::new()?;
    if tiers.iter().any(|tier| tier.needs_parts()) {
        // All that any tier runs, at once.
        run::finish(cargo::linted(&["build", "--workspace", "--all-targets"]))?;
        let log = cargo::target_directory()?.join("parts.log");
        let aznet = cargo::aznet()?;
        // The parts are made while the first tiers run; a scope waits for its threads however it is left.
        let total = std::thread::scope(|scope| {
            let making = scope.spawn(|| parts::make(&aznet, &log));
            let mut parts = Some(|| {
                println!(
                    "== toolchain and images (as they are made: {})",
                    log.display()
                );
                let made = making.join();
                print!("{}", std::fs::read_to_string(&log).unwrap_or_default());
                made.unwrap_or_else(|_| bail!("making the toolchain and the images panicked"))?;
                Mounted::pxe(&aznet)
            });
            all(tiers, &skips, || parts.take().context("made once")?())
        })?;
        return close(&total, &skips);
    }
    let total = all(tiers, &skips, || bail!("no tier needs images"))?;
    close(&total, &skips)
}

/// Runs the tiers in order; `image` is called before the first that needs it.
fn all(tiers: &[Tier], skips: &Skips, mut make: impl FnMut() -> Result<Mounted>) -> Result<Tally> {
    let mut total = Tally::default();
    let mut image = None;
    for tier in tiers {
        if tier.needs_parts() && image.is_none() {
            image = Some(make()?);
        }
        let started = Instant::now();
        let tally = run_tier(*tier, skips, image.as_ref())?;
        println!(
            "tier {tier:?}: {} passed, {} failed, {} skipped in {} s",
            tally.passed,
            tally.failed,
            tally.skipped,
            started.elapsed().as_secs()
        );
        total.add(&tally);
    }
    if let Some(image) = image {
        image.remove()?;
    }
    Ok(total)
}

/// The closing line; skips that a test announced by itself were counted as passed by its harness.
fn close(total: &Tally, skips: &Skips) -> Result<()> {
    let reasons = skips.reasons();
    for reason in total.reasons.iter().chain(&reasons) {
        println!("skipped: {reason}");
    }
    for failure in &total.failures {
        println!("failed: {failure}");
    }
    let announced = reasons.len() as u64;
    let passed = total.passed.saturating_sub(announced);
    let skipped = total.skipped + announced;
    let tail = if skipped > 0 {
        format!(", {skipped} skipped")
    } else {
        String::new()
    };
    println!("{passed} passed, {} failed{tail}", total.failed);
    if total.failed > 0 {
        bail!("{} failed", total.failed);
    }
    if passed == 0 {
        bail!("no test was executed");
    }
    Ok(())
}

fn run_tier(tier: Tier, skips: &Skips, image: Option<&Mounted>) -> Result<Tally> {
    println!("== tier {tier:?}");
    if let (Tier::Pxe, Some(image)) = (tier, image) {
        return pxe(skips, image);
    }
    if tier == Tier::Infra {
        return counted(infra::command()?, skips, infra::pytest_line);
    }
    let mut command = tier.cargo();
    if let Some(image) = image {
        command.env("AZNET_ANVIL_CMD", image.file(ANVIL));
    }
    // The network tier has the pxe's own test run on its network.
    command.env("AZNET_XTASK", std::env::current_exe()?);
    counted(command, skips, libtest_line)
}

/// The pxe's tests but for the one that needs a network.
fn pxe(skips: &Skips, image: &Mounted) -> Result<Tally> {
    let command = pxe_command(image, &[], "test/!(network).test.ts");
    counted(command, skips, tap_line)
}

/// That one, on the network of a node.
pub(crate) fn pxe_on(node_url: &str) -> Result<()> {
    in_image("the pxe's test on a network", |image| {
        let url = format!("AZTEC_NODE_URL={node_url}");
        pxe_command(image, &[&url], "test/network.test.ts")
    })
}

/// The tests in pxe/examples, on the network of a wallet server or, without one, on a local network.
pub(crate) fn examples_on(pxe_url: Option<&str>) -> Result<()> {
    let what = "the tests in pxe/examples";
    let Some(url) = pxe_url else {
        let image = Mounted::pxe(&cargo::aznet()?)?;
        let outcome = local_network::on(&image, |network| {
            network.first_block()?;
            let tests = examples(&image, &[]);
            let mut inside = LocalNetwork::inside(tests.get_program());
            inside.args(tests.get_args());
            finished(what, inside)
        });
        image.remove()?;
        return outcome;
    };
    in_image(what, |image| examples(image, &[&format!("PXE_URL={url}")]))
}

fn examples(image: &Mounted, variables: &[&str]) -> Command {
    let program = ["node", "--no-warnings", "--test", "--test-reporter=tap"];
    let entered = ["/usr/bin/env", "-C", TESTS];
    let words = [&entered, variables, &program, &["*.test.ts"]].concat();
    image.command(Some((&run::root().join("pxe/examples"), TESTS)), &words)
}

/// docs/examples/embedded-wallet on the network of a node, with the packages of the image.
pub(crate) fn example_on(node_url: &str) -> Result<()> {
    let folder = run::root().join("docs/examples/embedded-wallet");
    in_image("the example of the embedded wallet", |image| {
        let url = format!("AZTEC_NODE_URL={node_url}");
        let program = ["node", "--no-warnings", "main.ts"];
        let words = [["/usr/bin/env", "-C", EXAMPLE, &url].as_slice(), &program].concat();
        image.command(Some((&folder, EXAMPLE)), &words)
    })
}

/// Runs a command of the mounted image; an exit code other than 0 is an error.
fn in_image(what: &str, command: impl FnOnce(&Mounted) -> Command) -> Result<()> {
    let image = Mounted::pxe(&cargo::aznet()?)?;
    let outcome = finished(what, command(&image));
    image.remove()?;
    outcome
}

/// Runs a command to its end; an exit code other than 0 is an error.
fn finished(what: &str, mut command: Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("{what} could not be started"))?;
    if !status.success() {
        bail!("{what}: {status}");
    }
    Ok(())
}

/// Tests of the pxe in its own image: Aztec's native code wants the C++ library that it was made for.
fn pxe_command(image: &Mounted, variables: &[&str], tests: &str) -> Command {
    let folder = run::root().join("pxe/test");
    let mut words = vec!["/usr/bin/env", "-C", "/usr/src/pxe", "NODE_ENV=test"];
    words.extend(variables);
    words.extend(["node", "--no-warnings", "--test", "--test-reporter=tap"]);
    words.push(tests);
    image.command(Some((&folder, "/usr/src/pxe/test")), &words)
}

/// Runs a test program, shows its output as it comes, and adds up the counts that `read` finds in its lines.
fn counted(mut command: Command, skips: &Skips, read: fn(&str) -> Option<Tally>) -> Result<Tally> {
    let words = run::words(&command);
    let mut child = command
        .env("AZNET_TEST_SKIPS", &skips.path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("`{words}` could not be started"))?;
    let (mut tally, mut failures) = (Tally::default(), Failures::default());
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            println!("{line}");
            if let Some(found) = read(&line) {
                tally.add(&found);
            }
            tally.reasons.extend(skipped(&line));
            failures.read(&line);
        }
    }
    tally.failures = failures.told();
    let status = child.wait()?;
    if !status.success() && tally.failed == 0 {
        let said = format!("`{words}`: {status} without a failed test: counted as one");
        println!("{said}");
        tally.failures.push(said);
        tally.failed = 1;
    }
    Ok(tally)
}

/// `test result: ok. 3 passed; 0 failed; 1 ignored; …`
fn libtest_line(line: &str) -> Option<Tally> {
    let counts = line.strip_prefix("test result: ")?.split_once(". ")?.1;
    let mut tally = Tally::default();
    for part in counts.split(';') {
        let mut words = part.split_whitespace();
        let (Some(count), Some(what)) = (
            words.next().and_then(|n| n.parse::<u64>().ok()),
            words.next(),
        ) else {
            continue;
        };
        match what {
            "passed" => tally.passed = count,
            "failed" => tally.failed = count,
            "ignored" => tally.skipped = count,
            _ => {}
        }
    }
    Some(tally)
}

/// `# pass 3`, `# fail 0`, `# skipped 1` of the TAP reporter.
fn tap_line(line: &str) -> Option<Tally> {
    let (what, count) = line.strip_prefix("# ")?.split_once(' ')?;
    let count = count.parse().ok()?;
    match what {
        "pass" => Some(Tally {
            passed: count,
            ..Tally::default()
        }),
        "fail" => Some(Tally {
            failed: count,
            ..Tally::default()
        }),
        "skipped" => Some(Tally {
            skipped: count,
            ..Tally::default()
        }),
        _ => None,
    }
}

/// The test and the reason in `ok 4 - on a real network # SKIP no URL is set` of TAP and in
/// `test up ... ignored, needs root` of libtest.
fn skipped(line: &str) -> Option<String> {
    let line = line.trim_start();
    let (test, reason) = if let Some(tap) = line.strip_prefix("ok ") {
        let (test, reason) = tap.split_once(" # SKIP ")?;
        (
            test.split_once(" - ").map_or(test, |(_, name)| name),
            reason,
        )
    } else {
        line.strip_prefix("test ")?.split_once(" ... ignored, ")?
    };
    Some(format!("{test}: {reason}"))
}

/// Tests that find at run time that they cannot run append `name: reason` to the file named by
/// `AZNET_TEST_SKIPS`, since libtest has no such outcome.
struct Skips {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Skips {
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        Ok(Self {
            path: folder.path().join("skips"),
            _folder: folder,
        })
    }

    fn reasons(&self) -> Vec<String> {
        std::fs::read_to_string(&self.path)
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_integration_test_is_in_a_tier() {
        let listed: BTreeSet<_> = Tier::value_variants()
            .iter()
            .flat_map(|tier| tier.targets())
            .map(|name| (*name).to_owned())
            .collect();
        let crates = std::fs::read_dir(run::root().join("crates")).expect("crates");
        let files = crates
            .flatten()
            .flat_map(|one| std::fs::read_dir(one.path().join("tests")));
        let found: BTreeSet<_> = files
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| {
                path.extension().is_some_and(|e| e == "rs") || path.join("main.rs").is_file()
            })
            .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
            .collect();
        assert_eq!(listed, found);
    }

    #[test]
    fn counts_are_read_from_libtest() {
        let tally = libtest_line("test result: FAILED. 3 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s")
            .expect("a result line");
        assert_eq!((tally.passed, tally.failed, tally.skipped), (3, 2, 1));
        assert!(libtest_line("test a::b ... ok").is_none());
    }

    #[test]
    fn counts_are_read_from_tap() {
        assert_eq!(tap_line("# pass 12").map(|t| t.passed), Some(12));
        assert_eq!(tap_line("# fail 1").map(|t| t.failed), Some(1));
        assert!(tap_line("# duration_ms 12.5").is_none());
        assert_eq!(
            skipped("ok 4 - on a real network # SKIP no URL is set").as_deref(),
            Some("on a real network: no URL is set")
        );
    }
}
