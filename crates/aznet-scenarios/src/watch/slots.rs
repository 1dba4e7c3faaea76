//! What came of each slot, from blocks and checkpoints as they are seen. Pure.

use std::collections::{BTreeMap, BTreeSet};

use aznet_runner::observation::SlotOutcome;

/// Slots that are remembered.
const KEPT: usize = 256;

/// Slots and what was seen of them.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    /// The next one to tell of.
    next: Option<u64>,
    checkpointed: BTreeSet<u64>,
    proposed: BTreeSet<u64>,
    /// Hashes of blocks whose slot was asked for.
    blocks: BTreeMap<String, u64>,
}

impl Slots {
    /// A checkpoint of this slot is on L1.
    pub(crate) fn checkpointed(&mut self, slot: u64) {
        keep(&mut self.checkpointed, slot);
    }

    /// A block of this slot was sent round.
    pub(crate) fn proposed(&mut self, hash: &str, slot: u64) {
        self.blocks.insert(hash.to_owned(), slot);
        while self.blocks.len() > KEPT {
            let oldest = self.blocks.iter().min_by_key(|(_, slot)| **slot);
            let Some(oldest) = oldest.map(|(hash, _)| hash.clone()) else {
                break;
            };
            self.blocks.remove(&oldest);
        }
        keep(&mut self.proposed, slot);
    }

    /// The slot of a block, if that was asked for.
    pub(crate) fn slot_of(&self, hash: &str) -> Option<u64> {
        self.blocks.get(hash).copied()
    }

    /// The slots that are over and whose outcome was not told, where `now` is so far in that the L1's and the nodes' last
    /// word on the one before was heard. The slot in which the first look is taken is not told of: its beginning was not
    /// seen.
    pub(crate) fn over(&mut self, now: u64, heard: bool) -> Vec<(u64, SlotOutcome)> {
        let next = *self.next.get_or_insert(now + 1);
        let end = if heard { now } else { now.saturating_sub(1) };
        if end > next {
            self.next = Some(end);
        }
        (next..end).map(|slot| (slot, self.outcome(slot))).collect()
    }

    fn outcome(&self, slot: u64) -> SlotOutcome {
        if self.checkpointed.contains(&slot) {
            SlotOutcome::Checkpointed
        } else if self.proposed.contains(&slot) {
            SlotOutcome::Proposed
        } else {
            SlotOutcome::Missed
        }
    }
}

fn keep(set: &mut BTreeSet<u64>, slot: u64) {
    set.insert(slot);
    while set.len() > KEPT {
        set.pop_first();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_slot_is_told_of_once_when_it_is_over() {
        let mut slots = Slots::default();
        assert_eq!(slots.over(7, true), []);
        slots.proposed("0x1", 8);
        slots.checkpointed(8);
        slots.proposed("0x2", 9);
        assert_eq!(
            (slots.slot_of("0x2"), slots.slot_of("0x3")),
            (Some(9), None)
        );
        assert_eq!(slots.over(8, true), []);
        assert_eq!(
            slots.over(9, false),
            [],
            "the last word on slot 8 is not heard yet"
        );
        assert_eq!(slots.over(9, true), [(8, SlotOutcome::Checkpointed)]);
        assert_eq!(slots.over(9, true), []);
        let late = [(9, SlotOutcome::Proposed), (10, SlotOutcome::Missed)];
        assert_eq!(slots.over(11, true), late);
    }
}
