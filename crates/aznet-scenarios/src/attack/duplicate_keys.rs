//! A validator whose keys are in two pods.

use std::time::Duration;

use aznet_kit::wait::Look;
use aznet_model::{chain::Slot, role::Role, values::Values};
use aznet_network::{
    clients::{
        admin::offences::Kind,
        l2::Node,
        twin::{Difference, Twin},
    },
    observe::logs::Which,
    validators::Address,
};
use aznet_runner::{CleanUp, Failure};
use jiff::Timestamp;

use super::{
    dud, offence,
    peers::Connections,
    said::{Said, said_by},
    turn::Turn,
};
use crate::{
    errors::rpc,
    world::{Peer, World},
};

/// How the second pod differs: its rewards go elsewhere, without which the two could propose the same, and it sends what it signs to
/// every peer.
const VARIABLES: [(&str, &str); 2] = [
    ("COINBASE", "0xa7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7"),
    ("P2P_GOSSIPSUB_FLOOD_PUBLISH", "true"),
];
/// What the second pod may take to be ready.
const TO_START: Duration = Duration::from_mins(5);
/// What it may take to go.
const TO_GO: Duration = Duration::from_mins(1);
/// Slots in which it must have read the chain.
const SLOTS_TO_READ: u32 = 4;
/// Slots in which the others must be connected to it; nodes look for peers every 30 s.
const SLOTS_TO_MEET: u32 = 10;
/// Epochs in which one of its keys must propose while both are on time: a key of four has a turn in two epochs of three.
const EPOCHS_TO_PROPOSE: u32 = 6;
/// Nodes to which the first pod sends what it signs itself, as many as `P2P_GOSSIPSUB_D` is by default. Nobody passes it on who has the
/// second pod's.
const DIRECTLY: u32 = 8;
/// Slots after the first in which each of the others must have said that there are two.
const SLOTS_TO_SAY: u32 = 2;
/// What who notices says, of a block before its checkpoint.
const DUPLICATE: &str = "Detected duplicate ";
/// And then, before the slot.
const AT: &str = " proposal (equivocation) at slot ";

/// What two pods with the same keys need of a network.
pub(crate) fn lacks(values: &Values) -> Option<&'static str> {
    let own = (!values.keys.keystore_secret.is_empty()).then_some(
        "keys of a mnemonic (leave keys.keystoreSecret empty): a key store says where rewards go",
    );
    let nodes = Role::ALL.into_iter().filter(|role| role.is_node());
    let nodes = nodes.fold(0_u32, |sum, role| sum.saturating_add(values.replicas(role)));
    let few = (nodes > DIRECTLY).then_some(
        "eight nodes or fewer: a second proposal is not passed on, and goes to eight directly",
    );
    super::lacks(values).or(own).or(few)
}

/// A second pod has a validator's keys for a while: both sign proposals for a slot of theirs, the others notice, and the chain goes on
/// as one.
pub(crate) async fn run(world: World) -> Result<(), Failure> {
    let nodes = world.nodes().await?;
    let (l1, rollup) = world.rollup(&nodes[0]).await?;
    // It says whose keys others can do without; when they propose is seen.
    let turn = world.turn(&l1, &rollup).await?;
    let before = Connections::of(&nodes).await.map_err(rpc)?;
    let second = Second::start(&world, &turn.pod).await?;
    let noticed = second.is_noticed(&world, &turn, (&nodes, &before)).await;
    // Whatever was seen: one pod has the keys after the test.
    let removed = second.remove(&world).await;
    let slot = noticed?;
    removed?;
    offence::equivocation(&world, &turn, (Kind::DuplicateProposal, slot)).await?;
    world.goes_on(&nodes).await
}

/// The second pod.
struct Second {
    twin: Twin,
    clean_up: CleanUp,
}

impl Second {
    async fn start(world: &World, pod: &str) -> Result<Self, Failure> {
        let clean_up = world
            .context
            .must_clean_up(format!("a second pod with the keys of {pod}"));
        let difference = Difference {
            variables: &VARIABLES,
            role: if dud() {
                Role::FullNode
            } else {
                Role::Validator
            },
        };
        world.attacked();
        let twin = Twin::start(&world.network, pod, difference).await;
        let twin = twin.map_err(Failure::infrastructure)?;
        let (name, role) = (twin.name(), difference.role);
        world
            .context
            .step(format!("{name} is like {pod}, and runs as a {role}"));
        Ok(Self { twin, clean_up })
    }

    /// Waits until each of the others has seen two proposals for a slot; which.
    async fn is_noticed(
        &self,
        world: &World,
        turn: &Turn,
        (nodes, before): (&[Peer], &Connections),
    ) -> Result<Slot, Failure> {
        self.serves(world).await?;
        let others = turn.others();
        let known = nodes.iter().filter(|node| others.contains(&node.pod));
        let known: Vec<Peer> = known.cloned().collect();
        self.meets(world, &known, before).await?;
        let since = Timestamp::now();
        let said = Said {
            which: Which::Role(Role::Validator),
            but: Some(&turn.pod),
            since,
            parts: &[DUPLICATE, AT],
        };
        let within = world.time.epochs(EPOCHS_TO_PROPOSE);
        let (pod, line) = said.line(world, within).await?;
        let (slot, signer) = twice(&line, &turn.attesters).ok_or_else(|| {
            let wanted = format!("expected two proposals of {}", turn.pod);
            Failure::Assertion(format!("{wanted}, {pod} says `{line}`"))
        })?;
        let (at, signer) = (format!("{AT}{} ", slot.0), format!("{signer:#x}"));
        let parts = [DUPLICATE, at.as_str(), signer.as_str()];
        let within = world.time.slots(SLOTS_TO_SAY);
        let seen = said_by(world, &others, since, &parts, within).await?;
        world.context.step(seen);
        Ok(slot)
    }

    /// Waits until it is ready, and has read what was on L1 then.
    async fn serves(&self, world: &World) -> Result<(), Failure> {
        let name = self.twin.name();
        let goal = format!("{name} to be ready");
        world
            .until(&goal, TO_START, || async {
                Ok(Look::or_pending(self.twin.serves().await))
            })
            .await?;
        let newest = world.tips().await?.checkpointed.checkpoint.number;
        let node = Node::in_pod(&world.network, name, world.network.release().await);
        let goal = format!("{newest} on {name}");
        let within = world.time.slots(SLOTS_TO_READ);
        world
            .until(&goal, within, || async {
                let number = node.tips().await?.checkpointed.checkpoint.number;
                Ok(if number >= newest {
                    Look::Done(())
                } else {
                    Look::Pending(format!("it has {number}"))
                })
            })
            .await?;
        world
            .context
            .step(format!("{name} is ready, and has {newest}"));
        Ok(())
    }

    /// Waits until each of the others is connected to somebody who was not there before. Nobody passes on the second proposal for
    /// a slot: who is not connected to both does not see it.
    async fn meets(
        &self,
        world: &World,
        others: &[Peer],
        before: &Connections,
    ) -> Result<(), Failure> {
        let name = self.twin.name();
        let goal = format!("every other validator to be connected to {name}");
        let within = world.time.slots(SLOTS_TO_MEET);
        world
            .until(&goal, within, || async {
                let now = Connections::of(others).await?;
                let unmet = now.without_news(before);
                Ok(if unmet.is_empty() {
                    Look::Done(())
                } else {
                    Look::Pending(format!("{} are not", unmet.join(" and ")))
                })
            })
            .await?;
        world
            .context
            .step(format!("every other validator is connected to {name}"));
        Ok(())
    }

    async fn remove(self, world: &World) -> Result<(), Failure> {
        let Self { twin, clean_up } = self;
        twin.remove().await.map_err(Failure::infrastructure)?;
        let goal = format!("{} to be gone", twin.name());
        world
            .until(&goal, TO_GO, || async {
                let gone = twin.is_gone().await.map(|gone| {
                    if gone {
                        Look::Done(())
                    } else {
                        Look::pending("it is there")
                    }
                });
                Ok(Look::or_pending(gone))
            })
            .await?;
        clean_up.proved();
        world.context.step(format!("{} is gone", twin.name()));
        Ok(())
    }
}

/// The slot for which one of these signed two proposals, and who, in a line that tells of it.
fn twice(line: &str, attesters: &[Address]) -> Option<(Slot, Address)> {
    let (_, after) = line.split_once(AT)?;
    let digits = after.split(|c: char| !c.is_ascii_digit()).next()?;
    let signer = attesters
        .iter()
        .find(|one| line.contains(&format!("{one:#x}")))?;
    Some((Slot(digits.parse().ok()?), *signer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::tests::values;

    /// As Aztec 4.1.2 writes them.
    #[test]
    fn who_signed_twice_and_for_which_slot_is_in_the_line() {
        let of = |what: &str| {
            format!(
                "WARN: p2p:libp2p_service Detected duplicate {what} proposal (equivocation) at slot 77 \
                 {{\"slotNumber\":77,\"source\":\"16Abc2HAm\",\"proposer\":\"0xabababababababababababababababababababab\"}}"
            )
        };
        let (one, other) = (Address::repeat_byte(0xab), Address::repeat_byte(0xcd));
        for what in ["block", "checkpoint"] {
            let line = of(what);
            assert!(line.contains(DUPLICATE) && line.contains(&format!("{AT}77 ")));
            assert_eq!(twice(&line, &[other, one]), Some((Slot(77), one)));
            assert_eq!(twice(&line, &[other]), None, "another's");
        }
        let attestation =
            "WARN: p2p:libp2p_service Detected duplicate attestation (equivocation) at slot 77 {}";
        assert!(!attestation.contains(AT));
        assert_eq!(twice(attestation, &[one]), None);
    }

    #[test]
    fn a_second_pod_needs_keys_whose_rewards_can_go_elsewhere() {
        let lacks = |sets: &[&str]| lacks(&values("small", sets));
        assert_eq!(lacks(&[]), None);
        let own = lacks(&["keys.keystoreSecret=mine"]);
        assert!(own.is_some_and(|why| why.contains("mnemonic")), "{own:?}");
        assert!(lacks(&["validator.replicas=3"]).is_some());
        assert_eq!(lacks(&["fullNode.replicas=2"]), None);
        let many = lacks(&["fullNode.replicas=3"]);
        assert!(
            many.is_some_and(|why| why.contains("eight nodes")),
            "{many:?}"
        );
    }
}
