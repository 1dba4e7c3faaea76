//! What a wish to add or remove validators comes to: pure decisions over what was seen.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use alloy_primitives::Address;
use aznet_model::{
    pod::PodName,
    report::{Attester, Standing},
};

use super::{Group, Validators};

/// Whom to remove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal {
    /// So many pods of a workload, the last ones.
    Count {
        /// The workload.
        workload: String,
        /// How many.
        count: u32,
    },
    /// Pods by name.
    Pods(Vec<String>),
    /// Single attesters.
    Attesters(Vec<Address>),
}

/// Validators to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addition {
    /// The workload.
    pub workload: String,
    /// Its pods afterwards.
    pub replicas: u32,
    /// The new pods that will validate.
    pub pods: Vec<String>,
    /// New pods that will not: their attesters were in the set before.
    pub idle: Vec<String>,
}

/// Validators to be removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removal {
    /// Who leaves the set, by the pod that signs for it.
    pub leaving: BTreeMap<String, Vec<Address>>,
    /// Pods of each workload afterwards; only those that change.
    pub replicas: BTreeMap<String, u32>,
    /// Pods that stay, without a place in the set.
    pub kept: Vec<String>,
}

impl Removal {
    /// Everyone who leaves.
    pub fn attesters(&self) -> Vec<Address> {
        self.leaving.values().flatten().copied().collect()
    }

    /// Nothing is left to do.
    pub fn is_empty(&self) -> bool {
        self.leaving.is_empty() && self.replicas.is_empty()
    }
}

/// Why it can't be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such workload.
    #[error("there is no validator group `{name}`; there {}", list(known))]
    NoGroup {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// The next pods' attesters were in the set before.
    #[error(
        "{} can't come back: {} left the validator set, and the L1 never takes an address again",
        pods.join(", "), some(attesters)
    )]
    Retired {
        /// The pods.
        pods: Vec<String>,
        /// Their attesters.
        attesters: Vec<Address>,
    },
    /// The committee could not be drawn.
    #[error(
        "{leaving} of {active} validators can't leave: a committee has {committee} members, and from fewer validators none can be drawn: the chain would halt for good"
    )]
    Committee {
        /// How many would leave.
        leaving: u64,
        /// How many there are.
        active: u64,
        /// Members of a committee.
        committee: u64,
    },
    /// Pods above stay.
    #[error(
        "{pod} is not the last of its group, and a StatefulSet shrinks from its end: {} would have to go first",
        above.join(", ")
    )]
    NotLast {
        /// The pod.
        pod: String,
        /// The pods after it.
        above: Vec<String>,
    },
    /// More than there are.
    #[error("can't remove {count} pods: {workload} has {replicas}")]
    TooMany {
        /// The workload.
        workload: String,
        /// How many were to go.
        count: u32,
        /// How many there are.
        replicas: u32,
    },
    /// Nobody here signs for it.
    #[error("no pod of this network signs for attester {0}")]
    Stranger(Address),
    /// There is no such pod, and there never was.
    #[error(
        "there is no pod {pod}, and its attesters were never in the validator set; {workload} has {replicas}"
    )]
    NoPod {
        /// The name asked for.
        pod: String,
        /// Its workload.
        workload: String,
        /// How many pods that has.
        replicas: u32,
    },
    /// A pod can't say what it holds.
    #[error("{0} is not running; it must be, to sign for its attesters")]
    Silent(String),
}

fn list(names: &[String]) -> String {
    match names {
        [] => "is none".to_owned(),
        [one] => format!("is `{one}`"),
        many => format!("are `{}`", many.join("`, `")),
    }
}

fn some(attesters: &[Address]) -> String {
    let words: Vec<String> = attesters.iter().take(3).map(Address::to_string).collect();
    let more = attesters.len().saturating_sub(3);
    let more = (more > 0).then(|| format!(" and {more} more"));
    words.join(", ") + &more.unwrap_or_default()
}

/// Adds `count` pods to a workload. Pods whose attesters were in the set before can't validate: they are an error, or
/// with `past_retired` idle pods on the way to fresh ones.
///
/// # Errors
/// [`Refusal::NoGroup`], [`Refusal::Retired`].
pub fn addition(
    seen: &Validators,
    workload: &str,
    count: u32,
    past_retired: bool,
) -> Result<Addition, Refusal> {
    let (group, retired) = (group(seen, workload)?, retired(seen));
    let (mut pods, mut idle) = (Vec::new(), Vec::new());
    let mut replicas = group.replicas;
    while pods.len() < usize::try_from(count).unwrap_or(usize::MAX) {
        let pod = format!("{workload}-{replicas}");
        replicas += 1;
        if retired.contains(pod.as_str()) {
            idle.push(pod);
        } else {
            pods.push(pod);
        }
    }
    if !idle.is_empty() && !past_retired {
        let attesters = idle.iter().filter_map(|pod| seen.attesters_of(pod));
        let attesters = attesters.flatten().copied().collect();
        return Err(Refusal::Retired {
            pods: idle,
            attesters,
        });
    }
    Ok(Addition {
        workload: workload.to_owned(),
        replicas,
        pods,
        idle,
    })
}

/// Pods that have nothing to validate with: each of their attesters was in the set and is out.
pub fn retired(seen: &Validators) -> HashSet<&str> {
    let is_out = |one: &&Attester| {
        matches!(
            one.standing,
            Standing::Leaving | Standing::Ejected | Standing::Retired
        )
    };
    let out = seen.set.attesters.iter().filter(is_out);
    let out: HashSet<Address> = out.map(|one| one.address).collect();
    let mut pods = seen.by_pod();
    pods.retain(|_, all| !all.is_empty() && all.iter().all(|one| out.contains(one)));
    pods.into_keys().collect()
}

/// Works out who leaves and which pods go. `keep_pods`: pods stay, without a place in the set.
///
/// # Errors
/// [`Refusal`]; nothing may be done then.
pub fn removal(seen: &Validators, goal: &Goal, keep_pods: bool) -> Result<Removal, Refusal> {
    let (pods, single) = match goal {
        Goal::Count { workload, count } => (last(group(seen, workload)?, *count)?, Vec::new()),
        Goal::Pods(pods) => (pods.iter().cloned().collect(), Vec::new()),
        Goal::Attesters(attesters) => whole_pods(seen, attesters)?,
    };
    let mut removal = Removal::default();
    for pod in &pods {
        going(seen, pod, &mut removal)?;
    }
    for attester in single {
        let pod = seen.holder(attester).ok_or(Refusal::Stranger(attester))?;
        let leaving = removal.leaving.entry(pod.to_owned()).or_default();
        leaving.extend(in_set(seen, attester).then_some(attester));
        removal.kept.push(pod.to_owned());
    }
    removal.leaving.retain(|_, attesters| !attesters.is_empty());
    if keep_pods {
        removal.kept.extend(pods);
    } else {
        shrink(seen, &pods, &mut removal)?;
    }
    removal.kept.dedup();
    check_committee(seen, &removal)?;
    Ok(removal)
}

fn group<'a>(seen: &'a Validators, workload: &str) -> Result<&'a Group, Refusal> {
    let found = seen.groups.iter().find(|group| group.workload == workload);
    found.ok_or_else(|| Refusal::NoGroup {
        name: workload.to_owned(),
        known: seen
            .groups
            .iter()
            .map(|group| group.workload.clone())
            .collect(),
    })
}

fn last(group: &Group, count: u32) -> Result<BTreeSet<String>, Refusal> {
    if count > group.replicas {
        return Err(Refusal::TooMany {
            workload: group.workload.clone(),
            count,
            replicas: group.replicas,
        });
    }
    let staying = usize::try_from(group.replicas - count).unwrap_or(usize::MAX);
    Ok(group.pods().skip(staying).collect())
}

/// Attesters whose pod has no other become that pod.
fn whole_pods(
    seen: &Validators,
    attesters: &[Address],
) -> Result<(BTreeSet<String>, Vec<Address>), Refusal> {
    let (mut pods, mut single) = (BTreeSet::new(), Vec::new());
    for attester in attesters {
        let pod = seen.holder(*attester).ok_or(Refusal::Stranger(*attester))?;
        let all = seen.attesters_of(pod).unwrap_or_default();
        if all.iter().all(|one| attesters.contains(one)) {
            pods.insert(pod.to_owned());
        } else {
            single.push(*attester);
        }
    }
    Ok((pods, single))
}

/// Notes who of a pod has to leave. A pod that is gone has nobody left to do it for.
fn going(seen: &Validators, pod: &str, removal: &mut Removal) -> Result<(), Refusal> {
    let place = PodName::or_first(pod);
    let group = group(seen, &place.workload)?;
    let wanted = place.ordinal < group.replicas;
    let attesters = seen.attesters_of(pod);
    if !wanted && !attesters.is_some_and(|all| all.iter().any(|one| is_known(seen, *one))) {
        return Err(Refusal::NoPod {
            pod: pod.to_owned(),
            workload: place.workload,
            replicas: group.replicas,
        });
    }
    let attesters = attesters.ok_or_else(|| Refusal::Silent(pod.to_owned()))?;
    let leaving: Vec<Address> = attesters
        .iter()
        .copied()
        .filter(|attester| in_set(seen, *attester))
        .collect();
    let runs = seen.pods.iter().any(|running| running.name == pod);
    if !leaving.is_empty() && !runs {
        return Err(Refusal::Silent(pod.to_owned()));
    }
    removal.leaving.insert(pod.to_owned(), leaving);
    Ok(())
}

/// Whether the L1 has met an attester.
fn is_known(seen: &Validators, attester: Address) -> bool {
    let standing = seen.attester(attester).map(|one| one.standing);
    standing.is_some_and(|standing| standing != Standing::Absent)
}

fn in_set(seen: &Validators, attester: Address) -> bool {
    let standing = seen.attester(attester).map(|one| one.standing);
    matches!(standing, Some(Standing::Validating | Standing::Queued))
}

/// Lets each workload end before the first pod that goes, if all after it go too.
fn shrink(
    seen: &Validators,
    pods: &BTreeSet<String>,
    removal: &mut Removal,
) -> Result<(), Refusal> {
    for group in &seen.groups {
        let all: Vec<String> = group.pods().collect();
        let Some(first) = all.iter().position(|pod| pods.contains(pod)) else {
            continue;
        };
        let above: Vec<String> = all[first..]
            .iter()
            .filter(|pod| !pods.contains(*pod))
            .cloned()
            .collect();
        if !above.is_empty() {
            let pod = all[first].clone();
            return Err(Refusal::NotLast { pod, above });
        }
        let replicas = u32::try_from(first).unwrap_or(group.replicas);
        removal.replicas.insert(group.workload.clone(), replicas);
    }
    Ok(())
}

fn check_committee(seen: &Validators, removal: &Removal) -> Result<(), Refusal> {
    let validating = |attester: &Address| {
        let standing = seen.attester(*attester).map(|one| one.standing);
        standing == Some(Standing::Validating)
    };
    let leaving = removal
        .attesters()
        .iter()
        .filter(|one| validating(one))
        .count() as u64;
    if !seen.set.can_spare(leaving) {
        return Err(Refusal::Committee {
            leaving,
            active: seen.set.active,
            committee: seen.set.committee_size,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
