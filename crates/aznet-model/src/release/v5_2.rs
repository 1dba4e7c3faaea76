//! Aztec 5.2, from its packages (`foundation`, `cli`, `prover-node`, `node-keystore`) and operators' documents; never run here.

use super::methods;
use super::profile::{
    Blocks, Budgets, Environment, NodeMemory, Proof, Release, Renamed, Start, TestAccounts,
};
use crate::slashing::Offence;
use crate::units::Bytes;

pub(super) const RELEASE: Release = Release {
    name: "5.2",
    version: "5.2.0",
    proof: Proof::Read,
    image: "aztecprotocol/aztec",
    scopes: &["@aztec"],
    start: START,
    environment: Environment {
        renamed: &RENAMED,
        dropped: DROPPED,
        on_own_anvil: &[],
    },
    offences: OFFENCES,
    methods: methods::NEW,
    blocks: Some(BLOCKS),
    max_exit_delay: Some(MAX_EXIT_DELAY),
    test_accounts: TEST_ACCOUNTS,
    needs_traces: false,
    signing_protection: true,
    publishers_must_afford: false,
    wallet: false,
    tells_own_slashing: true,
    tells_low_balance: false,
    node_memory: NodeMemory {
        measured: None,
        // "8 GB" for nodes and sequencers.
        recommended: Some(Bytes(8_000_000_000)),
    },
};

/// `--archiver` is no option any more, and an unknown option ends the program.
pub(super) const START: Start = Start {
    node: &["start", "--node"],
    validator: &["start", "--node", "--sequencer"],
    prover_node: &["start", "--prover-node"],
    lone_prover_node: &["start", "--node"],
    gone: &["--archiver", "--pxe", "--enable-version-check"],
};

/// There is one slasher, the tally, and a switch.
pub(super) const RENAMED: [Renamed; 3] = [
    Renamed {
        from: "AZTEC_SLASHER_FLAVOR",
        to: "AZTEC_SLASHER_ENABLED",
        values: &[("tally", "true"), ("none", "false")],
    },
    Renamed {
        from: "ENABLE_VERSION_CHECK",
        to: "ENABLE_AUTO_SHUTDOWN",
        values: &[],
    },
    Renamed {
        from: "SENTINEL_HISTORIC_PROVEN_PERFORMANCE_LENGTH_IN_EPOCHS",
        to: "SENTINEL_HISTORIC_EPOCH_PERFORMANCE_LENGTH_IN_EPOCHS",
        values: &[],
    },
];

pub(super) const DROPPED: &[&str] = &[
    "SLASH_PRUNE_PENALTY",
    "SLASH_ATTEST_DESCENDANT_OF_INVALID_PENALTY",
    "SEQ_ENFORCE_TIME_TABLE",
    "FORGE_BROADCAST_MAX_RETRIES",
];

pub(super) const OFFENCES: &[(Offence, &str)] = &[
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
        Offence::ProposeDescendantOfInvalidAttestations,
        "SLASH_PROPOSE_DESCENDANT_OF_CHECKPOINT_WITH_INVALID_ATTESTATIONS_PENALTY",
    ),
    (
        Offence::AttestInvalidCheckpoint,
        "SLASH_ATTEST_INVALID_CHECKPOINT_PROPOSAL_PENALTY",
    ),
    (
        Offence::InvalidCheckpoint,
        "SLASH_INVALID_CHECKPOINT_PROPOSAL_PENALTY",
    ),
    (Offence::Unknown, "SLASH_UNKNOWN_PENALTY"),
];

/// The proposer of a slot builds in the one before, and several blocks.
pub(super) const BLOCKS: Blocks = Blocks {
    default_duration: 3000,
    usual: Budgets {
        p2p: 2000,
        prepare: 1000,
        shortest_block: 2000,
    },
    fast: Budgets {
        p2p: 500,
        prepare: 500,
        shortest_block: 1000,
    },
};

/// 60 days.
pub(super) const MAX_EXIT_DELAY: u64 = 60 * 24 * 3600;

/// Without a contract to initialize. Their addresses come from signing keys that a bot's environment can't give.
pub(super) const TEST_ACCOUNTS: TestAccounts = TestAccounts {
    need_deployment: false,
    bots: 1,
    secrets_for_bots: false,
};
