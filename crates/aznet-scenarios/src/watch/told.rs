//! What was told last of nodes and pods, so that only what changed is told again.

use std::collections::BTreeMap;

use aznet_network::clients::l2::{BlockId, L2Tips};
use aznet_network::observe::usage::Usage;
use aznet_runner::Observation;
use aznet_runner::observation::Tip;

use super::invariant::{Claim, Heights, Look};

/// Cores by which the use of a pod must change to be told.
const CORES: f64 = 0.05;
/// The part of it by which the memory of a pod must change: one in this many.
const MEMORY: u64 = 20;

/// What was told last.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// `None`: that it gives no answer.
    nodes: BTreeMap<String, Option<L2Tips>>,
    used: BTreeMap<String, Usage>,
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
            (before.cpu - now.cpu).abs() < CORES
                && before.memory.abs_diff(now.memory) < before.memory / MEMORY
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
}
