//! Columns of numbers, which are short, and long series that are thinned, each by itself.

use jiff::Timestamp;
use serde::Serialize;

use super::network::{Network, Tips, Transfer, Usage};

/// Points of a series that are kept; more than a screen has columns.
const POINTS: i64 = 2500;
/// Transfers that are drawn, at most about twice as many; all are counted in the tables.
const TRANSFERS: i64 = 1500;
/// Columns of integers, each but the first as the difference from the one before.
pub(super) type Column = Vec<i64>;

/// The run's time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
}

impl Clock {
    pub(super) fn of(self, at: Timestamp) -> i64 {
        at.as_millisecond() - self.start.as_millisecond()
    }

    pub(super) fn duration(self) -> i64 {
        self.of(self.end)
    }

    /// In which of `count` equal parts of the run a moment is.
    fn part(self, at: Timestamp, count: i64) -> i64 {
        self.of(at) * count / self.duration().max(1)
    }
}

#[derive(Debug, Serialize)]
pub(super) struct TipColumns {
    at: Column,
    slot: Column,
    /// Of proposed, checkpointed, proven and finalized blocks.
    blocks: [Column; 4],
}

#[derive(Debug, Serialize)]
pub(super) struct UsageColumns {
    at: Column,
    /// Thousandths of a core.
    cpu: Column,
    /// MiB.
    memory: Column,
}

#[derive(Debug, Serialize)]
pub(super) struct DiskColumns {
    at: Column,
    /// KiB.
    disk: Column,
}

#[derive(Debug, Serialize)]
pub(super) struct Transfers<'a> {
    /// All there were, of which some are here.
    of: usize,
    kinds: Vec<&'a str>,
    id: Vec<&'a str>,
    /// Places in `kinds`.
    kind: Vec<usize>,
    sent: Column,
    /// Milliseconds to each stage reached.
    took: Vec<[Option<i64>; 4]>,
}

/// Of many tips in the same moment the last: a tip is a state.
pub(super) fn tips(tips: &[Tips], clock: Clock) -> TipColumns {
    let parts = tips.chunk_by(|a, b| clock.part(a.at, POINTS) == clock.part(b.at, POINTS));
    let kept: Vec<&Tips> = parts.filter_map(<[Tips]>::last).collect();
    let blocks =
        [0, 1, 2, 3].map(|tip: usize| differences(kept.iter().map(|tips| whole(tips.blocks[tip]))));
    TipColumns {
        at: differences(kept.iter().map(|tips| clock.of(tips.at))),
        slot: differences(kept.iter().map(|tips| whole(tips.slot))),
        blocks,
    }
}

/// Of many measurements in the same moment the highest: what is looked for is peaks.
pub(super) fn usage(usage: &[Usage], clock: Clock) -> UsageColumns {
    let parts = usage.chunk_by(|a, b| clock.part(a.at, POINTS) == clock.part(b.at, POINTS));
    let (mut at, mut cpu, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    for part in parts {
        at.push(clock.of(part[0].at));
        cpu.push(
            part.iter()
                .map(|used| thousandths(used.cpu))
                .max()
                .unwrap_or_default(),
        );
        memory.push(
            part.iter()
                .map(|used| whole(used.memory >> 20))
                .max()
                .unwrap_or_default(),
        );
    }
    UsageColumns {
        at: differences(at.into_iter()),
        cpu: differences(cpu.into_iter()),
        memory: differences(memory.into_iter()),
    }
}

/// Of many measurements in the same moment the highest, too.
pub(super) fn disk(disk: &[(Timestamp, u64)], clock: Clock) -> DiskColumns {
    let parts = disk.chunk_by(|(a, _), (b, _)| clock.part(*a, POINTS) == clock.part(*b, POINTS));
    let kept = parts.map(|part| {
        let most = part.iter().map(|(_, bytes)| bytes >> 10).max();
        (clock.of(part[0].0), whole(most.unwrap_or_default()))
    });
    let (at, disk): (Vec<i64>, Vec<i64>) = kept.unzip();
    DiskColumns {
        at: differences(at.into_iter()),
        disk: differences(disk.into_iter()),
    }
}

pub(super) fn transfers(network: &Network, clock: Clock) -> Transfers<'_> {
    let mut all: Vec<&Transfer> = network.transfers.iter().collect();
    all.sort_by_key(|transfer| transfer.sent);
    let kept = kept(&all, clock);
    let mut kinds: Vec<&str> = kept.iter().map(|one| one.kind.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let place = |one: &&Transfer| kinds.binary_search(&one.kind.as_str()).unwrap_or_default();
    Transfers {
        of: all.len(),
        id: kept.iter().map(|one| one.id.as_str()).collect(),
        kind: kept.iter().map(place).collect(),
        sent: differences(kept.iter().map(|one| clock.of(one.sent))),
        took: kept
            .iter()
            .map(|one| {
                one.took
                    .map(|took| took.and_then(|took| i64::try_from(took.as_millis()).ok()))
            })
            .collect(),
        kinds,
    }
}

/// All that never were in a block, and of the others sent in the same moment the first and the slowest.
fn kept<'a>(sorted: &[&'a Transfer], clock: Clock) -> Vec<&'a Transfer> {
    if i64::try_from(sorted.len()).is_ok_and(|count| count <= 2 * TRANSFERS) {
        return sorted.to_vec();
    }
    let part = |transfer: &Transfer| clock.part(transfer.sent, TRANSFERS);
    let mut kept = Vec::new();
    for together in sorted.chunk_by(|a, b| part(a) == part(b)) {
        let slowest = together
            .iter()
            .enumerate()
            .max_by_key(|(_, one)| one.took[1].or(one.took[0]));
        let slowest = slowest.map(|(place, _)| place);
        let stays = |(place, one): &(usize, &&'a Transfer)| {
            *place == 0 || Some(*place) == slowest || one.took.iter().all(Option::is_none)
        };
        kept.extend(
            together
                .iter()
                .enumerate()
                .filter(stays)
                .map(|(_, one)| *one),
        );
    }
    kept
}

pub(super) fn differences(values: impl Iterator<Item = i64>) -> Column {
    let mut before = 0;
    values
        .map(|value| value - std::mem::replace(&mut before, value))
        .collect()
}

/// Protocol numbers are far from the limit.
pub(super) fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "saturates; a pod has few cores"
)]
fn thousandths(cores: f64) -> i64 {
    (cores * 1000.0).round() as i64
}
