//! Whether nodes call proven, or finalized, only what is so on L1.
//!
//! A proof is never taken back there, unless the L1 itself goes back. So what a node has heard of must be on an L1 that is
//! read later. One look may be chance where the L1 has just begun anew; two in slots that follow each other are not.

use std::collections::BTreeMap;

use super::invariant::{Look, PATIENCE, Proofs, Proven, Rule, Violation};

/// What nodes say, held against the L1 as it is read after them.
#[derive(Debug, Default)]
pub(crate) struct Auditor {
    /// What each node said since the L1 was read.
    heard: BTreeMap<String, Proven>,
    /// The runs of nodes: another one begins anew.
    runs: BTreeMap<String, String>,
    /// Who said more than is on L1 when that was read last.
    ahead: BTreeMap<String, Lead>,
    /// The slot in which the L1 was read last, and what was on it.
    last: Option<(u64, Proven)>,
    /// The first slot in which what nodes say counts, after the L1 was silent or went back.
    counts_from: u64,
}

/// Somebody says more than is on L1.
#[derive(Debug)]
struct Lead {
    since: u64,
    told: bool,
}

impl Auditor {
    /// Takes a look in; who was ahead of the L1 in this look at it and in one of an earlier slot, the first time.
    pub(crate) fn see(&mut self, look: &Look) -> Vec<Violation> {
        match look.proofs {
            None => Vec::new(),
            Some(Proofs::Heard(heard)) => {
                let before = self.runs.insert(look.who.clone(), look.run.clone());
                if before.is_some_and(|before| before != look.run) {
                    self.ahead.remove(&look.who);
                }
                self.heard.insert(look.who.clone(), heard);
                Vec::new()
            }
            Some(Proofs::OnL1(there)) => self.compare(look.slot, there),
        }
    }

    fn compare(&mut self, slot: u64, there: Proven) -> Vec<Violation> {
        let went_on = self
            .last
            .is_none_or(|(last, before)| slot <= last + 1 && excess(before, there).is_none());
        if !went_on {
            self.counts_from = slot + PATIENCE;
        }
        self.last = Some((slot, there));
        let mut broken = Vec::new();
        for (who, heard) in std::mem::take(&mut self.heard) {
            let Some(excess) = excess(heard, there) else {
                self.ahead.remove(&who);
                continue;
            };
            let seen = format!("{who} has {excess}");
            let lead = self.ahead.entry(who).or_insert(Lead {
                since: slot,
                told: false,
            });
            if !lead.told && slot > lead.since && slot >= self.counts_from {
                lead.told = true;
                broken.push(Violation {
                    rule: Rule::Proof,
                    seen,
                    slot: Some(lead.since),
                    if_still: None,
                });
            }
        }
        broken
    }
}

/// What is proven or finalized here and not there, in words.
fn excess(here: Proven, there: Proven) -> Option<String> {
    if here.proven > there.proven {
        return Some(format!(
            "checkpoint {} proven, the L1 has {}",
            here.proven, there.proven
        ));
    }
    let (here, there) = here.finalized.zip(there.finalized)?;
    (here > there).then(|| format!("checkpoint {here} finalized, the L1 has {there}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::watch::invariant::Claim;

    fn look(who: &str, slot: u64, proofs: Proofs) -> Look {
        Look {
            who: who.to_owned(),
            run: "1".to_owned(),
            slot,
            newest: Claim {
                checkpoint: 99,
                hash: "0x99".to_owned(),
                block: None,
            },
            settled: Vec::new(),
            heights: None,
            proofs: Some(proofs),
        }
    }

    fn proven(proven: u64, finalized: impl Into<Option<u64>>) -> Proven {
        Proven {
            proven,
            finalized: finalized.into(),
        }
    }

    /// A round of the recorder: a node, and then the L1.
    fn round(slot: u64, heard: Proven, there: Proven) -> [Look; 2] {
        [
            look("a", slot, Proofs::Heard(heard)),
            look("the L1", slot, Proofs::OnL1(there)),
        ]
    }

    fn judged(looks: impl IntoIterator<Item = Look>) -> Vec<Violation> {
        let mut auditor = Auditor::default();
        looks
            .into_iter()
            .flat_map(|look| auditor.see(&look))
            .collect()
    }

    #[test]
    fn who_calls_proven_or_final_what_is_not_so_on_l1_is_told_once() {
        let rounds = |heard, there| (10..20).flat_map(move |slot| round(slot, heard, there));
        let forged = judged(rounds(proven(9, 5), proven(8, 5)));
        assert_eq!(forged.len(), 1);
        assert_eq!((forged[0].rule, forged[0].slot), (Rule::Proof, Some(10)));
        assert_eq!(forged[0].seen, "a has checkpoint 9 proven, the L1 has 8");
        let early = judged(rounds(proven(8, 8), proven(8, 5)));
        assert_eq!(early[0].seen, "a has checkpoint 8 finalized, the L1 has 5");
        assert_eq!(early.len(), 1);
        // Where the L1 keeps no old state, nobody knows what is final.
        assert_eq!(judged(rounds(proven(8, 8), proven(8, None))), []);
        assert_eq!(judged(rounds(proven(7, 4), proven(8, 5))), []);
    }

    /// A node that always claims more is found, although what it claims changes with every look.
    #[test]
    fn who_is_always_a_proof_ahead_is_found() {
        let rounds =
            (10..14).flat_map(|slot| round(slot, proven(slot - 4, 3), proven(slot - 5, 3)));
        assert_eq!(judged(rounds).len(), 1);
    }

    #[test]
    fn one_look_is_not_enough_and_neither_is_another_run() {
        let mut looks = Vec::from(round(10, proven(9, 5), proven(8, 5)));
        looks.extend(round(10, proven(9, 5), proven(8, 5)));
        looks.extend(round(11, proven(9, 5), proven(9, 5)));
        assert_eq!(judged(looks.clone()), []);
        looks.truncate(4);
        let mut again = round(11, proven(9, 5), proven(8, 5));
        again[0].run = "2".to_owned();
        looks.extend(again);
        assert_eq!(judged(looks.clone()), []);
        let mut again = round(12, proven(9, 5), proven(8, 5));
        again[0].run = "2".to_owned();
        looks.extend(again);
        assert_eq!(judged(looks).len(), 1);
    }

    /// An L1 that went back, or was silent and may have: nodes have their time to follow.
    #[test]
    fn nodes_may_follow_an_l1_that_went_back() {
        let lagging = |from: u64, lag: u64| {
            let mut looks = Vec::from(round(10, proven(9, 5), proven(9, 5)));
            looks.extend((from..from + lag).flat_map(|at| round(at, proven(9, 5), proven(8, 5))));
            looks.extend(
                (from + lag..from + 9).flat_map(|at| round(at, proven(8, 5), proven(8, 5))),
            );
            judged(looks)
        };
        for from in [11, 15] {
            assert_eq!(lagging(from, PATIENCE), [], "from {from}");
            assert_eq!(lagging(from, PATIENCE + 1).len(), 1, "from {from}");
        }
        // Silent, and nobody saw what it had before it went back.
        let mut looks = Vec::from(round(10, proven(8, 5), proven(8, 5)));
        looks.extend((15..18).flat_map(|at| round(at, proven(9, 5), proven(8, 5))));
        assert_eq!(judged(looks), []);
    }

    proptest! {
        /// Whatever a node has heard of an L1 that only goes on is there when it is read later.
        #[test]
        fn honest_nodes_are_never_accused(
            steps in prop::collection::vec((0..3_u64, 0..3_u64, 0..4_usize, prop::bool::weighted(0.8)), 5..40)
        ) {
            let mut chain = vec![proven(0, 0)];
            let mut looks = Vec::new();
            for (slot, (more, less, lag, read)) in (0..).zip(steps) {
                let last = chain[chain.len() - 1];
                let next = last.proven + more;
                chain.push(proven(next, last.finalized.max(Some(next.saturating_sub(less + 1)))));
                let heard = chain[chain.len().saturating_sub(lag + 1)];
                looks.push(look("a", slot, Proofs::Heard(heard)));
                if read {
                    looks.push(look("the L1", slot, Proofs::OnL1(chain[chain.len() - 1])));
                }
            }
            prop_assert_eq!(judged(looks), []);
        }
    }
}
