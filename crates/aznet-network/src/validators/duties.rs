//! What the nodes' sentinels saw of validators.

use std::collections::HashMap;

use alloy_primitives::Address;
use aznet_model::role::Role;
use futures::future::join_all;
use serde::Serialize;

use crate::{
    clients::l2::{Node, SlotDuty, ValidatorsStats},
    namespace::Network,
    observe::pods,
};

/// What a validator had to do and did not, in the slots that a sentinel remembers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Duties {
    /// Attestations that were due.
    pub attestations: u64,
    /// Those of them that nobody saw.
    pub missed_attestations: u64,
    /// Slots in which it was to propose.
    pub proposals: u64,
    /// Those of them without a checkpoint on L1.
    pub missed_proposals: u64,
}

impl Duties {
    /// What the sentinels of all nodes saw together; empty where none keeps statistics.
    ///
    /// # Errors
    /// If the Kubernetes API fails; nodes that don't answer are left out.
    pub async fn collect(
        network: &Network,
    ) -> Result<HashMap<Address, Self>, crate::namespace::NamespaceError> {
        let pods = pods::list(network).await?;
        let watching = pods.iter().filter(|pod| {
            matches!(pod.role, Role::Validator | Role::FullNode | Role::BootNode)
                && pod.phase.is_ready()
        });
        let release = network.release().await;
        let nodes: Vec<_> = watching
            .map(|pod| Node::in_pod(network, &pod.name, release))
            .collect();
        let stats = join_all(nodes.iter().map(Node::validators_stats)).await;
        let stats: Vec<ValidatorsStats> = stats.into_iter().flatten().collect();
        Ok(together(&stats))
    }

    fn count(duties: impl Iterator<Item = SlotDuty>) -> Self {
        let mut sum = Self::default();
        for duty in duties {
            match duty {
                SlotDuty::AttestationSent => sum.attestations += 1,
                SlotDuty::AttestationMissed => {
                    sum.attestations += 1;
                    sum.missed_attestations += 1;
                }
                SlotDuty::CheckpointMined => sum.proposals += 1,
                SlotDuty::CheckpointProposed
                | SlotDuty::CheckpointValid
                | SlotDuty::CheckpointInvalid
                | SlotDuty::CheckpointUnvalidated
                | SlotDuty::CheckpointMissed
                | SlotDuty::BlocksMissed => {
                    sum.proposals += 1;
                    sum.missed_proposals += 1;
                }
                SlotDuty::Other(_) => {}
            }
        }
        sum
    }
}

/// Slot by slot: of sentinels that disagree, the one that saw more is right.
fn together(stats: &[ValidatorsStats]) -> HashMap<Address, Duties> {
    let mut seen: HashMap<Address, HashMap<u64, SlotDuty>> = HashMap::new();
    for (address, validator) in stats.iter().flat_map(|stats| &stats.stats) {
        let Ok(address) = address.parse() else {
            continue;
        };
        let slots = seen.entry(address).or_default();
        for duty in &validator.history {
            let best = slots
                .entry(duty.slot)
                .or_insert_with(|| duty.status.clone());
            if rank(&duty.status) > rank(best) {
                *best = duty.status.clone();
            }
        }
    }
    seen.into_iter()
        .map(|(address, slots)| (address, Duties::count(slots.into_values())))
        .collect()
}

fn rank(duty: &SlotDuty) -> u8 {
    match duty {
        SlotDuty::Other(_) => 0,
        SlotDuty::BlocksMissed | SlotDuty::AttestationMissed => 1,
        SlotDuty::CheckpointMissed => 2,
        SlotDuty::CheckpointProposed
        | SlotDuty::CheckpointValid
        | SlotDuty::CheckpointInvalid
        | SlotDuty::CheckpointUnvalidated => 3,
        SlotDuty::CheckpointMined | SlotDuty::AttestationSent => 4,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn stats(duties: &[(u64, &str)]) -> ValidatorsStats {
        let history: Vec<_> = duties
            .iter()
            .map(|(slot, status)| json!({"slot": slot, "status": status}))
            .collect();
        let address = Address::repeat_byte(1).to_string();
        serde_json::from_value(json!({"stats": {address: {"totalSlots": 9, "history": history}}}))
            .unwrap()
    }

    #[test]
    fn duties_of_newer_releases_count_as_what_they_are() {
        let newer = stats(&[
            (1, "checkpoint-valid"),
            (2, "checkpoint-unvalidated"),
            (3, "a-word-of-tomorrow"),
        ]);
        let duties = together(&[newer])[&Address::repeat_byte(1)];
        assert_eq!((duties.proposals, duties.missed_proposals), (2, 2));
        assert_eq!((duties.attestations, duties.missed_attestations), (0, 0));
    }

    #[test]
    fn sentinels_complete_each_other() {
        let one = stats(&[
            (1, "attestation-missed"),
            (2, "attestation-missed"),
            (3, "checkpoint-proposed"),
        ]);
        let other = stats(&[
            (2, "attestation-sent"),
            (3, "checkpoint-mined"),
            (4, "blocks-missed"),
        ]);
        let duties = together(&[one, other])[&Address::repeat_byte(1)];
        assert_eq!(
            duties,
            Duties {
                attestations: 2,
                missed_attestations: 1,
                proposals: 2,
                missed_proposals: 1
            }
        );
    }
}
