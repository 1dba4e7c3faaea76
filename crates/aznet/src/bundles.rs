//! Bundles of a run's tests that did not pass, made while the run goes on.

use std::any::Any;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use aznet_network::bundle::{Manifest, Reproduction, Request};
use aznet_network::namespace::Network;
use aznet_runner::event::Kind;
use aznet_runner::{Event, TestId};
use jiff::Timestamp;
use tokio::task::JoinSet;

use crate::commands::bundle;
use crate::printer::Printer;
use crate::run_folder::{ARCHIVE, BUNDLE};

/// What a bundle may take at the end of a run.
const PATIENCE: Duration = Duration::from_mins(3);
/// So many of a test in one run: the first of them tell why, and a long run must not fill a volume.
const OF_A_TEST: u32 = 3;

/// Gives the network that a test has run on; `None`: it is not there.
pub(crate) type Hold = Box<dyn Fn() -> Option<Held> + Send>;

/// The command that runs a test again, with this seed.
pub(crate) type Again = Box<dyn Fn(&TestId, u64) -> String + Send>;

/// A network that stays as long as this does.
pub(crate) struct Held {
    network: Network,
    _kept: Option<Box<dyn Any + Send + Sync>>,
}

impl Held {
    /// One that nobody removes before the run has ended.
    pub(crate) fn for_good(network: Network) -> Self {
        Self {
            network,
            _kept: None,
        }
    }

    /// One that is kept by `kept`.
    pub(crate) fn until_dropped(network: Network, kept: impl Any + Send + Sync) -> Self {
        Self {
            network,
            _kept: Some(Box::new(kept)),
        }
    }
}

/// A bundle that was made, or could not be.
type Made = (PathBuf, anyhow::Result<Manifest>);

/// What bundles of a run are made with, wherever they are written.
pub(crate) struct Bundling {
    hold: Hold,
    again: Again,
    /// What tells tests apart.
    named: fn(&TestId) -> String,
}

impl Bundling {
    /// Of tests of one network.
    pub(crate) fn new(hold: Hold, again: Again) -> Self {
        Self {
            hold,
            again,
            named: |test| test.name.clone(),
        }
    }

    /// Of tests of one network, which nobody removes before the run has ended.
    pub(crate) fn of(network: &Network, again: Again) -> Self {
        let network = network.clone();
        let hold = Box::new(move || Some(Held::for_good(network.clone())));
        Self::new(hold, again)
    }

    /// Of tests of several networks.
    pub(crate) fn of_several(self) -> Self {
        let named = |test: &TestId| format!("{}-{}", test.network, test.name);
        Self { named, ..self }
    }
}

/// Hears the events of a run and makes a bundle for each attempt that does not pass, the first [`OF_A_TEST`] of a test.
pub(crate) struct Bundles {
    folder: PathBuf,
    with: Bundling,
    seed: u64,
    began: BTreeMap<TestId, Timestamp>,
    /// The events until now, a line each.
    events: String,
    bad: Bad,
    making: JoinSet<Made>,
}

impl Bundles {
    /// Bundles in `folder`.
    pub(crate) fn new(folder: &Path, with: Bundling) -> Self {
        Self {
            folder: folder.to_owned(),
            with,
            seed: 0,
            began: BTreeMap::new(),
            events: String::new(),
            bad: Bad::default(),
            making: JoinSet::new(),
        }
    }

    /// Takes an event in; begins to collect at once where an attempt did not pass, since what is to be seen will not stay.
    pub(crate) fn event(&mut self, event: &Event) {
        if let Ok(line) = serde_json::to_string(event) {
            self.events.push_str(&line);
            self.events.push('\n');
        }
        match &event.kind {
            Kind::RunStarted { seed, .. } => self.seed = *seed,
            Kind::TestStarted { test, .. } => {
                self.began.insert(test.clone(), event.at);
            }
            Kind::AttemptFinished {
                test,
                repetition,
                attempt,
                verdict,
                ..
            } if verdict.is_bad() && self.bad.gets_bundle(test) => {
                let file = file_name(&(self.with.named)(test), *repetition, *attempt);
                self.make(test, &file, event.at);
            }
            _ => {}
        }
    }

    fn make(&mut self, test: &TestId, file: &str, now: Timestamp) {
        let reproduction = Reproduction {
            test: test.to_string(),
            began: self.began.get(test).copied().unwrap_or(now),
            seed: self.seed,
            command: (self.with.again)(test, self.seed),
        };
        let request = Request {
            aznet: env!("CARGO_PKG_VERSION").to_owned(),
            now,
            test: Some((reproduction, self.events.clone())),
        };
        let file = self.folder.join(file);
        let held = (self.with.hold)();
        self.making.spawn(async move {
            let made = match &held {
                Some(held) => bundle::write(&held.network, request, &file).await,
                None => Err(anyhow!("its network is gone, or is being removed")),
            };
            (file, made)
        });
    }

    /// Waits until all of them are written, and says where they are.
    pub(crate) async fn finish(mut self, printer: &Printer) {
        if let Some(tests) = self.bad.without_bundle() {
            printer.note(format_args!(
                "a test gets {OF_A_TEST} bundles in a run; these did not pass more often: {tests}"
            ));
        }
        while !self.making.is_empty() {
            let Ok(Some(made)) = tokio::time::timeout(PATIENCE, self.making.join_next()).await
            else {
                let seconds = PATIENCE.as_secs();
                printer.warn(format_args!("a bundle was not made within {seconds} s"));
                return;
            };
            match made.context("making a bundle") {
                Ok((file, Ok(manifest))) => {
                    bundle::warn(&manifest, printer);
                    let file = file.display();
                    printer.note(format_args!(
                        "`aznet bundle --explain {file}` shows what happened first"
                    ));
                }
                Ok((file, Err(error))) => {
                    printer.warn(format_args!("no bundle {}: {error:#}", file.display()));
                }
                Err(error) => printer.warn(format_args!("{error:#}")),
            }
        }
    }
}

/// How many attempts of each test did not pass.
#[derive(Debug, Default)]
struct Bad(BTreeMap<TestId, u32>);

impl Bad {
    /// Counts an attempt; whether there is to be a bundle of it.
    fn gets_bundle(&mut self, test: &TestId) -> bool {
        let attempts = self.0.entry(test.clone()).or_default();
        *attempts += 1;
        *attempts <= OF_A_TEST
    }

    /// The tests that did not pass more often than there are bundles of them.
    fn without_bundle(&self) -> Option<String> {
        let tests = self.0.iter().filter(|(_, attempts)| **attempts > OF_A_TEST);
        let tests = tests.map(|(test, attempts)| format!("{test} ({attempts} times)"));
        let tests: Vec<String> = tests.collect();
        (!tests.is_empty()).then(|| tests.join(", "))
    }
}

/// `bundle-transfer.tar.gz`; further runs of the test and further attempts are numbered.
fn file_name(test: &str, repetition: u32, attempt: u32) -> String {
    let safe = |c: char| {
        if c.is_ascii_alphanumeric() || "-_.".contains(c) {
            c
        } else {
            '-'
        }
    };
    let name: String = test.chars().map(safe).collect();
    let run = match repetition {
        0 | 1 => String::new(),
        n => format!("-run-{n}"),
    };
    let attempt = match attempt {
        0 | 1 => String::new(),
        n => format!("-{n}"),
    };
    format!("{BUNDLE}{name}{run}{attempt}{ARCHIVE}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_attempts_bundle_has_the_tests_name() {
        assert_eq!(file_name("transfer", 1, 1), "bundle-transfer.tar.gz");
        assert_eq!(file_name("a/b c", 1, 2), "bundle-a-b-c-2.tar.gz");
    }

    #[test]
    fn no_run_of_a_test_writes_over_the_bundle_of_another() {
        assert_eq!(file_name("transfer", 3, 1), "bundle-transfer-run-3.tar.gz");
        assert_eq!(
            file_name("transfer", 3, 2),
            "bundle-transfer-run-3-2.tar.gz"
        );
    }

    #[test]
    fn the_first_bundles_of_each_test_are_made_and_the_others_told() {
        let test = |name: &str| TestId {
            network: "small".into(),
            name: name.into(),
        };
        let mut bad = Bad::default();
        let made = [(); 5].map(|()| bad.gets_bundle(&test("transfer")));
        assert_eq!(made, [true, true, true, false, false]);
        assert!(bad.gets_bundle(&test("chain")));
        let told = bad.without_bundle().expect("a test without");
        assert_eq!(told, format!("{} (5 times)", test("transfer")));
    }
}
