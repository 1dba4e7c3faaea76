//! Aztec 6.0, from its sources of August and September 2026, its change log and operators' documents; never run here.

use super::methods;
use super::profile::{Environment, NodeMemory, Proof, Release};
use super::v5_2::{BLOCKS, MAX_EXIT_DELAY, OFFENCES, RENAMED, START, TEST_ACCOUNTS};
use crate::units::Bytes;

pub(super) const RELEASE: Release = Release {
    name: "6.0",
    version: "6.0.0",
    proof: Proof::Read,
    image: "azteclabs/aztec",
    scopes: &["@aztec-labs", "@aztec-foundation"],
    start: START,
    environment: Environment {
        renamed: &RENAMED,
        dropped: &[
            "SLASH_PRUNE_PENALTY",
            "SLASH_ATTEST_DESCENDANT_OF_INVALID_PENALTY",
            "SEQ_ENFORCE_TIME_TABLE",
            "FORGE_BROADCAST_MAX_RETRIES",
            // Still listed, and looked at by nothing.
            "SEQ_L1_PUBLISHING_TIME_ALLOWANCE_IN_SLOT",
        ],
        // anvil traces, but a node looks only at transactions of the newest ten blocks, and a quiet chain has none.
        on_own_anvil: &[("ETHEREUM_ALLOW_NO_DEBUG_HOSTS", "true")],
    },
    offences: OFFENCES,
    methods: methods::NEW,
    blocks: Some(BLOCKS),
    max_exit_delay: Some(MAX_EXIT_DELAY),
    test_accounts: TEST_ACCOUNTS,
    needs_traces: true,
    signing_protection: true,
    publishers_must_afford: true,
    wallet: false,
    tells_own_slashing: true,
    tells_low_balance: true,
    node_memory: NodeMemory {
        measured: None,
        // "16 GB" for full nodes.
        recommended: Some(Bytes(16_000_000_000)),
    },
};
