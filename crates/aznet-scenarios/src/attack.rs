//! Proposers that misbehave on purpose: what the others and the L1 do about it, and that the chain goes on.

mod evidence;
mod turn;

use aznet_chaos::settings::Changed;
use aznet_kit::wait::Look;
use aznet_model::{chain::Slot, chaos::ProtocolAction, role::Role, values::Values};
use aznet_network::{
    clients::l1::{L1, Rollup},
    observe::pods,
    validators::{self, Address, Validators},
};
use aznet_runner::Failure;
use jiff::Timestamp;

use self::{evidence::Evidence, turn::Turn};
use crate::{
    chain::Included,
    world::{Peer, World},
};

/// Slots from being told until its turn, so that the proposer knows when it begins to build.
const SLOTS_AHEAD: u64 = 2;
/// Slots in which two more checkpoints must be on L1 once the proposer behaves.
const SLOTS_TO_GO_ON: u32 = 10;

/// A way to misbehave.
pub(crate) struct Attack {
    /// The scenario's name.
    pub(crate) name: &'static str,
    /// What it shows.
    pub(crate) about: &'static str,
    /// What the proposer does.
    action: ProtocolAction,
    evidence: Evidence,
}

/// Every attack by a setting of Aztec's own. What each leads to is stated in its `about`.
pub(crate) const ATTACKS: [Attack; 5] = [
    Attack {
        name: "attack-no-attestations",
        about: "a checkpoint without the attestations of a quorum is taken back on L1 by the next proposer",
        action: ProtocolAction::MissingAttestations,
        evidence: Evidence::Invalidated,
    },
    Attack {
        name: "attack-forged-attestation",
        about: "a checkpoint with an attestation by nobody of the committee is taken back on L1",
        action: ProtocolAction::FakeAttestations,
        evidence: Evidence::Invalidated,
    },
    Attack {
        name: "attack-malleable-signature",
        about: "a checkpoint with a signature whose s is too high is taken back on L1",
        action: ProtocolAction::MalleableAttestations,
        evidence: Evidence::Invalidated,
    },
    Attack {
        name: "attack-invalid-block",
        about: "nobody attests to a block with a wrong state, and it never comes to L1",
        action: ProtocolAction::InvalidProposals,
        evidence: Evidence::Lost {
            by_others: true,
            line: "state_mismatch",
        },
    },
    Attack {
        name: "attack-withheld-checkpoint",
        about: "a proposer that publishes nothing costs its slot and no more",
        action: ProtocolAction::WithholdCheckpoints,
        evidence: Evidence::Lost {
            by_others: false,
            line: "Skipping publishing proposal",
        },
    },
];

/// What [`run`] needs of a network.
pub(crate) fn lacks(values: &Values) -> Option<&'static str> {
    (values.replicas(Role::Validator) < 4)
        .then_some("four validator pods, three of which are a quorum (set validator.replicas)")
}

/// The proposer of a slot that comes misbehaves in it; is seen to, and by whom; behaves again; and the chain goes on.
pub(crate) async fn run(world: World, attack: &Attack) -> Result<(), Failure> {
    let nodes = world.nodes().await?;
    let (l1, rollup) = world.rollup(&nodes[0]).await?;
    let turn = world.turn(&l1, &rollup).await?;
    let action = attack.action.name();
    let clean_up = world
        .context
        .must_clean_up(format!("{action} of {}", turn.pod));
    let changed = Changed::make(&world.network, &turn.pod, attack.action.settings()).await;
    let changed = changed.map_err(Failure::infrastructure)?;
    world.context.step(format!(
        "{} has {}; its turn is {}",
        turn.pod,
        changed.words(),
        turn.slot
    ));
    let seen = attack.evidence.wait_for(&world, &rollup, &turn).await;
    // Whatever was seen: nobody misbehaves after the test.
    let undone = changed.undo().await.map_err(Failure::infrastructure);
    if undone.is_ok() {
        clean_up.proved();
    }
    world.context.step(seen?);
    undone?;
    world.goes_on(&nodes).await
}

impl World {
    /// The rollup as the network's own L1 has it.
    pub(crate) async fn rollup(&self, node: &Peer) -> Result<(L1, Rollup), Failure> {
        let pods = pods::list(&self.network)
            .await
            .map_err(Failure::infrastructure)?;
        let anvil = pods.iter().find(|pod| pod.role == Role::Anvil);
        let anvil = anvil.ok_or_else(|| Failure::skipped("an L1 of the network's own"))?;
        let l1 = L1::in_pod(&self.network, &anvil.name);
        let info = node.rpc.info().await.map_err(Failure::infrastructure)?;
        let address = info.contract("rollup").unwrap_or_default();
        let rollup = Rollup::new(l1.clone(), address).map_err(Failure::infrastructure)?;
        Ok((l1, rollup))
    }

    /// The next slot in which a pod proposes without which there is a quorum.
    async fn turn(&self, l1: &L1, rollup: &Rollup) -> Result<Turn, Failure> {
        let since = Timestamp::now();
        let all = validators::collect(&self.network, &[]);
        let (timing, heads) = futures::join!(rollup.timing(), l1.heads());
        let (timing, heads) = (
            timing.map_err(Failure::infrastructure)?,
            heads.map_err(Failure::infrastructure)?,
        );
        let all = all.await.map_err(Failure::infrastructure)?;
        let now = u64::try_from(Timestamp::now().as_second()).unwrap_or_default();
        let moment = timing.at(now);
        // The committee of the next epoch is known, that of the one after it may not be.
        let last = (moment.epoch.0 + 2) * timing.epoch_slots;
        for slot in moment.slot.0 + SLOTS_AHEAD..last {
            let begin = timing.genesis + slot * timing.slot.as_secs();
            let proposer = rollup
                .proposer_at(begin)
                .await
                .map_err(Failure::infrastructure)?;
            let Some(pod) = dispensable(&all, proposer) else {
                continue;
            };
            return Ok(Turn {
                slot: Slot(slot),
                attesters: all.attesters_of(pod).unwrap_or_default().to_vec(),
                pod: pod.to_owned(),
                timing,
                from: heads.block,
                since,
            });
        }
        Err(Failure::skipped(
            "a proposer in this epoch or the next without whose pod there is a quorum",
        ))
    }

    /// Two more checkpoints, the second of which all nodes have.
    async fn goes_on(&self, nodes: &[Peer]) -> Result<(), Failure> {
        let node = &nodes[0];
        let first = node.rpc.tips().await.map_err(Failure::infrastructure)?;
        let wanted = first.checkpointed.checkpoint.number.0 + 2;
        let goal = format!("checkpoint {wanted} after the attack");
        let within = self.time.slots(SLOTS_TO_GO_ON);
        let block = self
            .until(&goal, within, || async {
                let checkpointed = node.rpc.tips().await?.checkpointed;
                let number = checkpointed.checkpoint.number.0;
                Ok(if number >= wanted {
                    Look::Done(checkpointed.block)
                } else {
                    Look::Pending(format!("checkpoint {number}"))
                })
            })
            .await?;
        self.context.step(goal);
        let block = Included {
            number: block.number,
            hash: block.hash,
        };
        self.agreed(&block, nodes).await
    }
}

/// The ready pod that proposes for `proposer`, if the others are a quorum without it.
fn dispensable(all: &Validators, proposer: Address) -> Option<&str> {
    let pod = all.holder(proposer)?;
    let attesters = all.attesters_of(pod)?.len() as u64;
    let committee = all.set.committee_size;
    let rest = committee.checked_sub(attesters)?;
    let is_ready = all.pods.iter().any(|one| one.name == pod && one.ready);
    (is_ready && rest >= aznet_model::committee::quorum(committee)).then_some(pod)
}

#[cfg(test)]
mod tests {
    use aznet_model::report::{Held, ValidatorSet};
    use aznet_network::validators::ValidatorPod;

    use super::*;

    fn pod(name: &str, ready: bool, attesters: &[u8]) -> ValidatorPod {
        let attesters = attesters.iter().map(|n| Address::repeat_byte(*n)).collect();
        ValidatorPod {
            name: name.to_owned(),
            ready,
            held: Some(Held {
                attesters,
                ..Held::default()
            }),
        }
    }

    fn committee_of(size: u64) -> ValidatorSet {
        ValidatorSet {
            rollup: Address::ZERO,
            l1_time: 0,
            genesis: 0,
            slot_duration: 12,
            epoch_duration: 4,
            lag_in_epochs: 2,
            committee_size: size,
            exit_delay: 0,
            active: size,
            attesters: Vec::new(),
            queue: Vec::new(),
            draws: Vec::new(),
        }
    }

    #[test]
    fn only_a_pod_without_which_there_is_a_quorum_misbehaves() {
        let mut all = Validators {
            groups: Vec::new(),
            pods: vec![
                pod("validator-0", true, &[1]),
                pod("validator-1", true, &[2, 3]),
            ],
            set: committee_of(4),
            others: [].into(),
        };
        let who =
            |all: &Validators, n| dispensable(all, Address::repeat_byte(n)).map(str::to_owned);
        assert_eq!(who(&all, 1).as_deref(), Some("validator-0"));
        assert_eq!(who(&all, 2), None, "two of four are no quorum");
        assert_eq!(who(&all, 9), None, "nobody's attester");
        all.pods[0].ready = false;
        assert_eq!(who(&all, 1), None, "a pod that can't be told");
    }
}
