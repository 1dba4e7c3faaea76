//! What validators have noted of others, to vote on.

use std::fmt;

use alloy_primitives::Address;
use aznet_model::release::Methods;
use serde::Deserialize;
use serde_json::json;

use super::super::l2::number_or_string;
use super::super::rpc::{PodRpc, RpcError};

/// An offence as a validator keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Noted {
    /// Whose it is: an attester.
    pub validator: Address,
    /// What it is.
    pub offense_type: Kind,
    /// When it was: a slot, or for [`Kind::DataWithholding`], [`Kind::ValidEpochPruned`] and [`Kind::Inactivity`] an epoch.
    #[serde(deserialize_with = "number_or_string")]
    pub epoch_or_slot: u64,
}

/// What validators are voted on for, by the numbers that 4.1 has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(from = "u64")]
pub enum Kind {
    /// The data of an epoch can't be had.
    DataWithholding,
    /// An epoch that could have been proven was not.
    ValidEpochPruned,
    /// No duty was done.
    Inactivity,
    /// A block proposal with a state that its transactions don't lead to.
    InvalidBlock,
    /// A checkpoint on L1 that no quorum attests to.
    InsufficientAttestations,
    /// A checkpoint on L1 with an attestation that is none.
    IncorrectAttestations,
    /// An attestation to what follows an invalid checkpoint.
    AttestedDescendantOfInvalid,
    /// Two proposals for one place.
    DuplicateProposal,
    /// Attestations to two proposals of one slot.
    DuplicateAttestation,
    /// A number that is not known here.
    Other(u64),
}

impl From<u64> for Kind {
    fn from(number: u64) -> Self {
        match number {
            1 => Self::DataWithholding,
            2 => Self::ValidEpochPruned,
            3 => Self::Inactivity,
            4 => Self::InvalidBlock,
            5 => Self::InsufficientAttestations,
            6 => Self::IncorrectAttestations,
            7 => Self::AttestedDescendantOfInvalid,
            8 => Self::DuplicateProposal,
            9 => Self::DuplicateAttestation,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DataWithholding => "data withholding",
            Self::ValidEpochPruned => "an epoch without a proof",
            Self::Inactivity => "inactivity",
            Self::InvalidBlock => "an invalid block proposal",
            Self::InsufficientAttestations => "insufficient attestations",
            Self::IncorrectAttestations => "incorrect attestations",
            Self::AttestedDescendantOfInvalid => {
                "an attestation to what follows an invalid checkpoint"
            }
            Self::DuplicateProposal => "a duplicate proposal",
            Self::DuplicateAttestation => "a duplicate attestation",
            Self::Other(number) => return write!(f, "offence {number}"),
        })
    }
}

/// All offences that the validator behind this admin API has noted and not forgotten; nodes that are no validators refuse to
/// say.
///
/// # Errors
/// [`RpcError`].
pub async fn noted(rpc: &PodRpc, methods: &Methods) -> Result<Vec<Noted>, RpcError> {
    rpc.call(methods.slash_offenses, json!(["all"])).await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Aztec 4.1.2 writes it: bigints are texts.
    #[test]
    fn offences_are_read_as_nodes_write_them() {
        let text = r#"[{"validator":"0x00000000000000000000000000000000000000a7","amount":"0","offenseType":8,"epochOrSlot":"77"}]"#;
        let read: Vec<Noted> = serde_json::from_str(text).expect("offences");
        let validator = Address::with_last_byte(0xa7);
        let expected = Noted {
            validator,
            offense_type: Kind::DuplicateProposal,
            epoch_or_slot: 77,
        };
        assert_eq!(read, [expected]);
        assert_eq!(Kind::from(12).to_string(), "offence 12");
    }
}
