//! The numbers of the tables.

use std::{collections::BTreeMap, time::Duration};

use super::network::Network;
use crate::{observation::SlotOutcome, stats::quantile};

/// How long transfers of a kind took to a stage.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Latency {
    pub(super) kind: String,
    /// The place of the stage in [`STAGES`].
    pub(super) stage: usize,
    /// Transfers of the kind that reached it.
    pub(super) reached: usize,
    /// Transfers of the kind.
    pub(super) of: usize,
    /// p50, p90, p99, and the slowest.
    pub(super) seconds: [Duration; 4],
}

/// What a transfer, and a block, goes through.
pub(super) const STAGES: [&str; 4] = ["proposed", "checkpointed", "proven", "finalized"];

/// Latencies by kind and stage; stages that no transfer reached are left out.
pub(super) fn latencies(network: &Network) -> Vec<Latency> {
    let mut kinds: BTreeMap<&str, (usize, [Vec<Duration>; 4])> = BTreeMap::new();
    for transfer in &network.transfers {
        let (of, stages) = kinds.entry(&transfer.kind).or_default();
        *of += 1;
        for (times, took) in stages.iter_mut().zip(transfer.took) {
            times.extend(took);
        }
    }
    let mut rows = Vec::new();
    for (kind, (of, stages)) in kinds {
        for (stage, mut times) in stages.into_iter().enumerate() {
            times.sort_unstable();
            let Some(slowest) = times.last().copied() else {
                continue;
            };
            let at = |percent| quantile(&times, percent).unwrap_or(slowest);
            rows.push(Latency {
                kind: kind.to_owned(),
                stage,
                reached: times.len(),
                of,
                seconds: [at(50), at(90), at(99), slowest],
            });
        }
    }
    rows
}

/// What became of the turns of a proposer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Turns {
    /// Its pod, where it is one of the network's own.
    pub(super) pod: Option<String>,
    pub(super) checkpointed: usize,
    /// Slots with a block that did not get to L1.
    pub(super) proposed: Vec<u64>,
    /// Slots with nothing.
    pub(super) missed: Vec<u64>,
}

impl Turns {
    /// All of them.
    pub(super) fn all(&self) -> usize {
        self.checkpointed + self.proposed.len() + self.missed.len()
    }
}

/// Turns by proposer, those who missed most first; slots of which nobody knows the proposer are under `None`.
pub(super) fn turns(network: &Network) -> Vec<(Option<&str>, Turns)> {
    let mut turns: BTreeMap<Option<&str>, Turns> = BTreeMap::new();
    for (number, slot) in &network.slots {
        let of = turns.entry(slot.proposer.as_deref()).or_default();
        of.pod = slot.pod.clone().or(of.pod.take());
        match slot.outcome {
            SlotOutcome::Checkpointed => of.checkpointed += 1,
            SlotOutcome::Proposed => of.proposed.push(*number),
            SlotOutcome::Missed => of.missed.push(*number),
        }
    }
    let mut turns: Vec<_> = turns.into_iter().collect();
    turns.sort_by_key(|(_, of)| std::cmp::Reverse((of.missed.len(), of.proposed.len())));
    turns
}
