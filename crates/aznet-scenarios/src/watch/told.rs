//! What was told last of nodes and pods, so that only what changed is told again.

use std::collections::{BTreeMap, BTreeSet};

use aznet_network::clients::l2::{BlockId, L2Tips};
use aznet_network::observe::usage::Usage;
use aznet_runner::Observation;
use aznet_runner::observation::{Measure, Tip};

use super::invariant::{Claim, Heights, Look, Proofs, Proven};

/// Cores by which the use of a pod must change to be told.
const CORES: f64 = 0.05;
/// The part of it by which the memory or the disk of a pod must change: one in this many.
const PART: u64 = 20;

/// What was told last.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// `None`: that it gives no answer.
    nodes: BTreeMap<String, Option<L2Tips>>,
    used: BTreeMap<String, Usage>,
    disks: BTreeMap<String, u64>,
    unmeasured: BTreeSet<Measure>,
}

impl Told {
    /// What to tell of a node that answers with these tips.
    pub(crate) fn tips(&mut self, node: &str, slot: u64, tips: &L2Tips) -> Option<Observation> {
        let before = self.nodes.insert(node.to_owned(), Some(tips.clone()));
        if before.flatten().as_ref() == Some(tips) {
            return None;
        }
        Some(Observation::Tips {
            node: node.to_owned(),
            slot,
            proposed: tip(&tips.proposed),
            checkpointed: tip(&tips.checkpointed.block),
            proven: tip(&tips.proven.block),
            finalized: tip(&tips.finalized.block),
        })
    }

    /// What to tell of a node that gives no answer.
    pub(crate) fn silent(&mut self, node: &str, why: String) -> Option<Observation> {
        let before = self.nodes.insert(node.to_owned(), None);
        let news = before != Some(None);
        news.then(|| Observation::Silent {
            node: node.to_owned(),
            why,
        })
    }

    /// Nodes of which something was told.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &str> {
        self.nodes.keys().map(String::as_str)
    }

    /// What to tell of what a pod uses.
    pub(crate) fn used(&mut self, now: Usage) -> Option<Observation> {
        let same = |before: &Usage| {
            (before.cpu - now.cpu).abs() < CORES && is_near(before.memory, now.memory)
        };
        if self.used.get(&now.pod).is_some_and(same) {
            return None;
        }
        self.used.insert(now.pod.clone(), now.clone());
        Some(Observation::Resources {
            pod: now.pod,
            cpu: now.cpu,
            memory: now.memory,
        })
    }

    /// What to tell of the disk of a pod.
    pub(crate) fn disk(&mut self, pod: String, bytes: u64) -> Option<Observation> {
        if (self.disks.get(&pod)).is_some_and(|before| is_near(*before, bytes)) {
            return None;
        }
        self.disks.insert(pod.clone(), bytes);
        Some(Observation::Disk { pod, bytes })
    }

    /// Lets all that is measured be told again, so that whoever hears nothing knows that nothing is measured.
    pub(crate) fn forget_measures(&mut self) {
        self.used.clear();
        self.disks.clear();
        self.unmeasured.clear();
    }

    /// What to tell of something that can't be measured.
    pub(crate) fn unmeasured(&mut self, measure: Measure, why: String) -> Option<Observation> {
        let news = self.unmeasured.insert(measure);
        news.then_some(Observation::Unmeasured { measure, why })
    }
}

fn is_near(before: u64, now: u64) -> bool {
    before.abs_diff(now) < before / PART
}

/// A node's tips as something to judge.
pub(crate) fn look(node: &str, run: String, slot: u64, tips: &L2Tips) -> Look {
    let claim = |tip: &aznet_network::clients::l2::Tip| Claim {
        checkpoint: tip.checkpoint.number.0,
        hash: tip.checkpoint.hash.clone(),
        block: Some((tip.block.number.0, tip.block.hash.clone())),
    };
    Look {
        who: node.to_owned(),
        run,
        slot,
        newest: claim(&tips.checkpointed),
        settled: vec![claim(&tips.proven), claim(&tips.finalized)],
        heights: Some(Heights {
            proposed: tips.proposed.number.0,
            checkpointed: tips.checkpointed.block.number.0,
            proven: tips.proven.block.number.0,
            finalized: tips.finalized.block.number.0,
        }),
        proofs: Some(Proofs::Heard(Proven {
            proven: tips.proven.checkpoint.number.0,
            finalized: Some(tips.finalized.checkpoint.number.0),
        })),
    }
}

fn tip(block: &BlockId) -> Tip {
    Tip {
        number: block.number.0,
        hash: block.hash.clone(),
    }
}

#[cfg(test)]
mod tests {
    use aznet_model::chain::{BlockNumber, CheckpointNumber};
    use aznet_network::clients::l2::{CheckpointId, Tip};

    use super::*;

    fn tips(proposed: u64) -> L2Tips {
        let block = |number| BlockId {
            number: BlockNumber(number),
            hash: format!("0x{number}"),
        };
        let tip = || Tip {
            block: block(1),
            checkpoint: CheckpointId {
                number: CheckpointNumber(1),
                hash: "0xc1".to_owned(),
            },
        };
        L2Tips {
            proposed: block(proposed),
            checkpointed: tip(),
            proven: tip(),
            finalized: tip(),
        }
    }

    #[test]
    fn only_what_changed_is_told() {
        let mut told = Told::default();
        assert!(told.tips("a", 7, &tips(2)).is_some());
        assert!(told.tips("a", 8, &tips(2)).is_none());
        assert!(told.tips("a", 8, &tips(3)).is_some());
        assert!(told.silent("a", "timed out".to_owned()).is_some());
        assert!(told.silent("a", "unreachable".to_owned()).is_none());
        assert!(told.tips("a", 9, &tips(3)).is_some(), "it is back");
    }

    #[test]
    fn small_changes_of_use_are_not_told() {
        let mut told = Told::default();
        let usage = |cpu, memory| Usage {
            pod: "a".to_owned(),
            cpu,
            memory,
        };
        assert!(told.used(usage(0.5, 1000)).is_some());
        assert!(told.used(usage(0.52, 1040)).is_none());
        assert!(told.used(usage(0.6, 1000)).is_some());
        assert!(told.used(usage(0.6, 1100)).is_some());
    }

    #[test]
    fn disks_are_told_when_they_change_and_what_is_not_known_once() {
        let mut told = Told::default();
        let mut disk = |bytes| told.disk("a".to_owned(), bytes).is_some();
        assert_eq!([1000, 1040, 1060].map(&mut disk), [true, false, true]);
        let mut unknown = |measure| told.unmeasured(measure, "why".to_owned()).is_some();
        let measures = [Measure::Disk, Measure::Disk, Measure::Memory];
        assert_eq!(measures.map(&mut unknown), [true, false, true]);
        told.forget_measures();
        assert!(told.disk("a".to_owned(), 1060).is_some());
        assert!(told.unmeasured(Measure::Disk, "why".to_owned()).is_some());
    }
}
