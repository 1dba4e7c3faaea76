//! Aztec 6.0, from its sources of August and September 2026, its change log and operators' documents; never run here.

use super::methods;
use super::profile::{Environment, Proof, Release};
use super::v5_2::{BLOCKS, DROPPED, MAX_EXIT_DELAY, OFFENCES, RENAMED, START, TEST_ACCOUNTS};

pub(super) const RELEASE: Release = Release {
    name: "6.0",
    version: "6.0.0",
    proof: Proof::Read,
    image: "azteclabs/aztec",
    scopes: &["@aztec-labs", "@aztec-foundation"],
    start: START,
    environment: Environment {
        renamed: &RENAMED,
        dropped: &DROPPED,
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
};
