//! Aztec 4.1: the names that everything here is written in.

use super::methods;
use super::profile::{Environment, NodeMemory, Proof, Release, Start, TestAccounts};
use crate::slashing::Offence;
use crate::units::Bytes;

pub(super) const RELEASE: Release = Release {
    name: "4.1",
    version: "4.1.2",
    proof: Proof::Run,
    image: "aztecprotocol/aztec",
    scopes: &["@aztec"],
    start: Start {
        node: &["start", "--node", "--archiver"],
        validator: &["start", "--node", "--archiver", "--sequencer"],
        prover_node: &["start", "--node", "--archiver", "--prover-node"],
        // `--prover-node` insists on a broker elsewhere: this one is enabled by its environment.
        lone_prover_node: &["start", "--node", "--archiver"],
        gone: &[],
    },
    environment: Environment {
        renamed: &[],
        dropped: &[],
        on_own_anvil: &[],
    },
    offences: &[
        (Offence::Prune, "SLASH_PRUNE_PENALTY"),
        (Offence::DataWithholding, "SLASH_DATA_WITHHOLDING_PENALTY"),
        (Offence::Inactivity, "SLASH_INACTIVITY_PENALTY"),
        (Offence::InvalidBlock, "SLASH_INVALID_BLOCK_PENALTY"),
        (
            Offence::DuplicateProposal,
            "SLASH_DUPLICATE_PROPOSAL_PENALTY",
        ),
        (
            Offence::DuplicateAttestation,
            "SLASH_DUPLICATE_ATTESTATION_PENALTY",
        ),
        (
            Offence::ProposeInvalidAttestations,
            "SLASH_PROPOSE_INVALID_ATTESTATIONS_PENALTY",
        ),
        (
            Offence::AttestDescendantOfInvalid,
            "SLASH_ATTEST_DESCENDANT_OF_INVALID_PENALTY",
        ),
        (Offence::Unknown, "SLASH_UNKNOWN_PENALTY"),
    ],
    methods: methods::OLD,
    blocks: None,
    max_exit_delay: None,
    test_accounts: TestAccounts {
        need_deployment: true,
        bots: 3,
        secrets_for_bots: true,
    },
    needs_traces: false,
    signing_protection: false,
    publishers_must_afford: false,
    wallet: true,
    tells_own_slashing: false,
    tells_low_balance: false,
    node_memory: NodeMemory {
        // 520 to 890 MB.
        measured: Some(Bytes::mebibytes(850)),
        recommended: None,
    },
};
