//! What grows while tests run again and again: a fold over events.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    event::{Event, Kind},
    observation::{Measure, Observation},
};

/// The parts of the time that are compared, in tenths. The first two are left out: a node that starts grows anyway.
const WINDOWS: [(i64, i64); 2] = [(2, 4), (8, 10)];
/// At how many moments of each part it is looked at.
const MOMENTS: i64 = 20;

/// What a pod's memory or disk did: medians of an early and of the last part of the time, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// The network.
    pub network: String,
    /// The pod.
    pub pod: String,
    /// What of it.
    pub measure: Measure,
    /// Early.
    pub early: u64,
    /// In the end.
    pub late: u64,
}

impl Drift {
    /// By what share of what it was it has grown; below zero where it has shrunk.
    #[expect(
        clippy::cast_precision_loss,
        reason = "bytes of a pod are far below what a float holds"
    )]
    pub fn growth(&self) -> f64 {
        self.late as f64 / (self.early as f64).max(1.0) - 1.0
    }
}

/// Gathers [`Drift`] from the events of a run.
#[derive(Debug, Clone, Default)]
pub struct Gathered {
    /// By network, pod and measure, how much it was from when on.
    used: BTreeMap<(String, String, Measure), Vec<(Timestamp, u64)>>,
    /// By network and measure, why nothing is known.
    unmeasured: BTreeMap<(String, Measure), String>,
    last: Option<Timestamp>,
}

impl Gathered {
    /// Takes an event in.
    pub fn event(&mut self, event: &Event) {
        self.last = Some(event.at);
        let Kind::Observed { network, seen } = &event.kind else {
            return;
        };
        let (pod, measure, bytes) = match seen {
            Observation::Resources { pod, memory, .. } => (pod, Measure::Memory, *memory),
            Observation::Disk { pod, bytes } => (pod, Measure::Disk, *bytes),
            Observation::Unmeasured { measure, why } => {
                let what = (network.clone(), *measure);
                self.unmeasured.insert(what, why.clone());
                return;
            }
            _ => return,
        };
        let what = (network.clone(), pod.clone(), measure);
        self.used.entry(what).or_default().push((event.at, bytes));
    }

    /// The networks of which a measure was never known, and why.
    pub fn unknown(&self, measure: Measure) -> impl Iterator<Item = (&str, &str)> {
        let known = move |network: &str| {
            let mut known = self.used.keys();
            known.any(|(of, _, what)| (of.as_str(), *what) == (network, measure))
        };
        let all = self.unmeasured.iter();
        let all = all.filter(move |((network, what), _)| *what == measure && !known(network));
        all.map(|((network, _), why)| (network.as_str(), why.as_str()))
    }

    /// The pods that were there in both parts, by how much they have grown.
    pub fn drifts(&self) -> Vec<Drift> {
        let Some(last) = self.last else {
            return Vec::new();
        };
        let mut drifts: Vec<Drift> = (self.used.iter())
            .filter_map(|((network, pod, measure), used)| {
                let (first, _) = used.first()?;
                let [early, late] = WINDOWS.map(|part| median(used, (*first, last), part));
                Some(Drift {
                    network: network.clone(),
                    pod: pod.clone(),
                    measure: *measure,
                    early: early?,
                    late: late?,
                })
            })
            .collect();
        drifts.sort_by(|one, other| other.growth().total_cmp(&one.growth()));
        drifts
    }
}

/// The median of what was used in a part of the time. What is told holds until something else is.
fn median(
    used: &[(Timestamp, u64)],
    (first, last): (Timestamp, Timestamp),
    (from, to): (i64, i64),
) -> Option<u64> {
    let span = last.as_millisecond() - first.as_millisecond();
    let at = |moment: i64| {
        let tenths = from * MOMENTS + (to - from) * moment;
        first.as_millisecond() + span * tenths / (10 * MOMENTS)
    };
    let mut seen: Vec<u64> = (1..=MOMENTS)
        .filter_map(|moment| {
            let told = used.partition_point(|(told, _)| told.as_millisecond() <= at(moment));
            Some(used.get(told.checked_sub(1)?)?.1)
        })
        .collect();
    seen.sort_unstable();
    seen.get(seen.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(second: i64, seen: Observation) -> Event {
        Event {
            at: Timestamp::from_second(second).expect("a time"),
            kind: Kind::Observed {
                network: "small".to_owned(),
                seen,
            },
        }
    }

    fn seen(second: i64, pod: &str, memory: u64) -> Event {
        let pod = pod.to_owned();
        let cpu = 0.1;
        event(second, Observation::Resources { pod, cpu, memory })
    }

    fn disk(second: i64, bytes: u64) -> Event {
        let pod = "pod".to_owned();
        event(second, Observation::Disk { pod, bytes })
    }

    fn unmeasured(measure: Measure) -> Event {
        let why = "no Prometheus".to_owned();
        event(0, Observation::Unmeasured { measure, why })
    }

    #[test]
    fn what_grows_is_first() {
        let mut gathered = Gathered::default();
        gathered.event(&seen(0, "calm", 100));
        for second in 0..1000 {
            gathered.event(&seen(second, "leaks", 1000 + second.unsigned_abs()));
        }
        let drifts = gathered.drifts();
        let pods: Vec<&str> = drifts.iter().map(|drift| drift.pod.as_str()).collect();
        assert_eq!(pods, ["leaks", "calm"]);
        assert_eq!((drifts[1].early, drifts[1].late), (100, 100));
        // At 30 and at 90 % of the time.
        assert!(drifts[0].early.abs_diff(1300) < 15, "{drifts:?}");
        assert!(drifts[0].late.abs_diff(1900) < 15, "{drifts:?}");
    }

    #[test]
    fn a_node_that_only_starts_does_not_grow() {
        let mut gathered = Gathered::default();
        gathered.event(&seen(0, "starts", 10));
        gathered.event(&seen(100, "starts", 500));
        gathered.event(&seen(1000, "starts", 500));
        assert!(gathered.drifts()[0].growth().abs() < 1e-9);
    }

    #[test]
    fn disk_and_memory_grow_apart() {
        let mut gathered = Gathered::default();
        for second in 0..1000 {
            gathered.event(&seen(second, "pod", 100));
            gathered.event(&disk(second, 1000 + second.unsigned_abs()));
        }
        let drifts = gathered.drifts();
        let measures = drifts.iter().map(|drift| drift.measure);
        assert!(measures.eq([Measure::Disk, Measure::Memory]));
        assert!(drifts[0].late > 1850 && drifts[1].late == 100, "{drifts:?}");
    }

    #[test]
    fn what_was_known_once_is_not_unknown() {
        let mut gathered = Gathered::default();
        for measure in Measure::ALL {
            gathered.event(&unmeasured(measure));
        }
        gathered.event(&seen(1, "pod", 100));
        assert_eq!(gathered.unknown(Measure::Memory).count(), 0);
        let unknown: Vec<_> = gathered.unknown(Measure::Disk).collect();
        assert_eq!(unknown, [("small", "no Prometheus")]);
    }

    #[test]
    fn nothing_seen_is_nothing_told() {
        assert!(Gathered::default().drifts().is_empty());
    }
}
