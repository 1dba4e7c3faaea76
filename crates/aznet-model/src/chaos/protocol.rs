//! Faults of the protocol: validators that misbehave by Aztec's own settings for tests.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// More transactions than a block ever has.
const NEVER: u32 = 1_000_000;

/// Validators that misbehave when they propose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProtocolFault {
    /// What they do.
    pub action: ProtocolAction,
}

/// What a proposer does that it must not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProtocolAction {
    /// It builds no block.
    WithholdProposals,
    /// It proposes, collects attestations, and publishes nothing to the L1.
    WithholdCheckpoints,
    /// It proposes blocks with a wrong state.
    InvalidProposals,
    /// It publishes checkpoints without waiting for the attestations of a quorum.
    MissingAttestations,
    /// It publishes an attestation by nobody of the committee.
    FakeAttestations,
    /// It publishes a signature whose s is too high.
    MalleableAttestations,
    /// It publishes a signature that nobody can have made.
    UnrecoverableAttestations,
    /// It publishes attestations in another order than the committee's.
    ShuffledAttestations,
    /// It leaves an invalid checkpoint before its own as it is.
    SpareInvalidCheckpoints,
}

impl ProtocolAction {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::WithholdProposals,
        Self::WithholdCheckpoints,
        Self::InvalidProposals,
        Self::MissingAttestations,
        Self::FakeAttestations,
        Self::MalleableAttestations,
        Self::UnrecoverableAttestations,
        Self::ShuffledAttestations,
        Self::SpareInvalidCheckpoints,
    ];

    /// As values write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WithholdProposals => "withhold-proposals",
            Self::WithholdCheckpoints => "withhold-checkpoints",
            Self::InvalidProposals => "invalid-proposals",
            Self::MissingAttestations => "missing-attestations",
            Self::FakeAttestations => "fake-attestations",
            Self::MalleableAttestations => "malleable-attestations",
            Self::UnrecoverableAttestations => "unrecoverable-attestations",
            Self::ShuffledAttestations => "shuffled-attestations",
            Self::SpareInvalidCheckpoints => "spare-invalid-checkpoints",
        }
    }

    /// The settings of Aztec's admin API that make a node do so.
    pub fn settings(self) -> Map<String, Value> {
        let on = |name: &str| Map::from_iter([(name.to_owned(), json!(true))]);
        match self {
            Self::WithholdProposals => Map::from_iter([
                ("buildCheckpointIfEmpty".to_owned(), json!(false)),
                ("minTxsPerBlock".to_owned(), json!(NEVER)),
            ]),
            Self::WithholdCheckpoints => {
                Map::from_iter([("skipPublishingCheckpointsPercent".to_owned(), json!(100))])
            }
            Self::InvalidProposals => on("broadcastInvalidBlockProposal"),
            Self::MissingAttestations => on("skipCollectingAttestations"),
            Self::FakeAttestations => on("injectFakeAttestation"),
            Self::MalleableAttestations => on("injectHighSValueAttestation"),
            Self::UnrecoverableAttestations => on("injectUnrecoverableSignatureAttestation"),
            Self::ShuffledAttestations => on("shuffleAttestationOrdering"),
            Self::SpareInvalidCheckpoints => on("skipInvalidateBlockAsProposer"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_action_has_a_name_and_settings_of_its_own() {
        let names = ProtocolAction::ALL.map(ProtocolAction::name);
        for (action, name) in ProtocolAction::ALL.into_iter().zip(names) {
            assert_eq!(serde_json::to_value(action).expect("JSON"), json!(name));
        }
        let settings =
            ProtocolAction::ALL.map(|action| Value::Object(action.settings()).to_string());
        assert_eq!(BTreeSet::from(settings).len(), ProtocolAction::ALL.len());
    }
}
