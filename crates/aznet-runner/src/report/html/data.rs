//! What the timeline is drawn from: the model in columns, small enough to be part of the page.
//!
//! Times are milliseconds since the run began. Slots, faults, restarts, silences and violations are never thinned.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    columns::{
        Clock, Column, DiskColumns, TipColumns, Transfers, UsageColumns, differences, disk, tips,
        transfers, usage, whole,
    },
    model::{Attempt, Model, Test},
    network::{Network, Pod, SlotSeen},
};
use crate::{
    observation::{FaultState, SlotOutcome},
    verdict::Verdict,
};

/// The run.
#[derive(Debug, Serialize)]
pub(super) struct Data<'a> {
    /// Milliseconds since 1970.
    start: i64,
    duration: i64,
    tests: Vec<Attempts<'a>>,
    networks: Vec<Seen<'a>>,
}

#[derive(Debug, Serialize)]
struct Attempts<'a> {
    name: String,
    attempts: Vec<Tried<'a>>,
}

#[derive(Debug, Serialize)]
struct Tried<'a> {
    from: i64,
    to: i64,
    verdict: &'static str,
    message: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Seen<'a> {
    name: &'a str,
    slots: Slots,
    proposers: Vec<(Option<&'a str>, Option<&'a str>)>,
    pods: Vec<PodSeen<'a>>,
    faults: Vec<FaultSeen<'a>>,
    transfers: Transfers<'a>,
    violations: Vec<ViolationSeen<'a>>,
}

#[derive(Debug, Serialize)]
struct Slots {
    slot: Column,
    epoch: Column,
    from: Column,
    to: Column,
    /// 0 checkpointed, 1 proposed, 2 missed.
    outcome: Vec<u8>,
    /// Places in `proposers`.
    proposer: Vec<usize>,
}

#[derive(Debug, Serialize)]
struct PodSeen<'a> {
    name: &'a str,
    tips: TipColumns,
    silent: Vec<(i64, i64, &'a str)>,
    restarts: Vec<(i64, u32, &'a str)>,
    usage: UsageColumns,
    disk: DiskColumns,
}

#[derive(Debug, Serialize)]
struct FaultSeen<'a> {
    name: &'a str,
    about: &'a str,
    asked: &'a str,
    measured: Option<&'a str>,
    states: Vec<(i64, FaultState)>,
    to: i64,
}

#[derive(Debug, Serialize)]
struct ViolationSeen<'a> {
    at: i64,
    invariant: &'a str,
    seen: &'a str,
    slot: Option<u64>,
}

/// The run's data.
pub(super) fn data(model: &Model) -> Data<'_> {
    let (start, end) = model.span.unwrap_or_default();
    let clock = Clock { start, end };
    let networks = model.networks.iter();
    Data {
        start: start.as_millisecond(),
        duration: clock.duration(),
        tests: model
            .tests
            .iter()
            .map(|test| attempts(test, model.repeat, clock))
            .collect(),
        networks: networks.map(|(name, of)| seen(name, of, clock)).collect(),
    }
}

fn attempts(test: &Test, repeat: u32, clock: Clock) -> Attempts<'_> {
    let last = test.attempts.len().saturating_sub(1);
    let tried = |(nth, attempt)| {
        let mut tried = tried(attempt, clock);
        // What a test ends with is the verdict on its last attempt and on all of them.
        if nth == last && test.end.is_some() {
            tried.verdict = verdict(test).0;
        }
        tried
    };
    Attempts {
        name: test.title(repeat),
        attempts: test.attempts.iter().enumerate().map(tried).collect(),
    }
}

fn tried(attempt: &Attempt, clock: Clock) -> Tried<'_> {
    let (to, verdict, message) = match &attempt.end {
        Some((to, verdict)) => (*to, word(verdict), verdict.message()),
        None => (clock.end, "open", None),
    };
    Tried {
        from: clock.of(attempt.from),
        to: clock.of(to),
        verdict,
        message,
    }
}

/// A test's class in the style sheet, and its verdict in a word.
pub(super) fn verdict(test: &Test) -> (&'static str, &'static str) {
    match &test.end {
        Some((Verdict::Passed, _)) if test.attempts.len() > 1 => ("flaky", "flaky"),
        Some((Verdict::Passed, _)) if !test.leaks.is_empty() => ("leaky", "leaky"),
        Some((verdict, _)) => (word(verdict), word(verdict)),
        None if test.attempts.is_empty() => ("skipped", "not run"),
        None => ("open", "not ended"),
    }
}

/// A verdict in the page's style sheet.
pub(super) const fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Failed { .. } => "failed",
        Verdict::Infrastructure { .. } | Verdict::Fault { .. } => "error",
        Verdict::Skipped { .. } => "skipped",
    }
}

fn seen<'a>(name: &'a str, network: &'a Network, clock: Clock) -> Seen<'a> {
    let (slots, proposers) = slots(network, clock);
    let mut pods: Vec<_> = network.pods.iter().collect();
    pods.sort_by_key(|(name, _)| natural(name));
    let violations = network.violations.iter().map(|one| ViolationSeen {
        at: clock.of(one.at),
        invariant: &one.invariant,
        seen: &one.seen,
        slot: one.slot,
    });
    let faults = network.faults.iter().map(|one| FaultSeen {
        name: &one.name,
        about: &one.about,
        asked: &one.asked,
        measured: one.measured.as_deref(),
        states: one
            .states
            .iter()
            .map(|(at, state)| (clock.of(*at), *state))
            .collect(),
        to: clock.of(one.healed().unwrap_or(clock.end)),
    });
    Seen {
        name,
        slots,
        proposers,
        pods: pods
            .into_iter()
            .map(|(name, pod)| pod_seen(name, pod, clock))
            .collect(),
        faults: faults.collect(),
        transfers: transfers(network, clock),
        violations: violations.collect(),
    }
}

/// `validator-2` is before `validator-10`.
fn natural(name: &str) -> (&str, u64) {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    (stem, name[stem.len()..].parse().unwrap_or_default())
}

type Proposers<'a> = Vec<(Option<&'a str>, Option<&'a str>)>;

fn slots(network: &Network, clock: Clock) -> (Slots, Proposers<'_>) {
    let mut proposers: BTreeMap<(Option<&str>, Option<&str>), usize> = BTreeMap::new();
    let mut places = Vec::new();
    for slot in network.slots.values() {
        let next = proposers.len();
        let proposer = (slot.proposer.as_deref(), slot.pod.as_deref());
        places.push(*proposers.entry(proposer).or_insert(next));
    }
    let mut by_place: Vec<_> = proposers.into_iter().collect();
    by_place.sort_by_key(|(_, place)| *place);
    let spans = spans(network, clock);
    let seen = network.slots.values();
    let slots = Slots {
        slot: differences(network.slots.keys().map(|slot| whole(*slot))),
        epoch: differences(seen.clone().map(|slot| whole(slot.epoch))),
        from: differences(spans.iter().map(|(from, _)| *from)),
        to: differences(spans.iter().map(|(_, to)| *to)),
        outcome: seen.map(|slot| slot.outcome as u8).collect(),
        proposer: places,
    };
    let proposers = by_place.into_iter().map(|(proposer, _)| proposer);
    (slots, proposers.collect())
}

/// From when to when each slot was. An event tells when a slot was seen to have passed; how long slots are is taken from
/// the time between those of them that follow each other.
fn spans(network: &Network, clock: Clock) -> Vec<(i64, i64)> {
    let ends: Vec<(u64, i64)> = network
        .slots
        .iter()
        .map(|(number, SlotSeen { at, .. })| (*number, clock.of(*at)))
        .collect();
    let mut lengths: Vec<i64> = ends
        .windows(2)
        .filter(|pair| pair[1].0 == pair[0].0 + 1)
        .map(|pair| pair[1].1 - pair[0].1)
        .collect();
    lengths.sort_unstable();
    let length = lengths.get(lengths.len() / 2).copied().unwrap_or_default();
    let mut before = None;
    let span = |(number, to): &(u64, i64)| {
        let follows = before.filter(|(last, _)| last + 1 == *number);
        before = Some((*number, *to));
        // The one before ended where this one began, unless it was seen late.
        let from = follows.map_or(to - length, |(_, end)| end.max(to - 2 * length));
        (from.min(*to), *to)
    };
    ends.iter().map(span).collect()
}

fn pod_seen<'a>(name: &'a str, pod: &'a Pod, clock: Clock) -> PodSeen<'a> {
    let silent = pod.silences.iter();
    let restarts = pod.restarts.iter();
    PodSeen {
        name,
        tips: tips(&pod.tips, clock),
        silent: silent
            .map(|one| {
                let to = clock.of(one.to.unwrap_or(clock.end));
                (clock.of(one.from), to, one.why.as_str())
            })
            .collect(),
        restarts: restarts
            .map(|one| (clock.of(one.at), one.restarts, one.why.as_str()))
            .collect(),
        usage: usage(&pod.usage, clock),
        disk: disk(&pod.disk, clock),
    }
}

// The order is the page's.
const _: () = assert!(SlotOutcome::Checkpointed as u8 == 0 && SlotOutcome::Missed as u8 == 2);
