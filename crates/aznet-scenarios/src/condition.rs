//! What goes wrong while tokens move, as data: faults with times in slots, what they need of a network, and what is
//! expected of the chain.

mod catalogue;
mod needs;
mod wave;

use std::time::Duration;

use aznet_model::role::Role;
use aznet_model::timing::ProtocolTime;
use aznet_runner::Class;

pub use self::catalogue::{CONDITIONS, ROLL_OUT};
pub(crate) use self::wave::{Cast, Change, Does, Length, Wave};

use self::needs::Need;
use crate::topology::Facts;

/// A condition that tokens move under.
#[derive(Debug)]
pub struct Condition {
    /// Its name, as in `transfer@NAME`.
    pub name: &'static str,
    /// What goes wrong, in a sentence.
    pub about: &'static str,
    /// How it is known that it went wrong, in a sentence.
    pub shown: &'static str,
    /// What is expected of the chain.
    pub expects: Expects,
    pub(crate) begins: Begins,
    pub(crate) waves: &'static [Wave],
    /// The attack that is made while the transfers are sent and followed, by its name.
    pub(crate) attack: Option<&'static str>,
    needs: &'static [Need],
}

/// What is expected of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expects {
    /// It goes on while the faults last, with so many slots more than usual for each step.
    GoesOn {
        /// Slots.
        slack: u32,
    },
    /// It may stand still while the faults last, and goes on afterwards.
    Recovers,
    /// It may stand still while the faults last, and loses blocks that were proposed and what was sent upon them, which is
    /// sent again; it goes on afterwards.
    Loses,
    /// It stands still while the faults last, and goes on afterwards.
    Stalls,
    /// What was not proven in time is taken back, and comes again.
    Prunes,
}

/// When the faults begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begins {
    /// Before anything is sent, which then waits until they bite.
    BeforeSending,
    /// When the public transfer was sent; the private one waits until they bite.
    BetweenTransfers,
    /// When the public transfer was sent; the private one waits until the chain goes on. Nodes tell of a transaction once:
    /// those that are all away then never hear of it.
    UnderWay,
    /// When both transfers are on L1.
    AfterTransfers,
}

/// What goes wrong, when, and what is expected of the chain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trouble<'a> {
    pub(crate) expects: Expects,
    pub(crate) begins: Begins,
    pub(crate) waves: &'a [Wave],
    /// How many waves must have been seen to bite before what waits for them is sent.
    pub(crate) seen: usize,
}

impl Trouble<'_> {
    /// From the begin of the first fault to the end of the last.
    pub(crate) fn span(&self, time: ProtocolTime) -> Duration {
        let ends = self.waves.iter();
        let ends = ends.map(|wave| time.slots(wave.after) + wave.lasts.of(time));
        ends.max().unwrap_or_default()
    }

    /// The roles whose containers the faults end.
    pub(crate) fn restarts(&self) -> Vec<Role> {
        let ended = self.waves.iter().flat_map(Wave::ends);
        ended.copied().collect()
    }

    /// Whether the transfers are to be on L1 while the faults are in force.
    pub(crate) fn is_sent_under(&self) -> bool {
        matches!(self.expects, Expects::GoesOn { .. })
            && self.waves.iter().any(Wave::outlasts_sending)
    }
}

impl Expects {
    /// In words.
    pub fn words(self) -> String {
        match self {
            Self::GoesOn { slack: 0 } => "the chain goes on as ever".to_owned(),
            Self::GoesOn { slack } => format!(
                "the chain goes on meanwhile, each step at most {slack} slots later than usual"
            ),
            Self::Recovers => {
                "the chain may stand still meanwhile, and goes on afterwards; what was sent upon a block that never comes to L1 is sent again; nothing on L1 is taken back".to_owned()
            }
            Self::Loses => {
                "blocks that were proposed may be lost meanwhile, and what was sent upon them is sent again; nothing on L1 is taken back".to_owned()
            }
            Self::Stalls => {
                "no checkpoint meanwhile, then the chain goes on; what was sent upon a block that never comes to L1 is sent again; nothing on L1 is taken back".to_owned()
            }
            Self::Prunes => {
                "checkpoints without a proof are taken back; the transfers come again, in another block".to_owned()
            }
        }
    }
}

impl Condition {
    /// The condition under which nothing goes wrong.
    pub(crate) const CALM: Self = Self {
        name: "calm",
        about: "nothing goes wrong",
        shown: "nothing is done",
        expects: Expects::GoesOn { slack: 0 },
        begins: Begins::BeforeSending,
        waves: &[],
        attack: None,
        needs: &[],
    };

    /// Whether nothing goes wrong.
    pub(crate) const fn is_calm(&self) -> bool {
        self.waves.is_empty() && self.attack.is_none()
    }

    /// What it does to its network.
    pub const fn class(&self) -> Class {
        match self.expects {
            _ if self.is_calm() => Class::Observe,
            Expects::Prunes => Class::Own,
            _ if self.changes() => Class::Own,
            _ => Class::Disrupt,
        }
    }

    /// Whether the network is another one afterwards.
    const fn changes(&self) -> bool {
        matches!(
            self.waves,
            [
                Wave {
                    does: Does::Change(_),
                    ..
                },
                ..
            ]
        )
    }

    /// Words to select it by.
    pub(crate) fn tags(&self) -> Vec<&'static str> {
        let mut tags = vec!["matrix", self.name];
        if !self.is_calm() {
            tags.extend(["chaos", "long"]);
        }
        if self.attack.is_some() {
            tags.push("attack");
        }
        if self.expects == Expects::Prunes {
            tags.push("prune");
        }
        tags
    }

    /// Why a network with these facts can't have it; `None`: it can.
    pub fn refusal(&self, facts: &Facts) -> Option<String> {
        if let Some(lacks) = facts.lacks() {
            return Some(format!("needs {lacks}"));
        }
        let needs = self.needs.iter().find_map(|need| need.refusal(facts));
        needs.or_else(|| {
            let attack = self.attack?;
            let lacks = facts.lacks_for(attack)?;
            Some(format!("{attack} needs {lacks}"))
        })
    }

    /// What goes wrong, without its name and needs.
    pub(crate) const fn trouble(&self) -> Trouble<'_> {
        Trouble {
            expects: self.expects,
            begins: self.begins,
            waves: self.waves,
            seen: 1,
        }
    }

    /// What goes wrong in words: one for each wave, and the attack.
    pub fn faults(&self) -> Vec<String> {
        let attack = self.attack.iter();
        let attack = attack.map(|name| format!("`{name}`, beside the transfers"));
        self.waves.iter().map(Wave::words).chain(attack).collect()
    }

    /// What a network must have for it, in words.
    pub fn needed(&self) -> Vec<String> {
        let attack = self.attack.iter();
        let attack = attack.map(|name| format!("what `{name}` needs"));
        self.needs.iter().map(Need::words).chain(attack).collect()
    }
}
