//! Nodes that misbehave on purpose: what the others and the L1 do about it, and that the chain goes on.

mod adversary;
mod blobs;
mod boot_node;
mod broker;
mod catalogue;
mod censor;
mod clock;
mod corpus;
mod disk;
mod duplicate_keys;
mod equivocation;
mod evidence;
mod flood;
mod forger;
mod gossip;
mod guard;
mod inactivity;
mod input;
mod memory;
mod offence;
mod out_of_turn;
mod overdue;
mod p2p;
mod peers;
mod proof;
mod proposal;
mod quorum;
mod reorg;
mod said;
mod store;
mod strangers;
mod turn;
mod verifier;
mod victim;
mod volume;
mod wire;

pub(crate) use self::catalogue::{lacking, named, scenarios};

use std::sync::atomic::Ordering;

use aznet_chaos::settings::{Changed, Settings};
use aznet_kit::wait::Look;
use aznet_model::{chaos::ProtocolAction, role::Role, values::Values};
use aznet_network::{
    clients::l1::{L1, Rollup},
    observe::pods,
};
use aznet_runner::{CleanUp, Failure};

use self::{
    evidence::Evidence,
    turn::{Sides, Turn},
};
use crate::{
    chain::Included,
    transfer,
    world::{Peer, World},
};

/// Slots in which two more checkpoints must be on L1 once the proposer behaves.
const SLOTS_TO_GO_ON: u32 = 10;

/// Environment variable with which everything is done but the attacks themselves: each scenario must fail then, since what
/// it looks for can't be there.
const DUD: &str = "AZNET_DUD_ATTACKS";

/// The setting with which a validator attests to whatever is proposed.
const UNSEEN: &str = "skipCheckpointProposalValidation";

/// A way to misbehave.
pub(crate) struct Attack {
    /// The scenario's name.
    pub(crate) name: &'static str,
    /// What it shows.
    pub(crate) about: &'static str,
    /// What the proposer does.
    action: ProtocolAction,
    /// A setting that another validator has meanwhile, and fewer attest with it than a quorum.
    accomplice: Option<&'static str>,
    evidence: Evidence,
}

/// Every attack by a setting of Aztec's own. What each leads to is stated in its `about`.
pub(crate) const ATTACKS: [Attack; 7] = [
    Attack {
        name: "attack-no-attestations",
        about: "a checkpoint without the attestations of a quorum is taken back on L1 by the next proposer",
        action: ProtocolAction::MissingAttestations,
        accomplice: None,
        evidence: Evidence::Invalidated,
    },
    Attack {
        name: "attack-forged-attestation",
        about: "a checkpoint with an attestation by nobody of the committee is taken back on L1",
        action: ProtocolAction::FakeAttestations,
        accomplice: None,
        evidence: Evidence::Invalidated,
    },
    Attack {
        name: "attack-malleable-signature",
        about: "a checkpoint with a signature whose s is too high is taken back on L1",
        action: ProtocolAction::MalleableAttestations,
        accomplice: None,
        evidence: Evidence::Invalidated,
    },
    Attack {
        name: "attack-unrecoverable-signature",
        about: "a checkpoint with a signature that nobody can have made is taken back on L1",
        action: ProtocolAction::UnrecoverableAttestations,
        accomplice: None,
        evidence: Evidence::Invalidated,
    },
    Attack {
        name: INVALID_BLOCK,
        about: "nobody but its proposer attests to a block with a wrong state, each other validator refuses it, and it never comes to L1",
        action: ProtocolAction::InvalidProposals,
        accomplice: None,
        evidence: Evidence::Refused,
    },
    Attack {
        name: "attack-coalition",
        about: "a block with a wrong state that another validator attests to, too, gets no quorum, each other validator refuses it, and it \
                never comes to L1",
        action: ProtocolAction::InvalidProposals,
        accomplice: Some(UNSEEN),
        evidence: Evidence::Refused,
    },
    Attack {
        name: "attack-withheld-checkpoint",
        about: "a proposer that publishes nothing costs its slot and no more",
        action: ProtocolAction::WithholdCheckpoints,
        accomplice: None,
        evidence: Evidence::Withheld("Skipping publishing proposal"),
    },
];

/// The scenario in which a proposer proposes a block with a wrong state.
pub(crate) const INVALID_BLOCK: &str = "attack-invalid-block";

/// The scenario in which a proposer signs two checkpoints for a slot.
pub(crate) const EQUIVOCATION: &str = "attack-equivocation";

/// The scenario in which a proposer attests to two checkpoints of its slot.
pub(crate) const DOUBLE: &str = "attack-double-attestation";

/// The scenario in which the L1 takes neither checkpoints nor proofs until one is overdue.
pub(crate) const LONG_CENSORSHIP: &str = "attack-l1-long-censorship";

/// The scenario in which a quorum misbehaves.
pub(crate) const QUORUM: &str = "attack-dishonest-quorum";

/// Validator pods that misbehave in the attack called so, unless they are a quorum.
pub(crate) fn pods(name: &str) -> u64 {
    let of = |attack: &Attack| 1 + u64::from(attack.accomplice.is_some());
    let known = ATTACKS.iter().find(|attack| attack.name == name);
    known.map_or(u64::from([EQUIVOCATION, DOUBLE].contains(&name)), of)
}

/// Whether attacks are only gone through.
pub(crate) fn dud() -> bool {
    std::env::var_os(DUD).is_some()
}

/// The settings of an attack; none where it is only gone through.
fn real(settings: Settings) -> Settings {
    if dud() { Settings::default() } else { settings }
}

/// What attacks on the L1 need of a network.
fn lacks_l1(values: &Values) -> Option<&'static str> {
    (values.replicas(Role::Anvil) == 0)
        .then_some("an L1 of the network's own (set l1.anvil.enabled)")
}

/// What forged proofs need of a network.
fn lacks_prover(values: &Values) -> Option<&'static str> {
    let lacks = (values.replicas(Role::ProverNode) == 0)
        .then_some("a prover node (set proverNode.replicas)");
    lacks_l1(values).or(lacks)
}

/// What invalid proofs need of a network.
fn lacks_verifier(values: &Values) -> Option<&'static str> {
    let network = &values.network;
    let verifier = (!network.real_verifier || values.real_proofs())
        .then_some("the real verifier and fake proofs (set network.realVerifier)");
    lacks_prover(values)
        .or(verifier)
        .or_else(|| lacks_mercy(values))
}

/// What a prune needs of a network.
fn lacks_mercy(values: &Values) -> Option<&'static str> {
    (!values.network.slashing.disable_penalties)
        .then_some("no penalties (set network.slashing.disablePenalties): the whole committee could be slashed for a prune")
}

/// What forged proposals need of a network.
fn lacks_stranger(values: &Values) -> Option<&'static str> {
    let lacks = (values.replicas(Role::FullNode) == 0)
        .then_some("a node that no proposal is expected of (set fullNode.replicas)");
    // Nobody misbehaves where money is.
    lacks_l1(values).or(lacks)
}

/// What a lying boot node needs of a network.
fn lacks_boot_node(values: &Values) -> Option<&'static str> {
    let lacks = (values.replicas(Role::BootNode) == 0)
        .then_some("a boot node of its own (set bootNode.replicas)");
    lacks_stranger(values).or(lacks)
}

/// What [`run`] needs of a network.
fn lacks(values: &Values) -> Option<&'static str> {
    let lacks = (values.replicas(Role::Validator) < 4)
        .then_some("four validator pods, three of which are a quorum (set validator.replicas)");
    lacks_l1(values).or(lacks)
}

/// What attacks by way of the blob store need of a network.
fn lacks_store(values: &Values) -> Option<&'static str> {
    let lacks = (values.replicas(Role::BlobStore) == 0)
        .then_some("a blob store of its own (leave blobStore.url empty)");
    lacks_stranger(values).or(lacks)
}

/// What a store that is away needs of a network: checkpoints are taken back.
fn lacks_lost_blobs(values: &Values) -> Option<&'static str> {
    lacks_quorum(values).or_else(|| lacks_store(values))
}

/// What a broker that loses its data needs of a network: checkpoints may be taken back.
fn lacks_broker(values: &Values) -> Option<&'static str> {
    let lacks = (values.replicas(Role::ProverBroker) == 0)
        .then_some("a prover broker of its own (set proverBroker.replicas)");
    lacks_prover(values)
        .or(lacks)
        .or_else(|| transfer::lacks_proofs(values))
        .or_else(|| lacks_mercy(values))
}

/// What a dishonest quorum needs of a network.
fn lacks_quorum(values: &Values) -> Option<&'static str> {
    lacks(values)
        .or_else(|| lacks_prover(values))
        .or_else(|| lacks_mercy(values))
}

/// The proposer of a slot that comes misbehaves in it; is seen to, and by whom; behaves again; and the chain goes on.
pub(crate) async fn run(world: World, attack: &Attack) -> Result<(), Failure> {
    let nodes = world.nodes().await?;
    let (l1, rollup) = world.rollup(&nodes[0]).await?;
    let turn = world.turn(&l1, &rollup).await?;
    let committee = rollup
        .committee(turn.epoch())
        .await
        .map_err(Failure::infrastructure)?;
    let sides = turn.minority(&committee, attack.accomplice.is_some());
    let sides = sides.ok_or_else(|| {
        Failure::skipped("a validator pod that looks on while fewer than a quorum misbehave")
    })?;
    let mut misled = Misled::default();
    let changed = misled.all(&world, &turn, attack, &sides).await;
    let seen = match changed {
        Ok(()) => {
            let evidence = &attack.evidence;
            evidence.wait_for(&world, &rollup, &turn, &sides).await
        }
        Err(failure) => Err(failure),
    };
    // Whatever was seen: nobody misbehaves after the test.
    let undone = misled.undo().await;
    world.context.step(seen?);
    undone?;
    offence::of_turn(&world, &turn, attack.action).await?;
    world.goes_on(&nodes).await
}

/// Nodes that have been told to misbehave.
#[derive(Default)]
struct Misled(Vec<(Changed, CleanUp)>);

impl Misled {
    /// The proposer, and its accomplice if there is to be one.
    async fn all(
        &mut self,
        world: &World,
        turn: &Turn,
        attack: &Attack,
        sides: &Sides,
    ) -> Result<(), Failure> {
        let words = format!("; its turn is {}", turn.slot);
        self.one(world, &turn.pod, real(attack.action.settings()), &words)
            .await?;
        for (accomplice, setting) in sides.accomplices.iter().zip(attack.accomplice) {
            self.accomplice(world, accomplice, setting).await?;
        }
        Ok(())
    }

    /// A validator that has this setting.
    async fn accomplice(&mut self, world: &World, pod: &str, setting: &str) -> Result<(), Failure> {
        let settings = Settings::from_iter([(setting.to_owned(), true.into())]);
        self.one(world, pod, real(settings), "; it is an accomplice")
            .await
    }

    async fn one(
        &mut self,
        world: &World,
        pod: &str,
        settings: Settings,
        words: &str,
    ) -> Result<(), Failure> {
        let clean_up = world.context.must_clean_up(format!("settings of {pod}"));
        let none = settings.is_empty();
        world.attacked();
        let changed = Changed::make(&world.network, pod, settings).await;
        let changed = changed.map_err(Failure::infrastructure)?;
        let has = if none {
            "no other setting".to_owned()
        } else {
            changed.words()
        };
        world.context.step(format!("{pod} has {has}{words}"));
        self.0.push((changed, clean_up));
        Ok(())
    }

    async fn undo(self) -> Result<(), Failure> {
        let mut all = Ok(());
        for (changed, clean_up) in self.0 {
            match changed.undo().await {
                Ok(()) => clean_up.proved(),
                Err(error) => all = Err(Failure::infrastructure(error)),
            }
        }
        all
    }
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

    /// An attack begins: whatever the chain does from now on is what came of it, unless the attack is only gone through.
    fn attacked(&self) {
        if !dud() {
            self.course.attacked.store(true, Ordering::Relaxed);
        }
    }

    /// Two more checkpoints, the second of which all nodes have. That the chain stands still instead is what the attack did.
    async fn goes_on(&self, nodes: &[Peer]) -> Result<(), Failure> {
        self.attacked();
        let node = &nodes[0];
        let first = node.rpc.tips().await.map_err(Failure::infrastructure)?;
        let wanted = first.checkpointed.checkpoint.number.0 + 2;
        let goal = format!("checkpoint {wanted} after the attack");
        let within = self.time.slots(SLOTS_TO_GO_ON) + self.course.slack;
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
