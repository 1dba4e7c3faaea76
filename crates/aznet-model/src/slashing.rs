//! Stakes, how validators lose them, and what nodes remember of validators. Amounts are decimal text in the
//! staking asset's smallest unit: they are larger than what YAML and JSON numbers hold exactly.

use alloy_primitives::U256;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

use crate::pattern::{ADDRESS, AMOUNT, SOME_ADDRESS};

/// Stakes of validators. Fixed on L1 when the contracts are deployed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Staking {
    /// What a validator deposits.
    #[schemars(regex(pattern = AMOUNT))]
    pub activation_threshold: String,
    /// A validator whose stake falls below this is ejected from every rollup.
    #[schemars(regex(pattern = AMOUNT))]
    pub ejection_threshold: String,
    /// Seconds between leaving and having the stake back.
    #[schemars(range(max = crate::limit::DECADE))]
    pub exit_delay_seconds: u64,
}

/// Punishment of validators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Slashing {
    /// How slashing is decided on L1.
    pub flavor: SlasherFlavor,
    /// Epochs in a round of votes.
    #[schemars(range(max = crate::limit::TURNS))]
    pub round_size_in_epochs: u64,
    /// Votes of a round's slots that execute a slash; `null`: more than half.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = crate::limit::COUNT))]
    pub quorum: Option<u64>,
    /// Offences of a round are voted on so many rounds later.
    #[schemars(range(max = crate::limit::TURNS))]
    pub offset_in_rounds: u64,
    /// Rounds between the votes and the execution, for the vetoer.
    #[schemars(range(max = crate::limit::TURNS))]
    pub execution_delay_in_rounds: u64,
    /// Rounds after which a vote can't be executed any more.
    #[schemars(range(max = crate::limit::TURNS))]
    pub lifetime_in_rounds: u64,
    /// Seconds for which the vetoer can switch slashing off.
    #[schemars(range(max = crate::limit::DECADE))]
    pub disable_duration_seconds: u64,
    /// Who may veto; empty: nobody.
    #[schemars(regex(pattern = ADDRESS))]
    pub vetoer: String,
    /// What one vote can take.
    pub amounts: SlashAmounts,
    /// A validator whose stake falls below this is ejected from this rollup.
    #[schemars(regex(pattern = AMOUNT))]
    pub local_ejection_threshold: String,
    /// Set every penalty to zero, so that no node votes to slash.
    pub disable_penalties: bool,
    /// What nodes vote to take for each offence.
    pub penalties: Penalties,
    /// When a validator counts as inactive.
    pub inactivity: Inactivity,
    /// Slots after the rollup became canonical in which offences don't count.
    #[schemars(range(max = crate::limit::COUNT))]
    pub grace_period_slots: u64,
    /// Rounds after which an offence is forgotten.
    #[schemars(range(max = crate::limit::COUNT))]
    pub offense_expiration_rounds: u64,
    /// Attesters that no node votes to slash.
    #[schemars(inner(regex(pattern = SOME_ADDRESS)))]
    pub never_slash: Vec<String>,
    /// Attesters that nodes always vote to slash, for tests.
    #[schemars(inner(regex(pattern = SOME_ADDRESS)))]
    pub always_slash: Vec<String>,
}

impl Slashing {
    /// Reads it from the text that pods read as [`crate::config::NetworkConfig`], and nothing else of that.
    ///
    /// # Errors
    /// What is missing.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Settings {
            slashing: Slashing,
        }
        serde_json::from_str(text).map(|Settings { slashing }| slashing)
    }

    /// What an offence with this penalty costs: the largest amount that is no more than it. `None`: nothing.
    pub fn taken(&self, penalty: &str) -> Option<U256> {
        let amounts = &self.amounts;
        let penalty = amount(penalty);
        [&amounts.large, &amounts.medium, &amounts.small]
            .map(|text| amount(text))
            .into_iter()
            .find(|one| *one <= penalty)
            .filter(|_| !self.disable_penalties)
    }

    /// Whether a validator of this rollup that has so much at stake stays one.
    pub fn keeps(&self, stake: U256) -> bool {
        stake >= amount(&self.local_ejection_threshold)
    }
}

/// The schema lets only digits through; what is too long for this is more than there can be of any asset.
fn amount(text: &str) -> U256 {
    text.parse().unwrap_or(U256::MAX)
}

/// The three amounts that tally votes choose from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SlashAmounts {
    /// For light offences.
    #[schemars(regex(pattern = AMOUNT))]
    pub small: String,
    /// For moderate offences.
    #[schemars(regex(pattern = AMOUNT))]
    pub medium: String,
    /// For severe offences.
    #[schemars(regex(pattern = AMOUNT))]
    pub large: String,
}

/// Penalties by offence; 0 ignores the offence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Penalties {
    /// The committee of an epoch that could have been proven and was pruned; in 4.1 only.
    #[schemars(regex(pattern = AMOUNT))]
    pub prune: String,
    /// The committee of an epoch whose transactions nobody can get.
    #[schemars(regex(pattern = AMOUNT))]
    pub data_withholding: String,
    /// A validator that missed too much; see `inactivity`.
    #[schemars(regex(pattern = AMOUNT))]
    pub inactivity: String,
    /// The proposer of an invalid block.
    #[schemars(regex(pattern = AMOUNT))]
    pub invalid_block: String,
    /// The proposer of two blocks for one place.
    #[schemars(regex(pattern = AMOUNT))]
    pub duplicate_proposal: String,
    /// A validator that attested to two proposals of a slot.
    #[schemars(regex(pattern = AMOUNT))]
    pub duplicate_attestation: String,
    /// The proposer of a checkpoint with too few or wrong attestations.
    #[schemars(regex(pattern = AMOUNT))]
    pub propose_invalid_attestations: String,
    /// Validators that attested to what follows an invalid checkpoint; in 4.1 only.
    #[schemars(regex(pattern = AMOUNT))]
    pub attest_descendant_of_invalid: String,
    /// The proposer of a checkpoint that follows one with invalid attestations; since 5.2, where Aztec's own holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = AMOUNT))]
    pub propose_descendant_of_invalid_attestations: Option<String>,
    /// A validator that attested to an invalid checkpoint; since 5.2, where Aztec's own holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = AMOUNT))]
    pub attest_invalid_checkpoint: Option<String>,
    /// The proposer of an invalid checkpoint; since 5.2, where Aztec's own holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = AMOUNT))]
    pub invalid_checkpoint: Option<String>,
    /// Anything else.
    #[schemars(regex(pattern = AMOUNT))]
    pub unknown: String,
}

/// What a validator can be slashed for. Which of them a node knows is in its release's profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offence {
    /// [`Penalties::prune`].
    Prune,
    /// [`Penalties::data_withholding`].
    DataWithholding,
    /// [`Penalties::inactivity`].
    Inactivity,
    /// [`Penalties::invalid_block`].
    InvalidBlock,
    /// [`Penalties::duplicate_proposal`].
    DuplicateProposal,
    /// [`Penalties::duplicate_attestation`].
    DuplicateAttestation,
    /// [`Penalties::propose_invalid_attestations`].
    ProposeInvalidAttestations,
    /// [`Penalties::attest_descendant_of_invalid`].
    AttestDescendantOfInvalid,
    /// [`Penalties::propose_descendant_of_invalid_attestations`].
    ProposeDescendantOfInvalidAttestations,
    /// [`Penalties::attest_invalid_checkpoint`].
    AttestInvalidCheckpoint,
    /// [`Penalties::invalid_checkpoint`].
    InvalidCheckpoint,
    /// [`Penalties::unknown`].
    Unknown,
}

impl Offence {
    /// Offences that not every release has, with their keys in the values.
    pub const NOT_IN_ALL: [(Self, &'static str); 5] = [
        (Self::Prune, "prune"),
        (Self::AttestDescendantOfInvalid, "attestDescendantOfInvalid"),
        (
            Self::ProposeDescendantOfInvalidAttestations,
            "proposeDescendantOfInvalidAttestations",
        ),
        (Self::AttestInvalidCheckpoint, "attestInvalidCheckpoint"),
        (Self::InvalidCheckpoint, "invalidCheckpoint"),
    ];
}

/// The chart's own penalty for offences that all older releases have: whoever gives another one means it.
const USUAL: &str = "10000000000000000000";

impl Penalties {
    /// Whether someone wants an offence punished that a release may lack, and how.
    pub fn asks_for(&self, offence: Offence) -> bool {
        self.of(offence).is_some_and(|penalty| {
            let usual = matches!(offence, Offence::Prune | Offence::AttestDescendantOfInvalid);
            penalty.bytes().any(|digit| digit != b'0') && !(usual && penalty == USUAL)
        })
    }

    /// The penalty for an offence; `None`: the node's own.
    pub fn of(&self, offence: Offence) -> Option<&str> {
        Some(match offence {
            Offence::Prune => &self.prune,
            Offence::DataWithholding => &self.data_withholding,
            Offence::Inactivity => &self.inactivity,
            Offence::InvalidBlock => &self.invalid_block,
            Offence::DuplicateProposal => &self.duplicate_proposal,
            Offence::DuplicateAttestation => &self.duplicate_attestation,
            Offence::ProposeInvalidAttestations => &self.propose_invalid_attestations,
            Offence::AttestDescendantOfInvalid => &self.attest_descendant_of_invalid,
            Offence::ProposeDescendantOfInvalidAttestations => {
                self.propose_descendant_of_invalid_attestations.as_deref()?
            }
            Offence::AttestInvalidCheckpoint => self.attest_invalid_checkpoint.as_deref()?,
            Offence::InvalidCheckpoint => self.invalid_checkpoint.as_deref()?,
            Offence::Unknown => &self.unknown,
        })
    }
}

/// When a validator counts as inactive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inactivity {
    /// Percent of an epoch's duties missed.
    #[schemars(range(min = 1, max = 100))]
    pub missed_percent: u32,
    /// Epochs in a row.
    #[schemars(range(min = 1, max = crate::limit::TURNS))]
    pub consecutive_epochs: u64,
}

/// Statistics of the validators, kept by nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sentinel {
    /// Keep them. Inactivity is only seen with them.
    pub enabled: bool,
    /// Epochs of history of each validator.
    #[schemars(range(min = 1, max = crate::limit::COUNT))]
    pub history_length_in_epochs: u64,
    /// Proven epochs whose performance is remembered.
    #[schemars(range(min = 1, max = crate::limit::COUNT))]
    pub proven_history_length_in_epochs: u64,
}

/// How slashing is decided on L1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SlasherFlavor {
    /// Proposers vote on each offence.
    Tally,
    /// Proposers vote on a payload.
    Empire,
    /// Nobody is slashed.
    None,
}

impl fmt::Display for SlasherFlavor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tally => "tally",
            Self::Empire => "empire",
            Self::None => "none",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flavor_reads_as_it_is_written() {
        for flavor in [
            SlasherFlavor::Tally,
            SlasherFlavor::Empire,
            SlasherFlavor::None,
        ] {
            let written = serde_json::to_value(flavor).unwrap();
            assert_eq!(written, flavor.to_string());
        }
    }
}
