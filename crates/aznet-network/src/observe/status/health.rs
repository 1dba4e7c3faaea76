//! The judgement of a network, from facts alone: ready, starting, or stalled and why.

use std::{fmt, time::Duration};

use alloy_primitives::{Address, U256};
use aznet_kit::time::Seconds;
use aznet_model::{
    chain::{BlockNumber, Epoch, Slot},
    role::Role,
    timing::Timing,
    units::count,
};
use serde::Serialize;

use super::{
    committee::Committee,
    node::{NodeStatus, Tips},
};

/// Slots in a row without a checkpoint that are no stall: one proposer of a small committee that is away may be drawn
/// more than once.
const TOLERATED: u64 = 4;
/// The same where a cause is known.
const TOLERATED_WITH_CAUSE: u64 = 1;
/// Block times without a block after which an L1 is silent.
const SILENT_BLOCKS: u32 = 5;
/// A publisher with less can't count on its next transaction: 0.01 ETH, in wei.
const EMPTY: u64 = 10_000_000_000_000_000;
/// Blocks that a node may be behind the furthest one before that is a problem.
const LAG: u64 = 2;

/// How a network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nothing is on L1 yet.
    Starting,
    /// Every pod serves, and the chain moves.
    Ready,
    /// The chain moves, or may; something is wrong all the same.
    Degraded,
    /// Checkpoints have stopped.
    Stalled,
    /// No node answers.
    Unreachable,
}

/// An account that pays for L1 transactions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Publisher {
    /// The pods that publish with it.
    pub pods: Vec<String>,
    /// Its address.
    pub address: Address,
    /// What it has, in wei.
    #[serde(serialize_with = "decimal")]
    pub balance: U256,
}

/// How a network's own L1 is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct L1Pulse {
    /// Age of its newest block; `None` if it doesn't answer.
    pub age: Option<Duration>,
    /// Time between two blocks.
    pub block_time: Duration,
}

/// Where the chain is in protocol time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// What turns a clock into slots.
    pub timing: Timing,
    /// Now, in Unix seconds.
    pub now: u64,
    /// The slot of the newest checkpoint.
    pub checkpointed: Slot,
    /// The slot of the oldest checkpointed block without a proof; `None`: all are proven.
    pub unproven: Option<Slot>,
}

/// All that the judgement stands on; what could not be learnt is `None` or empty.
#[derive(Debug, Clone, Copy, Default)]
pub struct Facts<'a> {
    /// Every pod, missing ones included.
    pub nodes: &'a [NodeStatus],
    /// The heads of the chain.
    pub tips: Option<Tips>,
    /// Where the chain is.
    pub pace: Option<Pace>,
    /// The committee of this epoch.
    pub committee: Option<&'a Committee>,
    /// Validators on L1, and members of a committee.
    pub set: Option<(u64, u64)>,
    /// Accounts that pay.
    pub publishers: &'a [Publisher],
    /// The network's own L1.
    pub l1: Option<L1Pulse>,
}

/// Checkpoints have stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stall {
    /// The slot of the last checkpoint.
    pub since: Slot,
    /// Whole slots without one.
    pub slots: u64,
    /// The same in seconds.
    pub seconds: u64,
    /// Why, in words; empty where nothing that is looked at explains it.
    pub causes: Vec<String>,
}

/// What comes of the facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// In a word.
    pub state: State,
    /// Since when and why checkpoints have stopped.
    pub stalled: Option<Stall>,
    /// All that is wrong, in words.
    pub problems: Vec<String>,
}

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lasted = Seconds(Duration::from_secs(self.seconds));
        write!(
            f,
            "no checkpoint since {}: {} slots, {lasted}",
            self.since, self.slots
        )
    }
}

impl Pace {
    /// Whole slots since the newest checkpoint's.
    pub fn slots_without(&self) -> u64 {
        let now = self.timing.at(self.now).slot.0;
        now.saturating_sub(self.checkpointed.0 + 1)
    }

    /// Whether so many slots without a checkpoint need no explanation.
    pub fn is_usual(&self) -> bool {
        self.slots_without() <= TOLERATED_WITH_CAUSE
    }
}

/// Judges a network.
pub fn judge(facts: &Facts<'_>) -> Verdict {
    let causes = causes(facts);
    let stalled = stall(facts, &causes);
    let mut problems: Vec<String> = stalled.iter().map(ToString::to_string).collect();
    if stalled
        .as_ref()
        .is_some_and(|stall| stall.causes.is_empty())
    {
        problems.push(
            "neither pods, balances nor the L1 explain why; the logs of validators may".to_owned(),
        );
    }
    problems.extend(causes);
    problems.extend(late_proof(facts));
    problems.extend(of_nodes(facts));
    Verdict {
        state: state(facts, stalled.is_some(), &problems),
        stalled,
        problems,
    }
}

fn state(facts: &Facts<'_>, stalled: bool, problems: &[String]) -> State {
    match facts.tips {
        _ if stalled => State::Stalled,
        // Nodes that are not ready may not be able to answer yet.
        None if facts
            .nodes
            .iter()
            .any(|node| node.role.is_node() && node.ready) =>
        {
            State::Unreachable
        }
        None => State::Starting,
        Some(tips) if tips.checkpointed == BlockNumber(0) => State::Starting,
        Some(_) if problems.is_empty() => State::Ready,
        Some(_) => State::Degraded,
    }
}

fn stall(facts: &Facts<'_>, causes: &[String]) -> Option<Stall> {
    let pace = facts.pace.as_ref()?;
    let slots = pace.slots_without();
    let tolerated = if causes.is_empty() {
        TOLERATED
    } else {
        TOLERATED_WITH_CAUSE
    };
    (slots > tolerated).then(|| Stall {
        since: pace.checkpointed,
        slots,
        seconds: slots * pace.timing.slot.as_secs(),
        causes: causes.to_vec(),
    })
}

/// What keeps checkpoints from L1, or soon will.
fn causes(facts: &Facts<'_>) -> Vec<String> {
    let mut causes = Vec::new();
    causes.extend(silent_l1(facts.l1));
    causes.extend(no_committee(facts.set));
    causes.extend(no_quorum(facts));
    causes.extend(facts.publishers.iter().filter_map(empty));
    causes
}

fn silent_l1(l1: Option<L1Pulse>) -> Option<String> {
    let L1Pulse { age, block_time } = l1?;
    match age {
        None => Some("the L1 does not answer".to_owned()),
        Some(age) if age > block_time * SILENT_BLOCKS => Some(format!(
            "the L1 is silent: its newest block is {} old, and one is due every {}",
            Seconds(age),
            Seconds(block_time)
        )),
        Some(_) => None,
    }
}

fn no_committee(set: Option<(u64, u64)>) -> Option<String> {
    let (validators, members) = set?;
    (validators < members).then(|| {
        format!(
            "the L1 has {}, and a committee has {}: none can be drawn",
            number(validators, "validator"),
            number(members, "member")
        )
    })
}

fn no_quorum(facts: &Facts<'_>) -> Option<String> {
    let committee = facts.committee?;
    let short = committee.short_of_quorum();
    let present = committee.present?;
    if short == 0 {
        return None;
    }
    let away: Vec<String> = facts
        .nodes
        .iter()
        .filter(|node| node.role == Role::Validator && !node.ready)
        .map(|node| format!("{} ({})", node.name, node.state))
        .collect();
    let away = match away.as_slice() {
        [] => String::new(),
        away => format!("; away: {}", away.join(", ")),
    };
    Some(format!(
        "{present} of {} members of the committee are there and {} are needed: {short} too few{away}",
        committee.size, committee.quorum
    ))
}

fn number(n: u64, noun: &str) -> String {
    count(usize::try_from(n).unwrap_or(usize::MAX), noun)
}

fn empty(publisher: &Publisher) -> Option<String> {
    let Publisher {
        pods,
        address,
        balance,
    } = publisher;
    (*balance < U256::from(EMPTY)).then(|| {
        format!(
            "publisher {address} of {} has {} ETH left and can't pay for its transactions",
            pods.join(", "),
            ether(*balance)
        )
    })
}

/// Wei in ETH, cut off after four digits.
fn ether(wei: U256) -> String {
    let tenths_of_milli = wei / U256::from(100_000_000_000_000_u64);
    let (whole, rest) = tenths_of_milli.div_rem(U256::from(10_000_u64));
    format!("{whole}.{rest:04}")
}

fn late_proof(facts: &Facts<'_>) -> Option<String> {
    let pace = facts.pace.as_ref()?;
    let Timing {
        epoch_slots,
        proof_submission_epochs,
        genesis,
        slot,
    } = pace.timing;
    let epoch = pace.unproven?.0 / epoch_slots.max(1);
    let late = pace.timing.at(pace.now).epoch.0.checked_sub(epoch + 1)?;
    if late == 0 {
        return None;
    }
    // The first checkpoint of this epoch takes back what has no proof.
    let prune = epoch + proof_submission_epochs + 1;
    let at = genesis + prune * epoch_slots * slot.as_secs();
    let when = match at.checked_sub(pace.now) {
        Some(left) if left > 0 => format!("in {}", Seconds(Duration::from_secs(left))),
        _ => "with the next checkpoint".to_owned(),
    };
    Some(format!(
        "the proof of {} is late by {}; {when} the chain is pruned to the last proven block unless the proof arrives",
        Epoch(epoch),
        number(late, "epoch")
    ))
}

fn of_nodes(facts: &Facts<'_>) -> Vec<String> {
    let mut problems: Vec<String> = facts
        .nodes
        .iter()
        .filter_map(|node| match &node.error {
            Some(error) => Some(format!("{} doesn't answer: {error}", node.name)),
            None if node.missing => Some(format!("{} is missing", node.name)),
            None if !node.ready => Some(format!("{} isn't ready: {}", node.name, node.state)),
            None => None,
        })
        .collect();
    let behind = |node: &&NodeStatus| {
        node.tips
            .zip(facts.tips)
            .is_some_and(|(own, best)| own.checkpointed.0 + LAG < best.checkpointed.0)
    };
    let slow = facts.nodes.iter().filter(behind);
    problems.extend(slow.map(|node| format!("{} is behind the others", node.name)));
    match facts.tips {
        None => problems.push("no node answers".into()),
        Some(tips) if tips.checkpointed == BlockNumber(0) => {
            problems.push("no checkpoint yet".into());
        }
        Some(_) => {}
    }
    problems
}

fn decimal<S: serde::Serializer>(value: &U256, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

#[cfg(test)]
mod tests;
