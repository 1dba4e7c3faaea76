//! A scenario as it is drawn, and as it is written into a file.

use std::collections::BTreeMap;

use aznet_model::units::count;
use aznet_model::yaml;
use serde::{Deserialize, Serialize};

use super::seen::Seen;
use crate::condition::{Begins, CONDITIONS, Condition, Expects, Length, Wave};
use crate::scenario::Scenario;

/// The overlay in `networks/` that values are set over.
pub(super) const BASE: &str = "small";
/// Slots that an attack takes along, in the worst case in a row with those of a proposer that is away.
const SLOTS_OF_ATTACK: u32 = 4;

/// A network, and what happens to it while tokens move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drawn {
    /// What all chance is decided by: the draw, and which pods are hit.
    pub seed: u64,
    /// In how many of its runs it failed, once it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Seen>,
    /// The network: values set over those of `networks/small.yaml`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, u32>,
    /// Faults of the conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
    /// The attack that is made meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attack: Option<String>,
    /// Public transfers a slot, beside the two that are followed.
    #[serde(default, skip_serializing_if = "is_none")]
    pub load: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_none(load: &u32) -> bool {
    *load == 0
}

/// A fault of a condition, at another time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What the condition calls it.
    pub name: String,
    /// Slots after the first fault.
    #[serde(default)]
    pub after: u32,
    /// How many slots it lasts; what is over at once has left no mark after as many.
    pub slots: u32,
}

/// A scenario that can't be tested.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// It is not written as one.
    #[error("{0}")]
    Unreadable(String),
    /// No condition has this fault.
    #[error("no fault `{name}`: there are {}", known.join(", "))]
    Fault {
        /// The name.
        name: String,
        /// Those there are.
        known: Vec<&'static str>,
    },
    /// There is no such attack.
    #[error("no attack `{name}`: there are {}", known.join(", "))]
    Attack {
        /// The name.
        name: String,
        /// Those there are.
        known: Vec<&'static str>,
    },
    /// No network has these values.
    #[error("{0}")]
    Values(String),
}

impl Drawn {
    /// Reads one that was written.
    ///
    /// # Errors
    /// [`Unusable`] where it is none, or names what there is not.
    pub fn read(text: &str) -> Result<Self, Unusable> {
        let unreadable = |error: &dyn std::fmt::Display| Unusable::Unreadable(error.to_string());
        let value = yaml::read(text).map_err(|error| unreadable(&error))?;
        let drawn: Self = serde_json::from_value(value).map_err(|error| unreadable(&error))?;
        drawn.waves()?;
        drawn.of_attack()?;
        Ok(drawn)
    }

    /// The overlay in `networks/` that its values are set over.
    pub const fn base(&self) -> &'static str {
        BASE
    }

    /// Its values as `--set` expressions.
    pub fn sets(&self) -> Vec<String> {
        let each = self.set.iter();
        each.map(|(key, value)| format!("{key}={value}")).collect()
    }

    /// It in words.
    pub fn words(&self) -> String {
        let set = self.sets().join(" ");
        let mut words = vec![if set.is_empty() {
            BASE.to_owned()
        } else {
            format!("{BASE} with {set}")
        }];
        words.extend(self.faults.iter().map(Fault::words));
        words.extend(self.attack.clone());
        if self.load > 0 {
            let transfers = count(self.load as usize, "transfer");
            words.push(format!("{transfers} more a slot"));
        }
        if let Some(seen) = self.failed.filter(|seen| !seen.is_sure()) {
            words.push(format!("it failed in {seen} runs"));
        }
        words.join("; ")
    }

    /// Its faults as those of a condition.
    pub(super) fn waves(&self) -> Result<Vec<Wave>, Unusable> {
        let waves = self.faults.iter().map(|fault| Ok(fault.known()?.1));
        waves.collect()
    }

    /// Its attack.
    pub(super) fn of_attack(&self) -> Result<Option<Scenario>, Unusable> {
        let Some(name) = &self.attack else {
            return Ok(None);
        };
        let mut known = attacks();
        match known.iter().position(|one| one.name == name) {
            Some(place) => Ok(Some(known.swap_remove(place))),
            None => Err(Unusable::Attack {
                name: name.clone(),
                known: known.iter().map(|one| one.name).collect(),
            }),
        }
    }

    /// When its faults begin, and what is expected of the chain: each of them and the attack may take slots, and those add up.
    pub(super) fn expects(&self) -> Result<(Begins, Expects), Unusable> {
        let mut slack = match self.attack {
            Some(_) => SLOTS_OF_ATTACK,
            None => 0,
        };
        let (mut begins, mut recovers) = (Begins::BeforeSending, false);
        for fault in &self.faults {
            let condition = fault.known()?.0;
            if condition.begins == Begins::BetweenTransfers {
                begins = Begins::BetweenTransfers;
            }
            match condition.expects {
                Expects::GoesOn { slack: more } => slack += more,
                _ => recovers = true,
            }
        }
        let expects = if recovers {
            Expects::Recovers
        } else {
            Expects::GoesOn { slack }
        };
        Ok((begins, expects))
    }
}

impl Fault {
    /// The condition that has it, and what is done.
    pub(super) fn known(&self) -> Result<(&'static Condition, Wave), Unusable> {
        let (condition, wave) = catalogue()
            .find(|(_, wave)| wave.name == self.name)
            .ok_or_else(|| Unusable::Fault {
                name: self.name.clone(),
                known: catalogue().map(|(_, wave)| wave.name).collect(),
            })?;
        let (after, lasts) = (self.after, Length::Slots(self.slots));
        Ok((
            condition,
            Wave {
                after,
                lasts,
                ..*wave
            },
        ))
    }

    /// From which slot until which it may be seen.
    pub(super) const fn span(&self) -> (u32, u32) {
        (self.after, self.after + self.slots)
    }

    fn words(&self) -> String {
        let slots = |n: u32| count(n as usize, "slot");
        match self.after {
            0 => format!("{} for {}", self.name, slots(self.slots)),
            after => format!(
                "{} after {} for {}",
                self.name,
                slots(after),
                slots(self.slots)
            ),
        }
    }
}

/// Every fault, with the condition that has it.
pub(super) fn catalogue() -> impl Iterator<Item = (&'static Condition, &'static Wave)> {
    let conditions = CONDITIONS.iter();
    conditions.flat_map(|condition| condition.waves.iter().map(move |wave| (condition, wave)))
}

/// Every attack that can be made beside faults.
pub(super) fn attacks() -> Vec<Scenario> {
    let all = crate::scenarios().into_iter();
    let attacks = all.filter(|one| one.tags.contains(&"attack"));
    attacks.filter(|one| !one.tags.contains(&"alone")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_what_it_is_about_or_what_is_wrong_with_it() {
        let text = "seed: 7\nset: {validator.replicas: 8}\nfaults: [{name: validator-offline, slots: 6}]\nload: 1";
        let drawn = Drawn::read(text).expect("a scenario");
        assert_eq!(
            drawn.words(),
            "small with validator.replicas=8; validator-offline for 6 slots; 1 transfer more a slot"
        );
        let sure = Drawn::read(&format!("{text}\nfailed: 2 of 2")).expect("a scenario");
        assert_eq!(sure.words(), drawn.words());
        let flake = Drawn::read(&format!("{text}\nfailed: 1 of 2")).expect("a scenario");
        let told = format!("{}; it failed in 1 of 2 runs", drawn.words());
        assert_eq!(flake.words(), told);
        let refused = |text: &str| Drawn::read(text).expect_err("refused").to_string();
        assert!(
            refused("seed: 7\nfaults: [{name: validator-ofline, slots: 6}]")
                .contains("no fault `validator-ofline`: there are validator-offline")
        );
        assert!(refused("seed: 7\nattack: load").contains("no attack `load`: there are attack-"));
        assert!(refused("seed: 7\nloads: 1").contains("unknown field `loads`"));
        assert!(refused("seed: 7\nfailed: twice").contains("`twice` is not like `2 of 2`"));
        assert!(refused("faults: []").contains("missing field `seed`"));
    }
}
