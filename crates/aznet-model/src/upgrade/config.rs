//! What changes in `network.json`, and what of it is fixed.

use super::fixed::{RULES, When};
use super::template::change;
use super::{Consequence, Effect, Manifest};
use crate::config::{CONFIG_MAP, FILE};
use crate::keys::{KeyRange, ReplicaKeys};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What pods aren't restarted for, by prefix: the chart's `configChecksum` leaves it out.
const NOT_COVERED: [&str; 5] = [
    "endpoints.peers",
    "endpoints.node",
    "endpoints.pxe",
    "keys.validators.",
    "announce.",
];

/// `network.json` before and after, flattened to dotted keys.
#[derive(Debug, Default)]
pub(super) struct Change {
    before: BTreeMap<String, Value>,
    after: BTreeMap<String, Value>,
}

impl Change {
    pub(super) fn between(before: &Manifest, after: &Manifest) -> Self {
        Self {
            before: read(before),
            after: read(after),
        }
    }

    pub(super) fn consequences(&self) -> Vec<Consequence> {
        if self.before.is_empty() || self.after.is_empty() {
            return Vec::new();
        }
        let mut all = self.refused();
        all.extend(self.keys());
        all
    }

    /// What changes and makes pods of `workload` restart, in words.
    pub(super) fn reasons(&self, workload: &str) -> Vec<String> {
        let own_keys = format!("keys.validators.{workload}.");
        let own_place = format!("announce.{workload}.");
        let matters = |key: &String| {
            let own = (key.starts_with(&own_keys) && !key.ends_with(".replicas"))
                || (key.starts_with(&own_place) && !key.contains(".ips."))
                || (["pxe", "bot"].contains(&workload) && key == "endpoints.node")
                || (workload == "bot" && key == "endpoints.pxe");
            own || !NOT_COVERED.iter().any(|prefix| key.starts_with(prefix))
        };
        self.differing()
            .filter(|key| matters(key))
            .filter(|key| workload != "anvil" || key.starts_with("l1."))
            .map(|key| format!("{key} {}", self.words(key)))
            .collect()
    }

    fn differing(&self) -> impl Iterator<Item = &String> {
        let gone = self
            .before
            .keys()
            .filter(|key| !self.after.contains_key(*key));
        let keys = self.after.keys().chain(gone);
        // A null and nothing mean the same to aznet-node.
        let there = |value: &&Value| !value.is_null();
        keys.filter(move |key| {
            self.before.get(*key).filter(there) != self.after.get(*key).filter(there)
        })
    }

    /// `12 → 24`.
    fn words(&self, key: &str) -> String {
        let show = |value: Option<&Value>| match value {
            None | Some(Value::Null) => "none".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        let (from, to) = (self.before.get(key), self.after.get(key));
        change(&show(from), &show(to))
    }

    /// Someone else deployed the L1 contracts.
    fn joined(&self) -> bool {
        let registry = self.before.get("registryAddress");
        registry.is_some_and(|address| !address.is_null())
    }

    /// The L1 is the chart's own, before and after.
    fn stays_on_anvil(&self) -> bool {
        let anvil = |config: &BTreeMap<String, Value>| config.get("l1.anvil") == Some(&true.into());
        anvil(&self.before) && anvil(&self.after)
    }

    /// Whether the network is one in which such rules hold.
    fn is_in(&self, when: When) -> bool {
        match when {
            When::Always => true,
            When::Deployed => !self.joined(),
            When::Anvil => self.stays_on_anvil(),
        }
    }

    /// A release of an older chart may lack a key: then its value is not known, and not refused.
    fn refused(&self) -> Vec<Consequence> {
        let differing: BTreeSet<&str> = self.differing().map(String::as_str).collect();
        RULES
            .iter()
            .filter(|rule| self.is_in(rule.when))
            .flat_map(|rule| rule.keys.iter().map(move |key| (key, rule.why)))
            .filter(|(key, _)| differing.contains(key.config))
            .filter(|(key, _)| self.before.contains_key(key.config))
            .map(|(key, why)| {
                let reasons = vec![self.words(key.config), why.to_owned()];
                Consequence::new(Effect::Refused, key.values, reasons)
            })
            .collect()
    }

    /// Runs of keys that move.
    fn keys(&self) -> Vec<Consequence> {
        let mut moved: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (prefix, holder, what) in self.runs() {
            let (from, to) = (run(&self.before, &prefix), run(&self.after, &prefix));
            if let (Some(from), Some(to)) = (from, to)
                && from != to
            {
                let words = format!("{what} of pod 0: {from} → {to}");
                moved.entry(holder).or_default().push(words);
            }
        }
        let consequences = moved.into_iter().map(|(holder, mut reasons)| {
            if reasons.iter().any(|reason| reason.starts_with("attesters")) {
                reasons.push(
                    "attesters that no pod holds any more stay in the validator set and attest no more"
                        .to_owned(),
                );
            }
            Consequence::new(Effect::Keys, holder, reasons)
        });
        let mut all: Vec<Consequence> = consequences.collect();
        if self.before.get("keys.deployer") != self.after.get("keys.deployer") {
            let reasons = vec![
                self.words("keys.deployer"),
                "only the key that deployed the contracts can stake for validators that come later"
                    .to_owned(),
            ];
            all.push(Consequence::new(
                Effect::Keys,
                "keys.deployerIndex",
                reasons,
            ));
        }
        all
    }

    /// The prefixes of all runs of keys, with whose they are and what they are.
    fn runs(&self) -> Vec<(String, String, &'static str)> {
        let mut runs = vec![(
            "keys.prover".to_owned(),
            "prover-node".to_owned(),
            "publishers",
        )];
        let start = ".attester.start";
        let groups = self.after.keys().filter_map(|key| {
            key.strip_prefix("keys.validators.")?
                .strip_suffix(start)
                .map(str::to_owned)
        });
        for group in groups {
            let prefix = format!("keys.validators.{group}");
            runs.push((format!("{prefix}.attester"), group.clone(), "attesters"));
            runs.push((format!("{prefix}.publisher"), group, "publishers"));
        }
        runs
    }
}

/// The keys of pod 0.
fn run(config: &BTreeMap<String, Value>, prefix: &str) -> Option<KeyRange> {
    let number = |part: &str| config.get(&format!("{prefix}.{part}"))?.as_u64();
    let keys = ReplicaKeys {
        start: number("start")?,
        per_replica: number("perReplica")?,
    };
    Some(keys.of_replica(0))
}

fn read(manifest: &Manifest) -> BTreeMap<String, Value> {
    let text = manifest
        .get("ConfigMap", CONFIG_MAP)
        .and_then(|object| object["data"][FILE].as_str());
    let config: Value = text
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let mut flat = BTreeMap::new();
    flatten("", &config, &mut flat);
    flat
}

/// Maps to dotted keys; lists stay whole.
fn flatten(prefix: &str, value: &Value, into: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let key = if prefix.is_empty() {
                    key.clone()
                } else {
                    format!("{prefix}.{key}")
                };
                flatten(&key, value, into);
            }
        }
        Value::Null if prefix.is_empty() => {}
        other => {
            into.insert(prefix.to_owned(), other.clone());
        }
    }
}
