//! What the planner refuses and the chart lets through: everything else the two must refuse alike.

use aznet_model::values::Problem;

/// A rule that only the planner has.
struct Lenient {
    /// Key of the problem; `*` is any part of it.
    key: &'static str,
    /// How what the planner expects begins.
    expected: &'static str,
    /// Why a template can't have the rule, or need not.
    #[expect(dead_code, reason = "for whoever reads or lengthens the list")]
    why: &'static str,
}

const LENIENT: [Lenient; 1] = [Lenient {
    key: "keys.mnemonic",
    expected: "12 to 24 English words",
    why: "a template can't work out the checksum of a mnemonic",
}];

/// Whether the chart may let this through.
pub(super) fn may_pass(problem: &Problem) -> bool {
    LENIENT
        .iter()
        .any(|rule| problem.expected.starts_with(rule.expected) && matches(rule.key, &problem.key))
}

fn matches(pattern: &str, key: &str) -> bool {
    let (pattern, key): (Vec<_>, Vec<_>) = (pattern.split('.').collect(), key.split('.').collect());
    pattern.len() == key.len()
        && pattern
            .iter()
            .zip(&key)
            .all(|(pattern, part)| *pattern == "*" || pattern == part)
}
