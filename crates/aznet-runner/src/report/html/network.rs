//! What was seen of one network.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use jiff::Timestamp;

use crate::observation::{FaultState, Observation, SlotOutcome, Stage};

/// A network.
#[derive(Debug, Default)]
pub(super) struct Network {
    /// Its pods by name.
    pub(super) pods: BTreeMap<String, Pod>,
    /// Its slots by number.
    pub(super) slots: BTreeMap<u64, SlotSeen>,
    /// Faults, in the order they were asked for.
    pub(super) faults: Vec<Fault>,
    /// Transfers, in the order they were first seen.
    pub(super) transfers: Vec<Transfer>,
    /// What must never be so and was so.
    pub(super) violations: Vec<Violation>,
    places: HashMap<String, usize>,
}

/// A pod.
#[derive(Debug, Default)]
pub(super) struct Pod {
    /// The tips of its chain as they changed.
    pub(super) tips: Vec<Tips>,
    /// From when to when it gave no answer, and why; open while it gives none.
    pub(super) silences: Vec<Silence>,
    /// Its containers' restarts.
    pub(super) restarts: Vec<Restart>,
    /// What it used.
    pub(super) usage: Vec<Usage>,
    /// Bytes that its databases took, from when on.
    pub(super) disk: Vec<(Timestamp, u64)>,
}

/// The tips of a chain, as block numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tips {
    pub(super) at: Timestamp,
    pub(super) slot: u64,
    /// Proposed, checkpointed, proven, finalized.
    pub(super) blocks: [u64; 4],
}

/// A time without answer.
#[derive(Debug)]
pub(super) struct Silence {
    pub(super) from: Timestamp,
    pub(super) to: Option<Timestamp>,
    pub(super) why: String,
}

/// A restart.
#[derive(Debug)]
pub(super) struct Restart {
    pub(super) at: Timestamp,
    pub(super) restarts: u32,
    pub(super) why: String,
}

/// What a pod used at a moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    pub(super) at: Timestamp,
    /// Cores.
    pub(super) cpu: f64,
    /// Bytes.
    pub(super) memory: u64,
}

/// A slot that has passed.
#[derive(Debug)]
pub(super) struct SlotSeen {
    /// When that was seen.
    pub(super) at: Timestamp,
    pub(super) epoch: u64,
    pub(super) proposer: Option<String>,
    pub(super) pod: Option<String>,
    pub(super) outcome: SlotOutcome,
}

/// A fault, from asked for to healed.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) name: String,
    pub(super) about: String,
    pub(super) asked: String,
    pub(super) measured: Option<String>,
    /// Its states, and since when.
    pub(super) states: Vec<(Timestamp, FaultState)>,
}

/// A transfer.
#[derive(Debug)]
pub(super) struct Transfer {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) sent: Timestamp,
    /// How long after that it reached each stage from [`Stage::Proposed`] on.
    pub(super) took: [Option<Duration>; 4],
}

/// Something that must never be so.
#[derive(Debug)]
pub(super) struct Violation {
    pub(super) at: Timestamp,
    pub(super) invariant: String,
    pub(super) seen: String,
    pub(super) slot: Option<u64>,
}

impl Network {
    /// Takes one observation in.
    pub(super) fn observed(&mut self, at: Timestamp, seen: &Observation) {
        match seen {
            Observation::Release { .. } | Observation::Unmeasured { .. } => {}
            Observation::Tips {
                node,
                slot,
                proposed,
                checkpointed,
                proven,
                finalized,
            } => self.pod(node).tips(Tips {
                at,
                slot: *slot,
                blocks: [proposed, checkpointed, proven, finalized].map(|tip| tip.number),
            }),
            Observation::Silent { node, why } => self.pod(node).silent(at, why),
            Observation::Restarted { pod, restarts, why } => {
                self.pod(pod).restarts.push(Restart {
                    at,
                    restarts: *restarts,
                    why: why.clone(),
                });
            }
            Observation::Resources { pod, cpu, memory } => self.pod(pod).usage.push(Usage {
                at,
                cpu: *cpu,
                memory: *memory,
            }),
            Observation::Disk { pod, bytes } => self.pod(pod).disk.push((at, *bytes)),
            Observation::Slot { .. } => self.slot(at, seen),
            Observation::Fault { .. } => self.fault(at, seen),
            Observation::Transfer {
                id,
                kind,
                stage,
                took,
            } => self.transfer(at, id, kind, *stage, *took),
            Observation::Violated {
                invariant,
                seen,
                slot,
            } => self.violations.push(Violation {
                at,
                invariant: invariant.clone(),
                seen: seen.clone(),
                slot: *slot,
            }),
        }
    }

    fn pod(&mut self, name: &str) -> &mut Pod {
        self.pods.entry(name.to_owned()).or_default()
    }

    fn slot(&mut self, at: Timestamp, seen: &Observation) {
        if let Observation::Slot {
            slot,
            epoch,
            proposer,
            pod,
            outcome,
        } = seen
        {
            let (epoch, outcome) = (*epoch, *outcome);
            let (proposer, pod) = (proposer.clone(), pod.clone());
            self.slots.insert(
                *slot,
                SlotSeen {
                    at,
                    epoch,
                    proposer,
                    pod,
                    outcome,
                },
            );
        }
    }

    fn fault(&mut self, at: Timestamp, seen: &Observation) {
        let Observation::Fault {
            name,
            about,
            state,
            asked,
            measured,
        } = seen
        else {
            return;
        };
        let open = |fault: &&mut Fault| fault.name == *name && fault.healed().is_none();
        // What is asked for anew is another one, even if nobody saw the one before healed.
        let known = match state {
            FaultState::Injected => None,
            _ => self.faults.iter_mut().rev().find(open),
        };
        if let Some(fault) = known {
            fault.states.push((at, *state));
            fault.measured = measured.clone().or(fault.measured.take());
        } else {
            self.faults.push(Fault {
                name: name.clone(),
                about: about.clone(),
                asked: asked.clone(),
                measured: measured.clone(),
                states: vec![(at, *state)],
            });
        }
    }

    fn transfer(&mut self, at: Timestamp, id: &str, kind: &str, stage: Stage, took: Duration) {
        let place = self.places.get(id).copied().unwrap_or_else(|| {
            self.transfers.push(Transfer {
                id: id.to_owned(),
                kind: kind.to_owned(),
                sent: at - took,
                took: [None; 4],
            });
            let place = self.transfers.len() - 1;
            self.places.insert(id.to_owned(), place);
            place
        });
        if let Some(reached) = index(stage) {
            self.transfers[place].took[reached].get_or_insert(took);
        }
    }
}

impl Pod {
    fn tips(&mut self, tips: Tips) {
        if let Some(silence) = self.silences.last_mut() {
            silence.to.get_or_insert(tips.at);
        }
        self.tips.push(tips);
    }

    fn silent(&mut self, from: Timestamp, why: &str) {
        if self.silences.last().is_none_or(|last| last.to.is_some()) {
            let why = why.to_owned();
            self.silences.push(Silence {
                from,
                to: None,
                why,
            });
        }
    }
}

impl Fault {
    /// When it was lifted and its effect gone.
    pub(super) fn healed(&self) -> Option<Timestamp> {
        let last = self.states.last()?;
        (last.1 == FaultState::Healed).then_some(last.0)
    }

    /// Whether its effect was measured; `None` if it was not looked for.
    pub(super) fn bit(&self) -> Option<bool> {
        let seen = |state| self.states.iter().any(|(_, found)| *found == state);
        if seen(FaultState::Bites) {
            Some(true)
        } else {
            seen(FaultState::DoesNotBite).then_some(false)
        }
    }
}

/// The place of a stage in a transfer's times.
const fn index(stage: Stage) -> Option<usize> {
    match stage {
        Stage::Sent => None,
        Stage::Proposed => Some(0),
        Stage::Checkpointed => Some(1),
        Stage::Proven => Some(2),
        Stage::Finalized => Some(3),
    }
}
