//! Which key index belongs to whom.

use crate::keys::{INDEX_LIMIT, KeyRange, ReplicaKeys};
use crate::role::Role;
use crate::values::{Problem, Validators, Values};
use crate::workload::Workload;
use serde::Serialize;

/// Keys that need money on L1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Prefund {
    /// The keys.
    pub keys: KeyRange,
    /// Who holds them: the name of a workload, e.g. `validator`.
    pub holder: String,
    /// What they pay for.
    pub purpose: &'static str,
}

/// How far a workload may be scaled before its keys run into another's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Room {
    /// Pods it may have.
    pub replicas: u64,
    /// Whose keys come next: the name of a workload, or `boot-node` for the deployer's.
    pub before: String,
}

/// What a run of keys is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Deploy,
    Attest,
    Publish,
    Prove,
}

/// A run of indices, with the values key that places it.
struct Claim {
    key: String,
    holder: Workload,
    purpose: Purpose,
    keys: ReplicaKeys,
    replicas: u32,
}

impl Claim {
    fn range(&self) -> KeyRange {
        self.keys.of_first(self.replicas)
    }
}

fn claims(values: &Values) -> Vec<Claim> {
    let (keys, prover) = (&values.keys, &values.prover_node);
    let mut claims = vec![Claim {
        key: "keys.deployerIndex".to_owned(),
        holder: Role::BootNode.into(),
        purpose: Purpose::Deploy,
        keys: ReplicaKeys {
            start: keys.deployer_index.into(),
            per_replica: 1,
        },
        replicas: 1,
    }];
    for group in values.validators() {
        claims.extend(claims_of(values, &group));
    }
    claims.push(Claim {
        key: "keys.proverIndexStart".to_owned(),
        holder: Role::ProverNode.into(),
        purpose: Purpose::Prove,
        keys: ReplicaKeys {
            start: keys.prover_index_start.into(),
            per_replica: prover.publishers_per_replica.into(),
        },
        replicas: prover.replicas,
    });
    claims
}

fn claims_of(values: &Values, group: &Validators) -> [Claim; 2] {
    let claim = |key: &str, start: u32, each: u32, purpose| Claim {
        key: match group.workload.group() {
            Some(_) => format!("{}.keyOffset", group.workload.values_key()),
            None => key.to_owned(),
        },
        holder: group.workload.clone(),
        purpose,
        keys: ReplicaKeys {
            start: u64::from(start) + u64::from(group.key_offset),
            per_replica: each.into(),
        },
        replicas: group.replicas,
    };
    [
        claim(
            "keys.attesterIndexStart",
            values.keys.attester_index_start,
            group.keys_per_replica,
            Purpose::Attest,
        ),
        claim(
            "keys.publisherIndexStart",
            values.keys.publisher_index_start,
            group.publishers_per_replica,
            Purpose::Publish,
        ),
    ]
}

pub(super) fn problems(values: &Values) -> Vec<Problem> {
    let claims = claims(values);
    let mut problems = Vec::new();
    for (n, claim) in claims.iter().enumerate() {
        let range = claim.range();
        if range.end() > INDEX_LIMIT {
            let expected = format!("indices below {INDEX_LIMIT}");
            let seen = format!("keys {range}");
            problems.push(Problem::new(&claim.key, seen, expected, "start lower"));
        }
        let clashes = claims[..n]
            .iter()
            .filter(|other| other.range().overlaps(range));
        problems.extend(clashes.map(|other| overlap(claim, other)));
    }
    problems
}

fn overlap(claim: &Claim, other: &Claim) -> Problem {
    let (range, theirs) = (claim.range(), other.range());
    let remedy = if claim.holder.group().is_some() && claim.purpose == other.purpose {
        let apart = theirs.end().saturating_sub(range.start);
        format!("make it {apart} more, with room for more pods")
    } else {
        format!("start at {} or later, or leave the default", theirs.end())
    };
    Problem::new(
        &claim.key,
        format!("keys {range} overlap those of {} ({theirs})", other.key),
        "ranges that share no key: one key in two hands gets a validator slashed and its transactions stuck",
        remedy,
    )
}

/// The keys of a kind that a pod holds.
fn held(
    values: &Values,
    workload: &Workload,
    ordinal: u32,
    purposes: &[Purpose],
) -> Option<KeyRange> {
    claims(values)
        .iter()
        .find(|claim| claim.holder == *workload && purposes.contains(&claim.purpose))
        .map(|claim| claim.keys.of_replica(ordinal))
}

pub(super) fn attesters(values: &Values, workload: &Workload, ordinal: u32) -> Option<KeyRange> {
    held(values, workload, ordinal, &[Purpose::Attest])
}

pub(super) fn publishers(values: &Values, workload: &Workload, ordinal: u32) -> Option<KeyRange> {
    held(
        values,
        workload,
        ordinal,
        &[Purpose::Publish, Purpose::Prove],
    )
}

/// The room that a workload's keys leave it; `None` where nothing is above them, or it holds none.
pub(super) fn room(values: &Values, workload: &Workload) -> Option<Room> {
    let claims = claims(values);
    let own = claims
        .iter()
        .filter(|claim| claim.holder == *workload && claim.purpose != Purpose::Deploy);
    let rooms = own.filter_map(|claim| {
        let next = claims
            .iter()
            .filter(|other| other.keys.start > claim.keys.start && other.range().count > 0)
            .min_by_key(|other| other.keys.start)?;
        Some(Room {
            replicas: (next.keys.start - claim.keys.start) / claim.keys.per_replica.max(1),
            before: next.holder.name(),
        })
    });
    rooms.min_by_key(|room| room.replicas)
}

pub(super) fn prefund(values: &Values) -> Vec<Prefund> {
    let deploys = values.network.registry_address.is_empty();
    let paid = claims(values).into_iter().filter_map(|claim| {
        let purpose = match claim.purpose {
            Purpose::Deploy if deploys => "deploys the L1 contracts and stakes for the validators",
            Purpose::Publish => "publish checkpoints",
            Purpose::Prove => "publish proofs",
            Purpose::Deploy | Purpose::Attest => return None,
        };
        Some(Prefund {
            keys: claim.range(),
            holder: claim.holder.name(),
            purpose,
        })
    });
    paid.filter(|prefund| prefund.keys.count > 0).collect()
}
