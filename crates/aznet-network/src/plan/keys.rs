//! Which key index belongs to whom.

use crate::role::Role;
use crate::values::{Problem, Values};
use serde::Serialize;

/// Indices at and above this are hardened ones (BIP-32) and can't be used.
const INDEX_LIMIT: u64 = 1 << 31;

/// A run of key indices on the path `m/44'/60'/0'/0/{index}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyRange {
    /// First index.
    pub start: u64,
    /// How many.
    pub count: u64,
}

impl KeyRange {
    /// First index after the run.
    pub const fn end(self) -> u64 {
        self.start + self.count
    }

    /// `true` where the two runs share an index.
    pub const fn overlaps(self, other: Self) -> bool {
        self.count > 0 && other.count > 0 && self.start < other.end() && other.start < self.end()
    }
}

impl std::fmt::Display for KeyRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.count {
            0 => write!(f, "none"),
            1 => write!(f, "{}", self.start),
            _ => write!(f, "{} to {}", self.start, self.end() - 1),
        }
    }
}

/// Keys that need money on L1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Prefund {
    /// The keys.
    pub keys: KeyRange,
    /// Who holds them.
    pub holder: Role,
    /// What they pay for.
    pub purpose: &'static str,
}

/// A named run of indices, with the values key that places it.
struct Claim {
    key: &'static str,
    range: KeyRange,
}

fn claims(values: &Values) -> [Claim; 4] {
    let (keys, validator, prover) = (&values.keys, &values.validator, &values.prover_node);
    let run = |start: u32, replicas: u32, each: u32| KeyRange {
        start: start.into(),
        count: u64::from(replicas) * u64::from(each),
    };
    [
        Claim {
            key: "keys.deployerIndex",
            range: run(keys.deployer_index, 1, 1),
        },
        Claim {
            key: "keys.attesterIndexStart",
            range: run(
                keys.attester_index_start,
                validator.replicas,
                validator.keys_per_replica,
            ),
        },
        Claim {
            key: "keys.publisherIndexStart",
            range: run(
                keys.publisher_index_start,
                validator.replicas,
                validator.publishers_per_replica,
            ),
        },
        Claim {
            key: "keys.proverIndexStart",
            range: run(
                keys.prover_index_start,
                prover.replicas,
                prover.publishers_per_replica,
            ),
        },
    ]
}

pub(super) fn problems(values: &Values) -> Vec<Problem> {
    let claims = claims(values);
    let mut problems = Vec::new();
    for (n, claim) in claims.iter().enumerate() {
        if claim.range.end() > INDEX_LIMIT {
            let expected = format!("indices below {INDEX_LIMIT}");
            problems.push(Problem::new(
                claim.key,
                format!("keys {}", claim.range),
                expected,
                "start lower",
            ));
        }
        for other in claims[..n]
            .iter()
            .filter(|other| other.range.overlaps(claim.range))
        {
            problems.push(Problem::new(
                claim.key,
                format!("keys {} overlap those of {} ({})", claim.range, other.key, other.range),
                "ranges that share no key: one key in two hands gets a validator slashed and its transactions stuck",
                format!("start at {} or later, or leave the default", other.range.end()),
            ));
        }
    }
    problems
}

pub(super) fn attesters(values: &Values, role: Role, ordinal: u32) -> Option<KeyRange> {
    let each = values.validator.keys_per_replica;
    (role == Role::Validator).then(|| share(values.keys.attester_index_start, each, ordinal))
}

pub(super) fn publishers(values: &Values, role: Role, ordinal: u32) -> Option<KeyRange> {
    match role {
        Role::Validator => Some(share(
            values.keys.publisher_index_start,
            values.validator.publishers_per_replica,
            ordinal,
        )),
        Role::ProverNode => Some(share(
            values.keys.prover_index_start,
            values.prover_node.publishers_per_replica,
            ordinal,
        )),
        _ => None,
    }
}

fn share(start: u32, each: u32, ordinal: u32) -> KeyRange {
    KeyRange {
        start: u64::from(start) + u64::from(ordinal) * u64::from(each),
        count: each.into(),
    }
}

pub(super) fn prefund(values: &Values) -> Vec<Prefund> {
    let [deployer, _, publishers, provers] = claims(values).map(|claim| claim.range);
    let deployer_count = u64::from(values.network.registry_address.is_empty());
    let all = [
        Prefund {
            keys: KeyRange {
                count: deployer_count,
                ..deployer
            },
            holder: Role::BootNode,
            purpose: "deploys the L1 contracts and stakes for the validators",
        },
        Prefund {
            keys: publishers,
            holder: Role::Validator,
            purpose: "publish checkpoints",
        },
        Prefund {
            keys: provers,
            holder: Role::ProverNode,
            purpose: "publish proofs",
        },
    ];
    all.into_iter()
        .filter(|prefund| prefund.keys.count > 0)
        .collect()
}
