//! What the planner refuses and the chart lets through: everything else the two must refuse alike.

use aznet_model::values::Problem;

/// A rule that only the planner has.
struct Lenient {
    /// A part of the problem's key.
    key: &'static str,
    /// How what the planner expects begins.
    expected: &'static str,
    /// Why the chart does without the rule.
    #[expect(dead_code, reason = "for whoever reads or lengthens the list")]
    why: &'static str,
}

/// A rule, in one line.
const fn rule(key: &'static str, expected: &'static str, why: &'static str) -> Lenient {
    Lenient { key, expected, why }
}

const CONTRACTS: &str = "Aztec's contracts refuse it when the boot node deploys them; the arithmetic needs numbers of 128 bits";
const SEQUENCER: &str =
    "the sequencer refuses to start and says so; a template would repeat its timetable";
const NO_EFFECT: &str = "it does nothing: aznet says so, and there is nothing to refuse";
const API_SERVER: &str = "the API server refuses the object and names the field";

const LENIENT: [Lenient; 23] = [
    rule(
        "keys.mnemonic",
        "12 to 24 English words",
        "a template can't work out the checksum of a mnemonic",
    ),
    rule(
        "keys.",
        "indices below",
        "aznet-node refuses to derive such a key and names it",
    ),
    rule(
        ".keyOffset",
        "indices below",
        "aznet-node refuses to derive such a key and names it",
    ),
    rule(
        "keys.remoteSigner.pods.",
        "an address that",
        "a signer refuses nothing, but a template can't compare every address with every other",
    ),
    rule(
        "network.lagInEpochsForValidatorSet",
        "at least network.lagInEpochsForRandao",
        CONTRACTS,
    ),
    rule("network.slotDuration", "room for a block", SEQUENCER),
    rule(".blockDurationMs", "a block that a slot", SEQUENCER),
    rule("network.staking.", "no more than", CONTRACTS),
    rule("network.slashing.", "", CONTRACTS),
    rule(
        ".resources.requests.memory",
        "no more than the limit",
        API_SERVER,
    ),
    rule(
        ".resources.requests.cpu",
        "no more than the limit",
        API_SERVER,
    ),
    rule(
        ".maxOldSpaceSize",
        "a heap below",
        "a template can't compare quantities; the kernel ends the process at the limit",
    ),
    rule("Port", "a port", API_SERVER),
    rule(
        "Port",
        "another port than",
        "the process that comes second says that its port is taken",
    ),
    rule(
        "bootNode.joinBundles.port",
        "another port than",
        "the process that comes second says that its port is taken",
    ),
    rule(
        "bootNode.joinBundles.enabled",
        "false: the boot node",
        NO_EFFECT,
    ),
    rule(
        "bootNode.joinBundles.nodePort",
        "0: only bootNode.p2p.exposure",
        NO_EFFECT,
    ),
    rule(".service.", "nothing: only each pxe", NO_EFFECT),
    rule(".updateStrategy", "none: its pods", NO_EFFECT),
    rule(".podDisruptionBudget", "one of them", NO_EFFECT),
    rule(".p2p.exposure", "none: it has no p2p port", NO_EFFECT),
    rule(
        "bot.privateTransfersPerTx",
        "1 or more of either",
        NO_EFFECT,
    ),
    rule(
        ".announceIp",
        "an address and port for each pod",
        "peers find one of two pods; a template can't compare every address with every other",
    ),
];

/// Whether the chart may let this through.
pub(super) fn may_pass(problem: &Problem) -> bool {
    LENIENT
        .iter()
        .any(|rule| problem.key.contains(rule.key) && problem.expected.starts_with(rule.expected))
}
