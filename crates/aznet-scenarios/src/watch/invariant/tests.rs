use proptest::prelude::*;

use super::*;

/// A chain by its checkpoints: each of one block, with a mark that tells forks apart.
fn claim(checkpoint: u64, fork: &str) -> Claim {
    Claim {
        checkpoint,
        hash: format!("0x{fork}{checkpoint}"),
        block: Some((checkpoint, format!("0xb{fork}{checkpoint}"))),
    }
}

fn look(who: &str, slot: u64, checkpoint: u64, fork: &str) -> Look {
    Look {
        who: who.to_owned(),
        run: "1".to_owned(),
        slot,
        newest: claim(checkpoint, fork),
        settled: Vec::new(),
        heights: None,
        proofs: None,
    }
}

/// Everybody stands by what it said.
fn judged(looks: &[Look]) -> Vec<Violation> {
    confirmed(looks, |_, _| true)
}

/// What is told where `still` says whether somebody has something in that slot, as the recorder asks.
fn confirmed(looks: &[Look], still: impl Fn(u64, &Standing) -> bool) -> Vec<Violation> {
    let mut judge = Judge::default();
    let mut told = Vec::new();
    for look in looks {
        for violation in judge.see(look) {
            match &violation.if_still {
                Some(standing) if !still(look.slot, standing) => judge.withdraw(standing),
                _ => told.push(violation),
            }
        }
    }
    told
}

#[test]
fn a_fork_that_lasts_is_told_once_with_who_what_and_since_when() {
    let mut looks = vec![look("a", 9, 6, "x"), look("b", 9, 6, "x")];
    for slot in 10..20 {
        looks.push(look("a", slot, slot - 3, "x"));
        looks.push(look("b", slot, slot - 3, "y"));
    }
    let broken = judged(&looks);
    assert_eq!(broken[0].slot, Some(10));
    assert_eq!(
        broken[0].seen,
        "b has checkpoint 7 0xy7 with block 7 0xby7, a has checkpoint 7 0xx7 with block 7 0xbx7"
    );
    assert_eq!(broken.len(), 1);
}

#[test]
fn a_forged_block_under_the_right_checkpoint_is_told() {
    let forged = |slot| {
        let mut look = look("b", slot, 7, "x");
        look.newest.block = Some((7, "0xforged".to_owned()));
        look
    };
    let looks: Vec<Look> = (10..15)
        .flat_map(|slot| [look("a", slot, 7, "x"), forged(slot)])
        .collect();
    assert_eq!(judged(&looks).len(), 1);
}

#[test]
fn the_l1_is_compared_by_the_checkpoints_hash_alone() {
    let l1 = |slot, fork: &str| {
        let mut look = look("the L1", slot, 7, fork);
        look.newest.block = None;
        look
    };
    let pairs = |fork: &'static str| {
        (10..15).flat_map(move |slot| [look("a", slot, 7, "x"), l1(slot, fork)])
    };
    assert_eq!(judged(&pairs("x").collect::<Vec<_>>()), []);
    assert_eq!(judged(&pairs("y").collect::<Vec<_>>()).len(), 1);
}

/// Quickly, since what is proven does not change any more.
#[test]
fn proven_checkpoints_that_differ_are_told_at_once() {
    let proven = |who, fork| Look {
        settled: vec![claim(5, fork)],
        ..look(who, 10, 7, fork)
    };
    assert_eq!(judged(&[proven("a", "x"), proven("b", "y")]).len(), 1);
}

#[test]
fn a_node_that_learns_of_a_prune_later_has_its_time() {
    let mut looks = vec![look("a", 10, 9, "x"), look("b", 10, 9, "x")];
    // 7 to 9 are taken back; `b` follows two slots later.
    looks.extend([look("a", 11, 7, "y"), look("b", 11, 9, "x")]);
    looks.extend([look("a", 12, 8, "y"), look("b", 12, 9, "x")]);
    looks.extend((13..30).flat_map(|slot| {
        [
            look("a", slot, slot - 4, "y"),
            look("b", slot, slot - 4, "y"),
        ]
    }));
    assert_eq!(judged(&looks), []);
}

#[test]
fn who_is_silent_is_not_accused() {
    let mut looks = vec![look("b", 10, 7, "x"), look("a", 10, 7, "y")];
    looks.extend((11..30).map(|slot| look("a", slot, slot - 3, "y")));
    assert_eq!(judged(&looks), []);
    // It comes back with what it had and does not let go of it.
    let back: Vec<Look> = (30..40)
        .flat_map(|slot| [look("a", slot, slot - 3, "y"), look("b", slot, 7, "x")])
        .collect();
    looks.extend(back);
    assert_eq!(judged(&looks).len(), 1);
}

#[test]
fn tips_out_of_order_are_told() {
    let heights = |proposed, checkpointed, proven, finalized| Look {
        heights: Some(Heights {
            proposed,
            checkpointed,
            proven,
            finalized,
        }),
        ..look("a", 10, 7, "x")
    };
    assert_eq!(judged(&[heights(9, 8, 7, 6)]), []);
    for wrong in [
        heights(7, 8, 7, 6),
        heights(9, 8, 9, 6),
        heights(9, 8, 7, 8),
    ] {
        assert_eq!(judged(&[wrong])[0].rule, Rule::Order);
    }
}

#[test]
fn finality_goes_back_only_with_a_new_run() {
    let at = |slot, finalized, run: &str| Look {
        run: run.to_owned(),
        heights: Some(Heights {
            proposed: 9,
            checkpointed: 9,
            proven: 9,
            finalized,
        }),
        ..look("a", slot, 9, "x")
    };
    assert_eq!(
        judged(&[at(10, 8, "1"), at(11, 0, "2"), at(12, 3, "2")]),
        []
    );
    let back = judged(&[at(10, 8, "1"), at(11, 7, "1")]);
    assert_eq!(back[0].rule, Rule::Finality);
    assert_eq!(back[0].seen, "a had block 8 finalized, and now 7");
}

/// A chain that grows by a checkpoint in most slots and is pruned now and then, seen by nodes that lag behind.
#[derive(Debug, Clone)]
struct World {
    /// For each slot: `None`: nothing, `Some(0)`: a checkpoint, `Some(n)`: the last n are taken back and one is built.
    slots: Vec<Option<u64>>,
    /// For each node and slot: how many slots ago it last heard of the chain; `None`: it is silent.
    nodes: Vec<Vec<Option<usize>>>,
}

impl World {
    /// The chain after each slot: checkpoints with the slot that made them.
    fn chains(&self) -> Vec<Vec<usize>> {
        let mut chain = vec![0];
        let step = |(slot, made): (usize, &Option<u64>)| {
            if let Some(back) = made {
                let keep = chain
                    .len()
                    .saturating_sub(usize::try_from(*back).unwrap_or(0))
                    .max(1);
                chain.truncate(keep);
                chain.push(slot + 1);
            }
            chain.clone()
        };
        self.slots.iter().enumerate().map(step).collect()
    }

    /// The slot of the last that a node has heard of. It hears of the chain in order: never of an older one than before.
    fn heard(&self, node: usize, slot: usize) -> Option<usize> {
        let lags = &self.nodes[node];
        (0..=slot)
            .filter_map(|at| Some(at - lags[at]?.min(at)))
            .max()
    }

    fn looks(&self, forger: Option<usize>) -> Vec<Look> {
        let chains = self.chains();
        let mut looks = Vec::new();
        for slot in 0..chains.len() {
            for (node, lags) in self.nodes.iter().enumerate() {
                let (Some(heard), Some(_)) = (self.heard(node, slot), lags[slot]) else {
                    continue;
                };
                let top = chains[heard].len() - 1;
                let fork = match forger {
                    Some(forger) if forger == node => "forged".to_owned(),
                    _ => fork(&chains[heard], top),
                };
                looks.push(look(&name(node), slot as u64, top as u64, &fork));
            }
        }
        looks
    }

    /// Whether a node has, in that slot, what it said before.
    fn still(&self, slot: u64, standing: &Standing) -> bool {
        let (chains, number) = (self.chains(), standing.claim.checkpoint);
        let at = usize::try_from(number).unwrap();
        let node = (0..self.nodes.len())
            .find(|node| name(*node) == standing.who)
            .unwrap();
        let heard = self.heard(node, usize::try_from(slot).unwrap());
        heard.is_some_and(|heard| {
            let chain = &chains[heard];
            at < chain.len() && claim(number, &fork(chain, at)) == standing.claim
        })
    }
}

fn name(node: usize) -> String {
    format!("n{node}")
}

/// What tells the checkpoint at this height from others there.
fn fork(chain: &[usize], at: usize) -> String {
    format!("s{}c", chain[at])
}

/// Slots from one prune to the next, at least: those that are proofs' come once in some epochs.
const APART: usize = 8;

fn worlds(lag: usize) -> impl Strategy<Value = World> {
    let slot = prop_oneof![6 => Just(Some(0)), 1 => Just(None), 1 => (1..5_u64).prop_map(Some)];
    let seen = prop_oneof![9 => (0..=lag).prop_map(Some), 1 => Just(None)];
    (10..40_usize).prop_flat_map(move |length| {
        let nodes = prop::collection::vec(prop::collection::vec(seen.clone(), length), 2..5);
        let slots = prop::collection::vec(slot.clone(), length).prop_map(apart);
        (slots, nodes).prop_map(|(slots, nodes)| World { slots, nodes })
    })
}

/// The same without prunes that follow another one too soon.
fn apart(mut slots: Vec<Option<u64>>) -> Vec<Option<u64>> {
    let mut last = None;
    for (at, made) in slots.iter_mut().enumerate() {
        if made.is_some_and(|back| back > 0) {
            match last {
                Some(last) if at - last < APART => *made = Some(0),
                _ => last = Some(at),
            }
        }
    }
    slots
}

proptest! {
    /// Prunes, lags and silences are no divergence.
    #[test]
    fn honest_nodes_are_never_accused(world in worlds(2)) {
        let told = confirmed(&world.looks(None), |slot, standing| world.still(slot, standing));
        prop_assert_eq!(told, []);
    }

    /// A node with a chain of its own is found on a calm network.
    #[test]
    fn a_forger_is_always_found(length in 6..30_usize, nodes in 2..6_usize, forger in 0..6_usize) {
        let forger = forger % nodes;
        let world = World { slots: vec![Some(0); length], nodes: vec![vec![Some(0); length]; nodes] };
        let broken = judged(&world.looks(Some(forger)));
        let name = format!("n{forger} has");
        let other = format!(", n{forger} has");
        let named = |one: &Violation| one.seen.starts_with(&name) || one.seen.contains(&other);
        prop_assert!(broken.len() == nodes - 1 && broken.iter().all(named), "{:?}", broken);
        prop_assert_eq!(broken[0].slot, Some(0));
    }
}
