//! Attacks: every scenario passes, and fails where its attack is only gone through.

use super::checks::expect;
use super::machine::{CLUSTER, Checked, Machine, NETWORK, tail};
use aznet_runner::event::Kind;
use aznet_runner::{Event, Verdict};
use std::collections::BTreeMap;
use std::process::Command;

/// With it set, attacks are only gone through.
const DUD: &str = "AZNET_DUD_ATTACKS";
/// Networks that some attacks need; what can be made on them only has their name as a tag.
const OWN: [&str; 2] = ["guarded", "verifier"];

/// Which attacks are made, and where.
struct Made {
    attacks: String,
    place: Vec<&'static str>,
    fewest: usize,
}

/// What the design document names is refused, and the network goes on.
pub(crate) fn named_are_survived(_: &Machine) -> Checked {
    Made::here("tag(attack) & tag(smoke)".into(), 4).all(&[], passed)
}

/// Each attack is refused, and the network goes on.
pub(crate) fn are_survived(_: &Machine) -> Checked {
    Made::on_any().all(&[], passed)
}

/// What a scenario looks for comes of its attack: without that it is not seen, and nothing else fails the test.
pub(crate) fn are_missed(_: &Machine) -> Checked {
    Made::on_any().all(&[(DUD, "1")], failed)
}

/// The same of attacks that need another network than the tier's.
pub(crate) fn others_are_survived(_: &Machine) -> Checked {
    OWN.iter()
        .try_for_each(|network| Made::on(network).all(&[], passed))
}

/// The same of attacks that need another network than the tier's.
pub(crate) fn others_are_missed(_: &Machine) -> Checked {
    OWN.iter()
        .try_for_each(|network| Made::on(network).all(&[(DUD, "1")], failed))
}

fn passed(verdict: &Verdict) -> bool {
    *verdict == Verdict::Passed
}

const fn failed(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Failed { .. })
}

impl Made {
    /// On the tier's network.
    fn here(attacks: String, fewest: usize) -> Self {
        let place = vec!["--attach", NETWORK, "--disruptive"];
        Self {
            attacks,
            place,
            fewest,
        }
    }

    /// All that the tier's network can have.
    fn on_any() -> Self {
        let others = OWN.map(|network| format!(" & !tag({network})")).concat();
        Self::here(format!("tag(attack){others}"), 22)
    }

    /// All that only this network can have.
    fn on(network: &'static str) -> Self {
        Self {
            attacks: format!("tag(attack) & tag({network})"),
            place: vec!["--network", network],
            fewest: 1,
        }
    }

    /// Makes them, and sees that each verdict is a wanted one.
    fn all(&self, environment: &[(&str, &str)], wanted: fn(&Verdict) -> bool) -> Checked {
        let (mut verdicts, said) = self.verdicts(environment)?;
        let tell = |reason: String| format!("{said}\n{reason}");
        expect(verdicts.len() >= self.fewest, "attacks", &verdicts).map_err(tell)?;
        verdicts.retain(|_, verdict| !wanted(verdict));
        expect(verdicts.is_empty(), "another verdict of these", &verdicts).map_err(tell)
    }

    /// The verdict on each attack, and what the run said at its end.
    fn verdicts(
        &self,
        environment: &[(&str, &str)],
    ) -> Result<(BTreeMap<String, Verdict>, String), String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let report = folder.path().join("report");
        let output = Command::new(env!("CARGO_BIN_EXE_aznet"))
            .args(["test", "-E", &self.attacks])
            .args(&self.place)
            .args(["--cluster", CLUSTER, "--no-fail-fast", "--report"])
            .arg(&report)
            .envs(environment.iter().copied())
            .output()
            .map_err(|error| format!("aznet could not be started: {error}"))?;
        let said = [output.stdout, output.stderr].concat();
        let said = tail(&String::from_utf8_lossy(&said), 80);
        let events = std::fs::read_to_string(report.join("events.jsonl"));
        let events = events.map_err(|error| format!("{said}\nno events: {error}"))?;
        let events = events
            .lines()
            .filter_map(|line| serde_json::from_str::<Event>(line).ok());
        let finished = events.filter_map(|event| match event.kind {
            Kind::TestFinished { test, verdict, .. } => Some((test.to_string(), verdict)),
            _ => None,
        });
        Ok((finished.collect(), said))
    }
}
