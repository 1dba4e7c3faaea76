//! What happened first, from a bundle alone: a timeline of what is known to be wrong, the earliest first.

mod entry;
mod logs;

use std::collections::BTreeMap;

use aznet_model::units::count;
use aznet_network::bundle::Bundle;
use aznet_network::bundle::archive::{CLUSTER_EVENTS, EVENTS};
use aznet_runner::event::{Event, Kind};
use aznet_runner::observation::{Observation, SlotOutcome};
use jiff::Timestamp;
use serde::Serialize;

pub use self::entry::{Entry, EntryKind};

/// What happened, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The network.
    pub network: String,
    /// The test that the bundle was made for.
    pub test: Option<String>,
    /// From when on was looked; `None`: as far back as the bundle goes.
    pub since: Option<Timestamp>,
    /// What happened, the earliest first.
    pub timeline: Vec<Entry>,
    /// What was looked at and what was not there, in words.
    pub looked_at: Vec<String>,
}

impl Explanation {
    /// Reads it out of a bundle: what happened since its test began, or, if nothing did, what was before.
    pub fn of(bundle: &Bundle) -> Self {
        let test = bundle.manifest.test.as_ref();
        match test.map(|test| Self::since(bundle, Some(test.began))) {
            Some(explanation) if !explanation.timeline.is_empty() => explanation,
            _ => Self::since(bundle, None),
        }
    }

    fn since(bundle: &Bundle, since: Option<Timestamp>) -> Self {
        let test = bundle.manifest.test.as_ref();
        let run = Run::read(bundle);
        let mut timeline = ends(bundle);
        timeline.extend(run.restarts(&timeline));
        timeline.extend(run.violations());
        timeline.extend(run.missed());
        timeline.extend(run.lost());
        timeline.extend(warnings(bundle));
        timeline.retain(|entry| since.is_none_or(|since| entry.at >= since));
        timeline.extend(logs::first_errors(bundle, since));
        timeline.sort_by(|a, b| (a.at, a.kind, &a.about).cmp(&(b.at, b.kind, &b.about)));
        Self {
            network: bundle.manifest.network.clone(),
            test: test.map(|test| test.test.clone()),
            since,
            timeline,
            looked_at: looked_at(bundle),
        }
    }

    /// What happened first, in a sentence.
    pub fn first(&self) -> String {
        match self.timeline.first() {
            Some(entry) => {
                let before = match (&self.test, self.since) {
                    (Some(_), None) => ", before the test",
                    _ => "",
                };
                let Entry {
                    at, about, what, ..
                } = entry;
                format!("first: {about} {what} at {at:.0}{before}")
            }
            None => format!(
                "first: nothing is known to be wrong; looked at {}",
                self.looked_at.join(", ")
            ),
        }
    }
}

/// The events of a test's run.
struct Run(Vec<Event>);

impl Run {
    /// Lines that are no events, such as one that was being written, are left out.
    fn read(bundle: &Bundle) -> Self {
        let lines = bundle
            .members
            .get(EVENTS)
            .map_or("", String::as_str)
            .lines();
        let events = lines.filter_map(|line| serde_json::from_str::<Event>(line).ok());
        // Those of other networks of the run are not about this one.
        let network = |event: &Event| match &event.kind {
            Kind::Observed { network, .. } => Some(network.clone()),
            _ => None,
        };
        let test = bundle.manifest.test.as_ref();
        let ours = test.and_then(|test| Some(test.test.split_once("::")?.0.to_owned()));
        let is_ours = |event: &Event| {
            let of = network(event);
            ours.is_none() || of.is_none() || of == ours
        };
        Self(events.filter(is_ours).collect())
    }

    fn observations(&self) -> impl Iterator<Item = (Timestamp, &Observation)> {
        self.0.iter().filter_map(|event| match &event.kind {
            Kind::Observed { seen, .. } => Some((event.at, seen)),
            _ => None,
        })
    }

    fn violations(&self) -> impl Iterator<Item = Entry> {
        self.observations().filter_map(|(at, seen)| {
            let Observation::Violated {
                invariant,
                seen,
                slot,
            } = seen
            else {
                return None;
            };
            let about =
                slot.map_or_else(|| "the network".to_owned(), |slot| format!("slot {slot}"));
            Some(Entry {
                at,
                kind: EntryKind::Violation,
                about,
                what: format!("broke a rule: {seen} (rule: {invariant})"),
            })
        })
    }

    /// Restarts of pods whose own words on it are not among `known`.
    fn restarts(&self, known: &[Entry]) -> Vec<Entry> {
        let entries = self.observations().filter_map(|(at, seen)| match seen {
            Observation::Restarted { pod, why, .. } => Some(Entry {
                at,
                kind: EntryKind::Restart,
                about: pod.clone(),
                what: format!("restarted: {why}"),
            }),
            _ => None,
        });
        entries
            .filter(|entry| known.iter().all(|other| other.about != entry.about))
            .collect()
    }

    /// What nodes had from L1 and then had not any more.
    fn lost(&self) -> Vec<Entry> {
        let mut had: BTreeMap<&str, u64> = BTreeMap::new();
        let mut losses: Vec<Loss> = Vec::new();
        for (at, seen) in self.observations() {
            let Observation::Tips {
                node, checkpointed, ..
            } = seen
            else {
                continue;
            };
            let to = checkpointed.number;
            let from = had.insert(node, to).unwrap_or(to);
            if to >= from {
                continue;
            }
            match losses.last_mut() {
                Some(last) if last.to == to => last.add(node, from),
                _ => losses.push(Loss {
                    at,
                    nodes: vec![node],
                    from,
                    to,
                }),
            }
        }
        losses.into_iter().map(Entry::from).collect()
    }

    /// Slots in a row that have no checkpoint. A slot is told of when it is over: when the one before was told of, it was
    /// on its way.
    fn missed(&self) -> Vec<Entry> {
        let mut runs: Vec<(Timestamp, Vec<u64>, Vec<String>)> = Vec::new();
        let (mut before, mut goes_on) = (None, false);
        for (at, seen) in self.observations() {
            let Observation::Slot {
                slot,
                proposer,
                pod,
                outcome,
                ..
            } = seen
            else {
                continue;
            };
            let missed = *outcome != SlotOutcome::Checkpointed;
            if missed && !goes_on {
                runs.push((before.unwrap_or(at), Vec::new(), Vec::new()));
            }
            if let (true, Some((_, slots, whose))) = (missed, runs.last_mut()) {
                slots.push(*slot);
                whose.extend(pod.clone().or_else(|| proposer.clone()));
            }
            (before, goes_on) = (Some(at), missed);
        }
        runs.into_iter()
            .map(|(at, slots, whose)| missed(at, &slots, whose))
            .collect()
    }
}

/// Nodes that went back to the same block, one after another.
struct Loss<'a> {
    at: Timestamp,
    nodes: Vec<&'a str>,
    /// The newest that one of them had.
    from: u64,
    to: u64,
}

impl<'a> Loss<'a> {
    fn add(&mut self, node: &'a str, from: u64) {
        self.nodes.push(node);
        self.from = self.from.max(from);
    }
}

impl From<Loss<'_>> for Entry {
    fn from(loss: Loss<'_>) -> Self {
        Self {
            at: loss.at,
            kind: EntryKind::Lost,
            about: loss.nodes.join(", "),
            what: format!(
                "went back from block {} on L1 to block {}",
                loss.from, loss.to
            ),
        }
    }
}

fn missed(at: Timestamp, slots: &[u64], mut whose: Vec<String>) -> Entry {
    whose.sort();
    whose.dedup();
    let turn = if whose.is_empty() {
        String::new()
    } else {
        format!("; it was the turn of {}", whose.join(", "))
    };
    let about = match (slots.first(), slots.last()) {
        (Some(first), Some(last)) if first != last => format!("slots {first}-{last}"),
        (first, _) => format!("slot {}", first.copied().unwrap_or_default()),
    };
    let verb = if slots.len() == 1 { "has" } else { "have" };
    Entry {
        at,
        kind: EntryKind::Slots,
        about,
        what: format!("{verb} no checkpoint{turn}"),
    }
}

/// How containers ended, as their pods remember it.
fn ends(bundle: &Bundle) -> Vec<Entry> {
    let ends = bundle.ends().into_iter();
    ends.filter_map(|(pod, ended)| {
        Some(Entry {
            at: ended.at?,
            kind: EntryKind::Restart,
            about: pod,
            what: format!("restarted: {ended}"),
        })
    })
    .collect()
}

fn warnings(bundle: &Bundle) -> impl Iterator<Item = Entry> {
    bundle.warnings().into_iter().map(|warning| Entry {
        at: warning.at,
        kind: EntryKind::Warning,
        about: warning.about,
        what: format!(
            "has a warning of Kubernetes, {}: {}",
            warning.reason, warning.message
        ),
    })
}

fn looked_at(bundle: &Bundle) -> Vec<String> {
    let mut words = vec![
        count(bundle.pods(), "pod"),
        count(bundle.logs().count(), "log"),
    ];
    let has = |path: &str| bundle.members.contains_key(path);
    if has(CLUSTER_EVENTS) {
        words.push("events of Kubernetes".to_owned());
    }
    if has(EVENTS) {
        words.push("the events of the test's run".to_owned());
    }
    words
}

#[cfg(test)]
mod tests;
