//! What is seen of a network while its tests run: the data of reports, without judgement.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::seconds;

/// Something seen of a network. Slots, blocks and checkpoints are numbers of the protocol, memory is in bytes, CPU in cores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "observation", rename_all = "kebab-case")]
pub enum Observation {
    /// The release of Aztec that the network runs; told when a test begins.
    Release {
        /// Its line: `4.1`.
        name: String,
    },
    /// The tips of a node's chain; told when one of them changed.
    Tips {
        /// The node's pod.
        node: String,
        /// The slot at the time.
        slot: u64,
        /// The newest block, on L1 or not.
        proposed: Tip,
        /// The newest block in a checkpoint on L1.
        checkpointed: Tip,
        /// The newest block with a proof on L1.
        proven: Tip,
        /// The newest block that L1 cannot revert any more.
        finalized: Tip,
    },
    /// A node that gives no answer.
    Silent {
        /// The node's pod.
        node: String,
        /// Why.
        why: String,
    },
    /// A slot that has passed.
    Slot {
        /// Which.
        slot: u64,
        /// Its epoch.
        epoch: u64,
        /// Address of the attester whose turn it was, where the protocol says so.
        proposer: Option<String>,
        /// Pod of the proposer, where it is one of the network's own.
        pod: Option<String>,
        /// What came of it.
        outcome: SlotOutcome,
    },
    /// A container that ended and was started again.
    Restarted {
        /// The pod.
        pod: String,
        /// How often until now.
        restarts: u32,
        /// What Kubernetes says of it.
        why: String,
    },
    /// A fault changed its state.
    Fault {
        /// The fault's name.
        name: String,
        /// What it is, as `aznet chaos list` says it.
        about: String,
        /// How far it is.
        state: FaultState,
        /// What was asked for: `200ms ± 40ms`.
        asked: String,
        /// What was measured: `195 ms`.
        measured: Option<String>,
    },
    /// A transfer reached a stage.
    Transfer {
        /// Which, unique in the run.
        id: String,
        /// `public` or `private`.
        kind: String,
        /// The stage.
        stage: Stage,
        /// Since it was sent.
        #[serde(with = "seconds")]
        took: Duration,
    },
    /// What a pod uses.
    Resources {
        /// The pod.
        pod: String,
        /// Cores.
        cpu: f64,
        /// Bytes.
        memory: u64,
    },
    /// What the databases of a pod take on disk.
    Disk {
        /// The pod.
        pod: String,
        /// Bytes.
        bytes: u64,
    },
    /// Something that is not known of this network's pods.
    Unmeasured {
        /// What.
        measure: Measure,
        /// Why.
        why: String,
    },
    /// Something that must never be so was so.
    Violated {
        /// The rule, in words.
        invariant: String,
        /// What was seen instead: which node, which block, which hash.
        seen: String,
        /// The slot at the time.
        slot: Option<u64>,
    },
}

impl Observation {
    /// What a verdict says of it, if it must never be seen.
    pub(crate) fn divergence(&self) -> Option<String> {
        let Self::Violated {
            invariant,
            seen,
            slot,
        } = self
        else {
            return None;
        };
        let slot = slot.map_or_else(String::new, |slot| format!(", slot {slot}"));
        Some(format!(
            "first divergence{slot}: {seen} (rule: {invariant})"
        ))
    }
}

/// Something that pods have more and more of where something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// What they use of memory.
    Memory,
    /// What their databases take on disk.
    Disk,
}

impl Measure {
    /// Each of them.
    pub const ALL: [Self; 2] = [Self::Memory, Self::Disk];
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "memory",
            Self::Disk => "disk",
        })
    }
}

/// A block by number and hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tip {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: String,
}

/// What came of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SlotOutcome {
    /// A checkpoint on L1.
    Checkpointed,
    /// A block that did not get to L1.
    Proposed,
    /// Nothing.
    Missed,
}

/// How far a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultState {
    /// Asked for, not seen yet.
    Injected,
    /// Its effect was measured.
    Bites,
    /// Its effect was looked for and is not there.
    DoesNotBite,
    /// It was lifted, and its effect is gone.
    Healed,
}

/// A stage of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The node took it.
    Sent,
    /// In a block.
    Proposed,
    /// Its block is in a checkpoint on L1.
    Checkpointed,
    /// Its block is proven on L1.
    Proven,
    /// Its block is final on L1.
    Finalized,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observations_survive_json() {
        let seen = Observation::Transfer {
            id: "1".into(),
            kind: "private".into(),
            stage: Stage::Checkpointed,
            took: Duration::from_millis(12_100),
        };
        let json = serde_json::to_string(&seen).unwrap();
        assert_eq!(
            json,
            r#"{"observation":"transfer","id":"1","kind":"private","stage":"checkpointed","took":12.1}"#
        );
        assert_eq!(serde_json::from_str::<Observation>(&json).unwrap(), seen);
    }
}
