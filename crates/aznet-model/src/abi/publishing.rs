//! What proposers and provers send to the rollup, and why it refuses them. Signatures are those of `@aztec/l1-artifacts`
//! 4.1.2.

use alloy_primitives::{Address, Bytes};
use alloy_sol_types::{SolCall, SolError, sol};

sol! {
    /// A signature.
    #[derive(Debug, PartialEq, Eq)]
    struct Signature { uint8 v; bytes32 r; bytes32 s; }

    /// Who of the committee attests, and the addresses of the others.
    #[derive(Debug, PartialEq, Eq)]
    struct CommitteeAttestations {
        bytes signatureIndices;
        bytes signaturesOrAddresses;
    }

    /// Prices of gas.
    #[derive(Debug, PartialEq, Eq)]
    struct GasFees { uint128 feePerDaGas; uint128 feePerL2Gas; }

    /// The header of a checkpoint.
    #[derive(Debug, PartialEq, Eq)]
    struct ProposedHeader {
        bytes32 lastArchiveRoot;
        bytes32 blockHeadersHash;
        bytes32 blobsHash;
        bytes32 inHash;
        bytes32 outHash;
        uint256 slotNumber;
        uint256 timestamp;
        address coinbase;
        bytes32 feeRecipient;
        GasFees gasFees;
        uint256 totalManaUsed;
    }

    /// What a proposer says of the fee asset's price.
    #[derive(Debug, PartialEq, Eq)]
    struct OracleInput { int256 feeAssetPriceModifier; }

    /// A checkpoint.
    #[derive(Debug, PartialEq, Eq)]
    struct ProposeArgs {
        bytes32 archive;
        OracleInput oracleInput;
        ProposedHeader header;
    }

    /// What an epoch's proof is about.
    #[derive(Debug, PartialEq, Eq)]
    struct PublicInputArgs {
        bytes32 previousArchive;
        bytes32 endArchive;
        bytes32 outHash;
        address proverId;
    }

    /// An epoch's proof.
    #[derive(Debug, PartialEq, Eq)]
    struct SubmitEpochRootProofArgs {
        uint256 start;
        uint256 end;
        PublicInputArgs args;
        bytes32[] fees;
        CommitteeAttestations attestations;
        bytes blobInputs;
        bytes proof;
    }

    /// The rollup, as proposers and provers write to it.
    interface Publishing {
        /// Puts a checkpoint on L1.
        #[derive(Debug, PartialEq, Eq)]
        function propose(
            ProposeArgs args, CommitteeAttestations attestations, address[] signers,
            Signature attestationsAndSignersSignature, bytes blobInput
        ) external;
        /// Proves an epoch, or its beginning.
        #[derive(Debug, PartialEq, Eq)]
        function submitEpochRootProof(SubmitEpochRootProofArgs args) external;
        /// The root of the archive with this checkpoint as its last.
        function archiveAt(uint256 checkpointNumber) external view returns (bytes32);
        /// What a unit of mana costs at least at a time.
        function getManaMinFeeAt(uint256 timestamp, bool inFeeAsset) external view returns (uint256);
        /// A proof was accepted.
        event L2ProofVerified(uint256 indexed checkpointNumber, address indexed proverId);
    }

    /// Many calls in one transaction.
    interface Multicall {
        /// One of them.
        struct Call3 { address target; bool allowFailure; bytes callData; }
        /// Makes them in this order.
        function aggregate3(Call3[] calls) external payable;
    }

    /// Why the rollup refuses.
    interface Refusals {
        /// Another archive is the last.
        error Rollup__InvalidArchive(bytes32 expected, bytes32 actual);
        /// Another archive was the last before.
        error Rollup__InvalidPreviousArchive(bytes32 expected, bytes32 actual);
        /// There is no such checkpoint.
        error Rollup__InvalidCheckpointNumber(uint256 expected, uint256 actual);
        /// Other messages go out.
        error Rollup__InvalidOutHash(bytes32 expected, bytes32 actual);
        /// Other messages come in.
        error Rollup__InvalidInHash(bytes32 expected, bytes32 actual);
        /// The verifier refuses the proof.
        error Rollup__InvalidProof();
        /// The verifier, of a proof with too few or too many bytes.
        error ProofLengthWrongWithLogN(uint256 logN, uint256 actualLength, uint256 expectedLength);
        /// The verifier, of a number that is too large for its place.
        error ValueGeLimbMax();
        /// The verifier, of a proof of something else.
        error SumcheckFailed();
        /// These are not the attestations that came with the checkpoint.
        error Rollup__InvalidAttestations();
        /// The transaction has other blobs.
        error Rollup__InvalidBlobHash(bytes32 expected, bytes32 actual);
        /// The blobs don't hold what is said of them.
        error Rollup__InvalidBlobProof(bytes32 blobHash);
        /// The slot has its checkpoint.
        error Rollup__SlotAlreadyInChain(uint256 lastSlot, uint256 proposedSlot);
        /// The price of mana is another one.
        error Rollup__InvalidManaMinFee(uint256 expected, uint256 actual);
        /// Checkpoints of two epochs.
        error Rollup__StartAndEndNotSameEpoch(uint256 start, uint256 end);
        /// Checkpoints before it are left out.
        error Rollup__StartIsNotFirstCheckpointOfEpoch();
        /// What is before it is not proven.
        error Rollup__StartIsNotBuildingOnProven();
        /// It comes too late.
        error Rollup__PastDeadline(uint256 deadline, uint256 currentEpoch);
        /// It came before.
        error Rollup__ProverHaveAlreadySubmitted(address prover, uint256 epoch);
        /// The header is of another slot.
        error HeaderLib__InvalidSlotNumber(uint256 expected, uint256 actual);
        /// The proposer did not sign.
        error ValidatorSelection__MissingProposerSignature(address proposer, uint256 index);
        /// This is not the committee.
        error ValidatorSelection__InvalidCommitteeCommitment(bytes32 reconstructed, bytes32 expected);
        /// Somebody else signed.
        error SignatureLib__InvalidSignature(address expected, address recovered);
        /// Nobody can have signed so.
        error ECDSAInvalidSignature();
    }
}

/// The name of the error that a call of the rollup reverted with; `None`: none that is known here.
pub fn refusal(output: &[u8]) -> Option<&'static str> {
    let selector = output.first_chunk()?;
    Refusals::RefusalsErrors::name_by_selector(*selector)
}

/// How many bytes a proof must have, as the verifier says of one that has others.
pub fn proof_length(output: &[u8]) -> Option<usize> {
    let refusal = Refusals::ProofLengthWrongWithLogN::abi_decode(output).ok()?;
    refusal.expectedLength.try_into().ok()
}

/// The call `C` in a transaction's input: itself, or one of many.
pub fn call_in<C: SolCall>(input: &[u8]) -> Option<C> {
    if let Ok(call) = C::abi_decode(input) {
        return Some(call);
    }
    let many = Multicall::aggregate3Call::abi_decode(input).ok()?;
    many.calls
        .iter()
        .find_map(|one| C::abi_decode(&one.callData).ok())
}

impl CommitteeAttestations {
    /// A committee none of whom attests, but for the one at a place who is said to have signed so.
    pub fn of(committee: &[Address], signed: Option<(usize, &Signature)>) -> Self {
        let mut indices = vec![0_u8; committee.len().div_ceil(8)];
        let mut all = Vec::new();
        for (place, member) in committee.iter().enumerate() {
            match signed {
                Some((at, signature)) if at == place => {
                    indices[place / 8] |= 0x80 >> (place % 8);
                    all.push(signature.v);
                    all.extend_from_slice(signature.r.as_slice());
                    all.extend_from_slice(signature.s.as_slice());
                }
                _ => all.extend_from_slice(member.as_slice()),
            }
        }
        Self {
            signatureIndices: Bytes::from(indices),
            signaturesOrAddresses: Bytes::from(all),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{B256, U256, hex};
    use alloy_sol_types::SolError;

    use super::*;

    /// As `l1-artifacts` 4.1.2 has them in `Rollup.json`.
    #[test]
    fn selectors_are_those_of_the_release() {
        assert_eq!(Publishing::proposeCall::SELECTOR, hex!("85b98fd8"));
        assert_eq!(
            Publishing::submitEpochRootProofCall::SELECTOR,
            hex!("d8ea4277")
        );
        assert_eq!(Publishing::archiveAtCall::SELECTOR, hex!("3777e863"));
        assert_eq!(Publishing::getManaMinFeeAtCall::SELECTOR, hex!("766d01b4"));
    }

    #[test]
    fn a_refusal_is_named() {
        let output = Refusals::Rollup__InvalidArchive {
            expected: B256::ZERO,
            actual: B256::repeat_byte(1),
        };
        assert_eq!(
            refusal(&output.abi_encode()),
            Some("Rollup__InvalidArchive")
        );
        assert_eq!(refusal(&[1, 2, 3, 4]), None);
        assert_eq!(refusal(&[]), None);
    }

    #[test]
    fn a_call_is_found_by_itself_and_among_others() {
        let call = Publishing::archiveAtCall {
            checkpointNumber: U256::from(7),
        };
        let other = Multicall::Call3 {
            target: Address::ZERO,
            allowFailure: false,
            callData: Bytes::from_static(&[1]),
        };
        let ours = Multicall::Call3 {
            callData: call.abi_encode().into(),
            ..other.clone()
        };
        let many = Multicall::aggregate3Call {
            calls: vec![other, ours],
        };
        for input in [call.abi_encode(), many.abi_encode()] {
            let found = call_in::<Publishing::archiveAtCall>(&input);
            assert_eq!(found.map(|call| call.checkpointNumber), Some(U256::from(7)));
        }
        assert!(call_in::<Publishing::archiveAtCall>(&[1, 2]).is_none());
    }

    /// The first member is the highest bit, and a signature is in the place of an address.
    #[test]
    fn a_committee_is_packed_as_the_contract_reads_it() {
        let committee = [Address::repeat_byte(1), Address::repeat_byte(2)];
        let none = CommitteeAttestations::of(&committee, None);
        assert_eq!(
            (
                none.signatureIndices.as_ref(),
                none.signaturesOrAddresses.len()
            ),
            (&[0][..], 40)
        );
        let signature = Signature {
            v: 27,
            r: B256::repeat_byte(3),
            s: B256::repeat_byte(4),
        };
        let second = CommitteeAttestations::of(&committee, Some((1, &signature)));
        assert_eq!(second.signatureIndices.as_ref(), &[0x40]);
        let packed = second.signaturesOrAddresses;
        assert_eq!(
            (packed.len(), packed[20], packed[21], packed[84]),
            (85, 27, 3, 4)
        );
    }
}
