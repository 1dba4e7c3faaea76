//! Every attack: what it is called, what it shows, and what it needs.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use aznet_model::{role::Role, values::Values};
use aznet_runner::Class;

use super::{
    ATTACKS, Attack, DOUBLE, EQUIVOCATION, LONG_CENSORSHIP, QUORUM, blobs, boot_node, broker,
    censor, clock, disk, duplicate_keys, equivocation, flood, gossip, guard, inactivity, input,
    lacks, lacks_boot_node, lacks_broker, lacks_l1, lacks_lost_blobs, lacks_prover, lacks_quorum,
    lacks_store, lacks_stranger, lacks_verifier, overdue, p2p, proof, proposal, quorum, reorg,
    store, verifier, volume,
};
use crate::scenario::{Run, Scenario};

/// What an attack may take in the worst case; one that waits for proofs that do not come takes twice as long.
const DEADLINE: Duration = Duration::from_mins(10);
/// It can be made beside other faults.
const BESIDE: &[&str] = &["attack"];
/// It can't.
const ALONE: &[&str] = &["attack", "alone"];
/// One for each attack that the design document names: a block that its proposer did not sign, an invalid proof, an invalid
/// state transition, an L1 that censors.
const SMOKE: &[&str] = &["attack", "smoke"];
/// It waits for epochs, too.
const LONG: &[&str] = &["attack", "alone", "long"];

/// All attacks, each of which is made only on the network's own L1.
pub(crate) fn scenarios() -> impl Iterator<Item = Scenario> {
    let by_settings = ATTACKS.iter().map(by_setting);
    let others = [over_p2p(), on_l1(), on_proofs(), on_nodes(), by_operators()];
    let all = by_settings.chain(others.into_iter().flatten());
    all.map(guard::guarded)
}

/// The attack called so.
pub(crate) fn named(name: &str) -> Option<Scenario> {
    scenarios().find(|one| one.name == name)
}

/// What a network with these values lacks for attacks, by their names; nothing of those that it can have.
pub(crate) fn lacking(values: &Values) -> BTreeMap<&'static str, &'static str> {
    let lacking = scenarios().filter_map(|one| Some((one.name, (one.lacks)(values)?)));
    lacking.collect()
}

fn attack(name: &'static str, about: &'static str, run: Run) -> Scenario {
    Scenario {
        name,
        about,
        deadline: DEADLINE,
        class: Class::Disrupt,
        tags: BESIDE,
        restarts: &[],
        lacks: lacks_l1,
        run,
    }
}

/// Proposers that misbehave by settings of Aztec's own.
fn by_setting(known: &'static Attack) -> Scenario {
    let run: Run = Arc::new(move |world| Box::pin(super::run(world, known)));
    let tags = match known.accomplice {
        Some(_) => SMOKE,
        None => BESIDE,
    };
    Scenario {
        tags,
        lacks,
        ..attack(known.name, known.about, run)
    }
}

/// What others are told.
fn over_p2p() -> Vec<Scenario> {
    vec![
        Scenario {
            lacks: lacks_stranger,
            tags: SMOKE,
            ..attack(
                "attack-forged-proposals",
                "every node refuses proposals of checkpoints and blocks without a signature, with the proposer's of something else, by \
                 a stranger's key or sent once more, and of checkpoints by validators whose turn it is not, penalizes the peers that \
                 sent them, and takes none into its chain",
                Arc::new(|world| Box::pin(gossip::run(world))),
            )
        },
        Scenario {
            lacks,
            ..attack(
                EQUIVOCATION,
                "every other validator notices that a proposer signs two checkpoints for a slot, and the chain goes on as one",
                Arc::new(|world| Box::pin(equivocation::proposals(world))),
            )
        },
        Scenario {
            lacks,
            ..attack(
                DOUBLE,
                "every other validator notices that a proposer attests to two checkpoints of its slot, and the chain goes on as one",
                Arc::new(|world| Box::pin(equivocation::attestations(world))),
            )
        },
        Scenario {
            lacks: lacks_stranger,
            tags: ALONE,
            ..attack(
                "attack-p2p-input",
                "every node shuts out peers that send malformed or oversized messages and requests, takes no harm of those that \
                 finish nothing, answers others meanwhile, is not restarted, and its memory is bounded",
                Arc::new(|world| Box::pin(p2p::run(world))),
            )
        },
        Scenario {
            lacks: lacks_boot_node,
            deadline: DEADLINE * 2,
            restarts: &[Role::FullNode],
            tags: ALONE,
            ..attack(
                "attack-lying-boot-node",
                "a node that is started again while the boot node tells of nodes that there are not follows the chain as the others \
                 do, nobody else loses more than one peer, and it has all of its own when the boot node tells the truth again",
                Arc::new(|world| Box::pin(boot_node::run(world))),
            )
        },
    ]
}

/// What the L1 is sent, and what it takes.
fn on_l1() -> Vec<Scenario> {
    vec![
        Scenario {
            lacks: lacks_l1,
            ..attack(
                "attack-l1-proposal",
                "L1 reverts checkpoints without the proposer's signature, with that of the last checkpoint, of another committee, and \
                 an old one",
                Arc::new(|world| Box::pin(proposal::run(world))),
            )
        },
        Scenario {
            lacks: censor::lacks,
            tags: &["attack", "alone", "smoke"],
            ..attack(
                "attack-l1-censorship",
                "while the L1 drops the transactions that bring checkpoints none comes; then a transfer that was sent meanwhile comes \
                 with one, balances are exact, and the chain goes on",
                Arc::new(|world| Box::pin(censor::run(world))),
            )
        },
        Scenario {
            lacks: overdue::lacks,
            deadline: DEADLINE * 3,
            tags: LONG,
            ..attack(
                LONG_CENSORSHIP,
                "when the L1 drops the transactions that bring checkpoints and proofs until a proof is overdue, none comes; then what \
                 was not proven is taken back, and the chain goes on and is proven",
                Arc::new(|world| Box::pin(overdue::run(world))),
            )
        },
        Scenario {
            lacks: lacks_l1,
            tags: ALONE,
            ..attack(
                "attack-l1-reorg",
                "when the L1 takes back a checkpoint that all nodes have, they drop it, another comes in its place, and the L1 and all \
                 nodes have one chain",
                Arc::new(|world| Box::pin(reorg::run(world))),
            )
        },
        Scenario {
            lacks: inactivity::lacks,
            deadline: DEADLINE * 2,
            tags: &["attack", "alone", "guarded", "long"],
            ..attack(
                "attack-inactive-validator",
                "a validator that neither attests nor proposes for as long as is an offence is slashed on L1 by the penalty, once, \
                 and no other is",
                Arc::new(|world| Box::pin(inactivity::run(world))),
            )
        },
    ]
}

/// States that can't be proven.
fn on_proofs() -> Vec<Scenario> {
    vec![
        Scenario {
            lacks: lacks_prover,
            tags: SMOKE,
            ..attack(
                "attack-l1-proof",
                "L1 reverts proofs with other archives, messages, blobs, attestations or checkpoints, or sent twice; \
                 the next is accepted",
                Arc::new(|world| Box::pin(proof::run(world))),
            )
        },
        Scenario {
            lacks: lacks_verifier,
            deadline: DEADLINE * 2,
            tags: &["attack", "alone", "verifier", "long"],
            ..attack(
                "attack-invalid-proof",
                "the real verifier refuses proofs that are too short, malformed or of nothing, nothing is proven, and when a proof \
                 is overdue the epoch is taken back, and the chain goes on",
                Arc::new(|world| Box::pin(verifier::run(world))),
            )
        },
        Scenario {
            lacks: lacks_quorum,
            deadline: DEADLINE * 2,
            tags: LONG,
            ..attack(
                QUORUM,
                "L1 and all nodes take a wrong state that a quorum attests to, nobody can prove it or build on it, and when its \
                 proof is overdue it is taken back, and the chain goes on",
                Arc::new(|world| Box::pin(quorum::run(world))),
            )
        },
    ]
}

/// What a node has to bear, or has to do with.
fn on_nodes() -> Vec<Scenario> {
    let mut all = vec![
        attack(
            "attack-rpc-input",
            "a node refuses malformed and oversized requests, answers others beside slow ones, is not restarted, and its memory is \
             bounded",
            Arc::new(|world| Box::pin(input::run(world))),
        ),
        Scenario {
            lacks: flood::lacks,
            deadline: DEADLINE * 2,
            tags: ALONE,
            ..attack(
                "attack-mempool-flood",
                "nodes hold no more transactions than they may and refuse those that pay no more, the memory of the one that is \
                 flooded is bounded, and what they hold is in blocks afterwards",
                Arc::new(|world| Box::pin(flood::run(world))),
            )
        },
        Scenario {
            lacks,
            tags: ALONE,
            ..attack(
                "attack-late-clock",
                "a proposer whose clock is a slot late costs its slot and no more",
                Arc::new(|world| Box::pin(clock::run(world))),
            )
        },
    ];
    all.extend(on_data());
    all
}

/// What a node reads.
fn on_data() -> Vec<Scenario> {
    vec![
        Scenario {
            lacks: lacks_store,
            deadline: DEADLINE * 2,
            restarts: &[Role::BootNode, Role::FullNode],
            tags: ALONE,
            ..attack(
                "attack-wrong-blobs",
                "a node that reads the chain anew refuses blobs that are not what their commitment is of, and serves no block until \
                 the store has the right ones; the others go on",
                Arc::new(|world| Box::pin(blobs::run(world))),
            )
        },
        Scenario {
            lacks: lacks_lost_blobs,
            deadline: DEADLINE * 2,
            tags: LONG,
            ..attack(
                "attack-blob-store-offline",
                "a checkpoint that is made while the blob store is away is on L1 without its blobs, and no node gets over it when \
                 the store is back; once its proof is overdue anyone may have it taken back by prune(), and the chain goes on",
                Arc::new(|world| Box::pin(store::run(world))),
            )
        },
        Scenario {
            lacks: lacks_stranger,
            deadline: DEADLINE * 2,
            restarts: &[Role::FullNode],
            tags: ALONE,
            ..attack(
                "attack-stale-volume",
                "a node that comes back with the data of three checkpoints ago reads what it lacks, and has the chain of the others",
                Arc::new(|world| Box::pin(volume::run(world))),
            )
        },
        Scenario {
            lacks: disk::lacks,
            deadline: DEADLINE * 2,
            restarts: &[Role::FullNode],
            tags: &["attack", "alone", "guarded"],
            ..attack(
                "attack-disk-full",
                "a full node whose disk is full serves nothing that others have not, and the others go on; with room it follows again",
                Arc::new(|world| Box::pin(disk::run(world))),
            )
        },
    ]
}

/// What nobody means badly: what an operator does, or a machine.
fn by_operators() -> Vec<Scenario> {
    vec![
        Scenario {
            lacks: duplicate_keys::lacks,
            deadline: DEADLINE * 2,
            tags: ALONE,
            ..attack(
                "attack-duplicate-keys",
                "every other validator notices that a validator whose keys are in two pods signs two proposals for a slot, and the \
                 chain goes on as one",
                Arc::new(|world| Box::pin(duplicate_keys::run(world))),
            )
        },
        Scenario {
            lacks: lacks_broker,
            deadline: DEADLINE * 2,
            restarts: &[Role::ProverBroker],
            tags: LONG,
            ..attack(
                "attack-broker-state",
                "when the prover broker loses its data in the middle of an epoch's proof, the epoch is proven all the same, or taken \
                 back when its proof is overdue; no node calls more proven than the L1, the chain goes on, and is proven again",
                Arc::new(|world| Box::pin(broker::run(world))),
            )
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::tests::values;

    #[test]
    fn nothing_is_attacked_where_the_l1_is_not_the_networks_own() {
        for Scenario { name, lacks, .. } in scenarios() {
            let mut networks = ["small", "guarded", "verifier"].into_iter();
            let fits = networks.find(|network| lacks(&values(network, &[])).is_none());
            let network = fits.unwrap_or_else(|| panic!("{name} fits no network"));
            let missing = lacks(&values(network, &["l1.anvil.enabled=false"]));
            let l1 = missing.is_some_and(|missing| missing.contains("an L1 of the network's own"));
            assert!(l1, "{name} on {network}: {missing:?}");
        }
    }
}
