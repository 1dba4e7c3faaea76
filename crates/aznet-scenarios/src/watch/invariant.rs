//! What must never be so, judged from looks at all nodes and the L1, one after the other. Pure: no clock, no network.
//!
//! Checkpoints that have no proof yet may be taken back and built anew, and nodes learn of that one after the other. So
//! two that disagree about one have [`PATIENCE`] slots in which they answer to come to one. What somebody said before its
//! last word may not be so any more, and is to be asked for again before it counts. What is proven can't be taken back.

use std::collections::{BTreeMap, btree_map::Entry};
use std::fmt;

/// Slots that nodes have to follow what happened on L1.
pub(crate) const PATIENCE: u64 = 3;
/// How many checkpoints are remembered of each node.
const KEPT: usize = 256;

/// A checkpoint as somebody knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    /// Its number.
    pub(crate) checkpoint: u64,
    /// The hash of its header.
    pub(crate) hash: String,
    /// Number and hash of its last block; the L1 does not know them.
    pub(crate) block: Option<(u64, String)>,
}

/// Block numbers of a node's tips.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Heights {
    pub(crate) proposed: u64,
    pub(crate) checkpointed: u64,
    pub(crate) proven: u64,
    pub(crate) finalized: u64,
}

/// How far the chain is proven, by number of checkpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Proven {
    /// The newest that is proven.
    pub(crate) proven: u64,
    /// The newest that was proven in a block of the L1 which is final; `None`: that is not known.
    pub(crate) finalized: Option<u64>,
}

/// Whose word on proofs it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proofs {
    /// What a node has heard of.
    Heard(Proven),
    /// What is on L1.
    OnL1(Proven),
}

/// One look at a node, or at the L1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Look {
    /// The node's pod, or the L1's name.
    pub(crate) who: String,
    /// Which run of it: another one begins anew.
    pub(crate) run: String,
    /// The slot at the time.
    pub(crate) slot: u64,
    /// The newest checkpoint.
    pub(crate) newest: Claim,
    /// Checkpoints that are proven.
    pub(crate) settled: Vec<Claim>,
    /// Tips; the L1 has none.
    pub(crate) heights: Option<Heights>,
    /// What it says of proofs, if anything.
    pub(crate) proofs: Option<Proofs>,
}

/// A rule that was broken, when that was first seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// The rule.
    pub(crate) rule: Rule,
    /// Who and what was seen.
    pub(crate) seen: String,
    /// The slot in which it was first seen.
    pub(crate) slot: Option<u64>,
    /// What must still be so for it; `None`: it is certain.
    pub(crate) if_still: Option<Standing>,
}

/// What somebody said and may have changed its mind about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Who.
    pub(crate) who: String,
    /// What.
    pub(crate) claim: Claim,
    /// With whom it disagrees.
    pub(crate) other: String,
}

/// What must always hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// One chain.
    Agreement,
    /// Finalized ≤ proven ≤ checkpointed ≤ proposed.
    Order,
    /// What is final stays.
    Finality,
    /// What is proven or final is so on L1.
    Proof,
    /// Containers go on running.
    Restart,
    /// Nodes under attack take no more memory than they may.
    Memory,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Agreement => "all nodes and the L1 agree on every checkpoint",
            Self::Order => "finalized ≤ proven ≤ checkpointed ≤ proposed",
            Self::Finality => "what is finalized stays finalized",
            Self::Proof => "no node calls proven or finalized what is not so on L1",
            Self::Restart => "no container restarts unless the test restarts it",
            Self::Memory => "the memory of a node under attack is bounded",
        })
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "checkpoint {} {}", self.checkpoint, short(&self.hash))?;
        match &self.block {
            Some((number, hash)) => write!(f, " with block {number} {}", short(hash)),
            None => Ok(()),
        }
    }
}

/// The beginning of a hash, as long as people compare.
pub(crate) fn short(hash: &str) -> &str {
    hash.get(..14).unwrap_or(hash)
}

impl Claim {
    fn contradicts(&self, other: &Self) -> bool {
        let blocks = self.block.as_ref().zip(other.block.as_ref());
        !self.hash.eq_ignore_ascii_case(&other.hash) || blocks.is_some_and(|(a, b)| a != b)
    }
}

/// Judges looks in the order in which they were taken.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    accounts: BTreeMap<String, Account>,
    disputes: BTreeMap<(String, String), Dispute>,
}

/// What somebody said until now.
#[derive(Debug)]
struct Account {
    run: String,
    /// The slot of its first look after a silence.
    since: u64,
    /// The slot of its last look.
    slot: u64,
    newest: Claim,
    finalized: u64,
    /// What was the newest checkpoint at its time, unless it is known to have been taken back.
    claims: BTreeMap<u64, Claim>,
    /// What was proven when it was said.
    settled: BTreeMap<u64, Claim>,
}

/// Two that disagree.
#[derive(Debug)]
struct Dispute {
    since: u64,
    /// The slot of the last look that showed it.
    last: u64,
    seen: String,
    told: bool,
}

impl Judge {
    /// Takes a look in; what it shows to be broken that was not before.
    pub(crate) fn see(&mut self, look: &Look) -> Vec<Violation> {
        let mut broken: Vec<Violation> = order(look).into_iter().collect();
        broken.extend(self.account(look));
        let since = self
            .accounts
            .get(&look.who)
            .map_or(look.slot, |own| own.since);
        for (who, other) in self.accounts.iter().filter(|(who, _)| **who != look.who) {
            let dispute = self.disputes.entry(pair(who, &look.who));
            broken.extend(settle(dispute, look, since, (who, other)));
        }
        broken
    }

    /// Forgets what is not so any more, and the dispute that came of it.
    pub(crate) fn withdraw(&mut self, standing: &Standing) {
        if let Some(account) = self.accounts.get_mut(&standing.who) {
            account.claims.remove(&standing.claim.checkpoint);
        }
        self.disputes.remove(&pair(&standing.who, &standing.other));
    }

    /// Keeps what was said; that finality went back, if it did.
    fn account(&mut self, look: &Look) -> Option<Violation> {
        let known = self.accounts.get_mut(&look.who);
        let Some(known) = known.filter(|known| known.run == look.run) else {
            self.accounts.insert(look.who.clone(), Account::of(look));
            return None;
        };
        let back = known.lost_finality(look);
        known.take(look);
        back
    }
}

/// Two, in order.
fn pair(one: &str, other: &str) -> (String, String) {
    let (first, second) = if one < other {
        (one, other)
    } else {
        (other, one)
    };
    (first.to_owned(), second.to_owned())
}

/// Opens, closes or decides the dispute of a look with somebody else.
fn settle(
    dispute: Entry<'_, (String, String), Dispute>,
    look: &Look,
    since: u64,
    (who, other): (&str, &Account),
) -> Option<Violation> {
    let proven = look.settled.iter().find_map(|own| {
        let theirs = other.settled.get(&own.checkpoint)?;
        own.contradicts(theirs).then_some((own, theirs))
    });
    let (own, theirs) = if let Some(clash) = proven {
        clash
    } else {
        // Neither said anything that the other has said, too, where there is none.
        let theirs = other.claims.get(&look.newest.checkpoint)?;
        if !look.newest.contradicts(theirs) {
            if let Entry::Occupied(dispute) = dispute {
                dispute.remove();
            }
            return None;
        }
        (&look.newest, theirs)
    };
    let anew = || Dispute {
        since: look.slot,
        last: look.slot,
        seen: format!("{} has {own}, {who} has {theirs}", look.who),
        told: false,
    };
    let dispute = dispute.or_insert_with(anew);
    // Two chains differ in every look; what did not show for so long was settled unseen, and this is another dispute.
    if look.slot > dispute.last + PATIENCE {
        *dispute = anew();
    }
    dispute.last = look.slot;
    // Who was silent had no time to learn better.
    let from = dispute.since.max(since).max(other.since);
    let lasted = look.slot >= from + PATIENCE && other.slot + 1 >= look.slot;
    if dispute.told || !(proven.is_some() || lasted) {
        return None;
    }
    dispute.told = true;
    let may_be_old = proven.is_none() && *theirs != other.newest;
    Some(Violation {
        rule: Rule::Agreement,
        seen: dispute.seen.clone(),
        slot: Some(dispute.since),
        if_still: may_be_old.then(|| Standing {
            who: who.to_owned(),
            claim: theirs.clone(),
            other: look.who.clone(),
        }),
    })
}

fn order(look: &Look) -> Option<Violation> {
    let Heights {
        proposed,
        checkpointed,
        proven,
        finalized,
    } = look.heights?;
    if finalized <= proven && proven <= checkpointed && checkpointed <= proposed {
        return None;
    }
    let who = &look.who;
    Some(Violation {
        rule: Rule::Order,
        seen: format!(
            "{who} has block {finalized} finalized, {proven} proven, {checkpointed} checkpointed, {proposed} proposed"
        ),
        slot: Some(look.slot),
        if_still: None,
    })
}

impl Account {
    fn of(look: &Look) -> Self {
        let mut account = Self {
            run: look.run.clone(),
            since: look.slot,
            slot: look.slot,
            newest: look.newest.clone(),
            finalized: 0,
            claims: BTreeMap::new(),
            settled: BTreeMap::new(),
        };
        account.take(look);
        account
    }

    fn lost_finality(&self, look: &Look) -> Option<Violation> {
        let now = look.heights?.finalized;
        (now < self.finalized).then(|| Violation {
            rule: Rule::Finality,
            seen: format!(
                "{} had block {} finalized, and now {now}",
                look.who, self.finalized
            ),
            slot: Some(look.slot),
            if_still: None,
        })
    }

    fn take(&mut self, look: &Look) {
        let (was, is) = (&self.newest, &look.newest);
        let pruned = is.checkpoint < was.checkpoint
            || is.checkpoint == was.checkpoint && is.contradicts(was);
        let silent = look.slot > self.slot + 1;
        // More than one at once: it may have been pruned and have grown again meanwhile.
        if pruned || silent || is.checkpoint > was.checkpoint + 1 {
            self.claims.clear();
        }
        if silent {
            self.since = look.slot;
        }
        remember(&mut self.claims, is);
        look.settled
            .iter()
            .for_each(|claim| remember(&mut self.settled, claim));
        self.slot = look.slot;
        self.newest = is.clone();
        let finalized = look.heights.map_or(0, |heights| heights.finalized);
        self.finalized = self.finalized.max(finalized);
    }
}

fn remember(claims: &mut BTreeMap<u64, Claim>, claim: &Claim) {
    claims.insert(claim.checkpoint, claim.clone());
    while claims.len() > KEPT {
        claims.pop_first();
    }
}

#[cfg(test)]
mod tests;
