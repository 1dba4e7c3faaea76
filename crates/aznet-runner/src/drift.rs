//! What grows while tests run again and again: a fold over events.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::{
    event::{Event, Kind},
    observation::{Measure, Observation},
};

/// The parts of the time that are compared, in tenths. The first two are left out: a node that starts grows anyway.
const WINDOWS: [(i64, i64); 2] = [(2, 4), (8, 10)];
/// At how many moments of each part it is looked at.
const MOMENTS: i64 = 20;
/// For how long what was seen of a pod holds at least: it is told again more often than that. In long runs, a tenth of the time.
const HOLDS: i64 = 10 * 60 * 1000;

/// When how much was seen.
type Used = Vec<(Timestamp, u64)>;

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

/// What can't be said of the pods of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// The network.
    pub network: String,
    /// When measuring stopped; `None` if it never began, or was missing earlier.
    pub since: Option<Timestamp>,
    /// Why.
    pub why: String,
}

/// Gathers [`Drift`] from the events of a run.
#[derive(Debug, Clone, Default)]
pub struct Gathered {
    /// By network, pod and measure, how much it was from when on.
    used: BTreeMap<(String, String, Measure), Used>,
    /// By network and measure, when it was not known last, and why.
    unmeasured: BTreeMap<(String, Measure), (Timestamp, String)>,
    /// When the first and the last event were.
    time: Option<(Timestamp, Timestamp)>,
}

impl Gathered {
    /// Takes an event in.
    pub fn event(&mut self, event: &Event) {
        let (first, _) = self.time.unwrap_or((event.at, event.at));
        self.time = Some((first, event.at));
        let Kind::Observed { network, seen } = &event.kind else {
            return;
        };
        let (pod, measure, bytes) = match seen {
            Observation::Resources { pod, memory, .. } => (pod, Measure::Memory, *memory),
            Observation::Disk { pod, bytes } => (pod, Measure::Disk, *bytes),
            Observation::Unmeasured { measure, why } => {
                let what = (network.clone(), *measure);
                self.unmeasured.insert(what, (event.at, why.clone()));
                return;
            }
            _ => return,
        };
        let what = (network.clone(), pod.clone(), measure);
        self.used.entry(what).or_default().push((event.at, bytes));
    }

    /// The networks of which a measure was never known, or not of all pods until the end.
    pub fn unknown(&self, measure: Measure) -> Vec<Unknown> {
        let used = self.used.keys().map(|(network, _, what)| (network, what));
        let unmeasured = self
            .unmeasured
            .keys()
            .map(|(network, what)| (network, what));
        let networks = used.chain(unmeasured).filter(|(_, what)| **what == measure);
        let networks: BTreeSet<&String> = networks.map(|(network, _)| network).collect();
        let unknown = networks.into_iter();
        unknown
            .filter_map(|network| self.unknown_of(network, measure))
            .collect()
    }

    fn unknown_of(&self, network: &str, measure: Measure) -> Option<Unknown> {
        let told = self.unmeasured.get(&(network.to_owned(), measure));
        let all = self.used.iter();
        let of = all.filter(|((of, _, what), _)| (of.as_str(), *what) == (network, measure));
        let pods: Vec<&Used> = of.map(|(_, used)| used).collect();
        let current = |used: &&Used| used.last().is_some_and(|(at, _)| self.is_current(*at));
        // A pod of which no more is seen, while all is measured, is gone.
        let measured =
            pods.iter().any(current) && !told.is_some_and(|(at, _)| self.is_current(*at));
        let missing = pods.iter().filter(|used| self.compare(used).is_none());
        let mut missing = missing.filter(|used| current(used) || !measured).peekable();
        if missing.peek().is_none() && !pods.is_empty() {
            return None;
        }
        let ended = missing.filter(|used| !current(used));
        // Those that ended first may be gone.
        let since = ended.filter_map(|used| Some(used.last()?.0)).max();
        let why = told.map_or("nothing was told of it", |(_, why)| why.as_str());
        Some(Unknown {
            network: network.to_owned(),
            since,
            why: why.to_owned(),
        })
    }

    /// The pods that were there in both parts, by how much they have grown.
    pub fn drifts(&self) -> Vec<Drift> {
        let mut drifts: Vec<Drift> = (self.used.iter())
            .filter_map(|((network, pod, measure), used)| {
                let [early, late] = self.compare(used)?;
                Some(Drift {
                    network: network.clone(),
                    pod: pod.clone(),
                    measure: *measure,
                    early,
                    late,
                })
            })
            .collect();
        drifts.sort_by(|one, other| other.growth().total_cmp(&one.growth()));
        drifts
    }

    /// Medians of both parts of the time; `None` where one of them, or the end, is not known.
    fn compare(&self, used: &Used) -> Option<[u64; 2]> {
        let ((first, _), (last, _)) = (used.first()?, used.last()?);
        let end = self.time?.1;
        if !self.is_current(*last) {
            return None;
        }
        let [early, late] = WINDOWS.map(|part| median(used, (*first, end), part, self.holds()));
        Some([early?, late?])
    }

    /// Whether what was seen then holds until the end.
    fn is_current(&self, seen: Timestamp) -> bool {
        let end = self.time.map_or(seen, |(_, end)| end);
        end.as_millisecond() - seen.as_millisecond() <= self.holds()
    }

    /// For how long what was seen holds, in milliseconds.
    fn holds(&self) -> i64 {
        let span =
            |(first, end): (Timestamp, Timestamp)| end.as_millisecond() - first.as_millisecond();
        HOLDS.max(self.time.map_or(0, span) / 10)
    }
}

/// The median of what was used in a part of the time.
fn median(
    used: &Used,
    (first, last): (Timestamp, Timestamp),
    (from, to): (i64, i64),
    holds: i64,
) -> Option<u64> {
    let span = last.as_millisecond() - first.as_millisecond();
    let at = |moment: i64| {
        let tenths = from * MOMENTS + (to - from) * moment;
        first.as_millisecond() + span * tenths / (10 * MOMENTS)
    };
    let mut seen: Vec<u64> = (1..=MOMENTS)
        .filter_map(|moment| {
            let told = used.partition_point(|(told, _)| told.as_millisecond() <= at(moment));
            let (told, bytes) = used.get(told.checked_sub(1)?)?;
            (at(moment) - told.as_millisecond() <= holds).then_some(*bytes)
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

    fn unmeasured(second: i64, measure: Measure) -> Event {
        let why = "no Prometheus".to_owned();
        event(second, Observation::Unmeasured { measure, why })
    }

    fn unknown(since: Option<i64>, why: &str) -> [Unknown; 1] {
        let since = since.map(|second| Timestamp::from_second(second).expect("a time"));
        let (network, why) = ("small".to_owned(), why.to_owned());
        [Unknown {
            network,
            since,
            why,
        }]
    }

    /// A day, in which pods are seen every five minutes in these hours.
    fn day(pods: &[(&str, &[(i64, i64)])]) -> Gathered {
        let mut gathered = Gathered::default();
        for second in (0..=24 * 3600).step_by(300) {
            let hour = second / 3600;
            for (pod, hours) in pods {
                if hours.iter().any(|&(from, to)| (from..to).contains(&hour)) {
                    gathered.event(&seen(second, pod, 100));
                }
            }
            gathered.event(&disk(second, 100));
        }
        gathered
    }

    #[test]
    fn what_grows_is_first() {
        let mut gathered = Gathered::default();
        for second in 0..1000 {
            gathered.event(&seen(second, "calm", 100));
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
        for second in [100, 500, 1000] {
            gathered.event(&seen(second, "starts", 500));
        }
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
    fn what_was_never_known_is_unknown() {
        let mut gathered = Gathered::default();
        for measure in Measure::ALL {
            gathered.event(&unmeasured(0, measure));
        }
        gathered.event(&seen(1, "pod", 100));
        assert!(gathered.unknown(Measure::Memory).is_empty());
        assert_eq!(
            gathered.unknown(Measure::Disk),
            unknown(None, "no Prometheus")
        );
    }

    #[test]
    fn where_measuring_stops_it_is_unknown_since_then() {
        for hours in [1, 10, 20] {
            let mut gathered = day(&[("pod", &[(0, hours)])]);
            let since = Some(hours * 3600 - 300);
            assert_eq!(
                gathered.unknown(Measure::Memory),
                unknown(since, "nothing was told of it")
            );
            gathered.event(&unmeasured(24 * 3600, Measure::Memory));
            assert_eq!(
                gathered.unknown(Measure::Memory),
                unknown(since, "no Prometheus")
            );
            let measures = gathered.drifts();
            assert!(measures.iter().all(|drift| drift.measure == Measure::Disk));
            assert_eq!(measures.len(), 1, "of disks all is known");
        }
    }

    #[test]
    fn a_pause_of_measuring_is_none_of_its_end() {
        let mut gathered = day(&[("pod", &[(0, 12), (13, 25)])]);
        gathered.event(&unmeasured(24 * 3600, Measure::Memory));
        assert!(gathered.unknown(Measure::Memory).is_empty());
        assert_eq!(gathered.drifts().len(), 2);
        // The early part of the time.
        let gathered = day(&[("pod", &[(0, 1), (13, 25)])]);
        let why = "nothing was told of it";
        assert_eq!(gathered.unknown(Measure::Memory), unknown(None, why));
        assert_eq!(gathered.drifts().len(), 1);
    }

    #[test]
    fn a_pod_that_is_gone_is_not_one_that_cannot_be_measured() {
        let mut gathered = day(&[("gone", &[(0, 12)]), ("there", &[(0, 25)])]);
        assert!(gathered.unknown(Measure::Memory).is_empty());
        assert_eq!(gathered.drifts().len(), 2);
        // Its machine gives no answer.
        gathered.event(&unmeasured(24 * 3600, Measure::Memory));
        let since = Some(12 * 3600 - 300);
        assert_eq!(
            gathered.unknown(Measure::Memory),
            unknown(since, "no Prometheus")
        );
    }

    #[test]
    fn nothing_seen_is_nothing_told() {
        assert!(Gathered::default().drifts().is_empty());
    }
}
