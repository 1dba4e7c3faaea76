//! The validators of a network: who is in the set on L1, which pod holds whose keys, and how to change both.
//!
//! Keys stay in the cluster: pods themselves say what they hold, read the L1 and sign, by `aznet-node validators`.

mod change;
mod duties;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use aznet_model::{
    pod::PodName,
    report::{Attester, Held, Left, Report, ValidatorSet},
    role::Role,
};
use futures::{StreamExt, stream};
use k8s_openapi::api::apps::v1::StatefulSet;
use kube::{
    Api, ResourceExt,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::json;

pub use self::{
    change::{Addition, Goal, Refusal, Removal, addition, removal, retired},
    duties::Duties,
};
pub use alloy_primitives::Address;

use crate::{
    clients::exec::{self, ExecError},
    namespace::{NamespaceError, Network},
    observe::pods::{self, COMPONENT},
};

/// The program in every pod.
pub(crate) const PROGRAM: &str = "/aznet/bin/aznet-node";
/// How long a look may take: a large set on a slow L1 needs its time.
const LOOK_WITHIN: Duration = Duration::from_mins(2);
/// How long withdrawals may take: each is in an L1 block before the next.
const LEAVE_WITHIN: Duration = Duration::from_mins(10);
/// Pods that are asked at once.
const AT_ONCE: usize = 8;
/// Pods that are gone are asked about up to this number.
const AT_MOST: usize = 64;

/// Why the validators are not known.
#[derive(Debug, thiserror::Error)]
pub enum ValidatorsError {
    /// The Kubernetes API.
    #[error(transparent)]
    Kubernetes(#[from] NamespaceError),
    /// No pod to ask.
    #[error(
        "no validator pod of network {network} is running; one is needed to read the validator set: {seen}"
    )]
    NoPod {
        /// The network.
        network: String,
        /// What there is.
        seen: String,
    },
    /// A pod's program failed.
    #[error(transparent)]
    Exec(#[from] ExecError),
    /// A pod's answer isn't understood.
    #[error(
        "pod {pod} answers with something that is no report; is its aznet-node as old as its network?"
    )]
    Answer {
        /// The pod.
        pod: String,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
}

/// A workload of validators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name: `validator`, or `validator-<group>`.
    pub workload: String,
    /// Pods that there are to be.
    pub replicas: u32,
}

impl Group {
    /// Its pods, in order.
    pub fn pods(&self) -> impl Iterator<Item = String> + '_ {
        (0..self.replicas).map(|ordinal| PodName::new(&self.workload, ordinal).to_string())
    }
}

/// A validator pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidatorPod {
    /// Its name.
    pub name: String,
    /// Whether it serves.
    pub ready: bool,
    /// What it signs for; `None` if it could not be queried.
    pub held: Option<Held>,
}

/// The validators of a network at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validators {
    /// Workloads.
    pub groups: Vec<Group>,
    /// Pods, in order.
    pub pods: Vec<ValidatorPod>,
    /// The set on L1.
    pub set: ValidatorSet,
    /// Attesters of pods that were asked about and don't run.
    pub others: BTreeMap<String, Vec<Address>>,
}

impl Validators {
    /// The pod that signs for an attester.
    pub fn holder(&self, attester: Address) -> Option<&str> {
        let holds = |pod: &&ValidatorPod| {
            let held = pod.held.as_ref();
            held.is_some_and(|held| held.attesters.contains(&attester))
        };
        let running = self.pods.iter().find(holds).map(|pod| pod.name.as_str());
        running.or_else(|| {
            let gone = self.others.iter().find(|(_, all)| all.contains(&attester));
            gone.map(|(pod, _)| pod.as_str())
        })
    }

    /// The attesters of a pod, running or asked about; `None` where they are not known.
    pub fn attesters_of(&self, pod: &str) -> Option<&[Address]> {
        let running = self.pods.iter().find(|running| running.name == pod);
        let held = running.and_then(|running| running.held.as_ref());
        held.map(|held| held.attesters.as_slice())
            .or_else(|| self.others.get(pod).map(Vec::as_slice))
    }

    /// The attesters of all pods, running or asked about, as far as they are known.
    pub fn by_pod(&self) -> HashMap<&str, &[Address]> {
        let others = self.others.iter();
        let others = others.map(|(pod, all)| (pod.as_str(), all.as_slice()));
        let running = self.pods.iter().filter_map(|pod| {
            let held = pod.held.as_ref()?;
            Some((pod.name.as_str(), held.attesters.as_slice()))
        });
        others.chain(running).collect()
    }

    /// The L1's word on an attester.
    pub fn attester(&self, address: Address) -> Option<&Attester> {
        self.set.attesters.iter().find(|one| one.address == address)
    }
}

/// Asks the pods; `also` are pods that may not run, whose attesters are of interest.
///
/// # Errors
/// [`ValidatorsError`]; single pods that don't answer are no failure.
pub async fn collect(network: &Network, also: &[String]) -> Result<Validators, ValidatorsError> {
    let groups = groups(network).await?;
    let states = pods::list(network).await?;
    let validators = states.iter().filter(|pod| pod.role == Role::Validator);
    let mut pods: Vec<ValidatorPod> = validators
        .map(|pod| ValidatorPod {
            name: pod.name.clone(),
            ready: pod.phase.is_ready(),
            held: None,
        })
        .collect();
    pods.sort_by_cached_key(|pod| PodName::or_first(&pod.name));
    let report = set(network, &pods, also).await?;
    let small = report.set.active <= report.set.attesters.len() as u64;
    let mut validators = Validators {
        groups,
        pods,
        set: report.set,
        others: report.others,
    };
    let asked = ask_all(network, &validators.pods, small).await;
    let attesters = &mut validators.set.attesters;
    let mut known: HashSet<Address> = attesters.iter().map(|one| one.address).collect();
    for (pod, answer) in validators.pods.iter_mut().zip(asked) {
        let Some(answer) = answer else { continue };
        let described = answer.set.into_iter().flat_map(|set| set.attesters);
        attesters.extend(described.filter(|one| known.insert(one.address)));
        pod.held = Some(answer.held);
    }
    Ok(validators)
}

/// The same with the attesters of pods that are gone, e.g. scaled away.
///
/// # Errors
/// [`ValidatorsError`].
pub async fn collect_with_gone(network: &Network) -> Result<Validators, ValidatorsError> {
    let seen = collect(network, &[]).await?;
    let gone = gone(&seen);
    if gone.is_empty() {
        return Ok(seen);
    }
    collect(network, &gone).await
}

/// Names that pods may have had that hold what no running pod does.
fn gone(seen: &Validators) -> Vec<String> {
    let held: HashSet<&Address> = seen.by_pod().into_values().flatten().collect();
    let attesters = seen.set.attesters.iter();
    let unheld = attesters.filter(|one| !held.contains(&one.address));
    let unheld = u32::try_from(unheld.count().min(AT_MOST)).unwrap_or_default();
    if unheld == 0 {
        return Vec::new();
    }
    let may_have_been = seen.groups.iter().flat_map(|group| {
        let all = Group {
            workload: group.workload.clone(),
            replicas: group.replicas.saturating_add(unheld),
        };
        all.pods().collect::<Vec<_>>()
    });
    let runs: HashSet<&str> = seen.pods.iter().map(|pod| pod.name.as_str()).collect();
    may_have_been
        .filter(|name| !runs.contains(name.as_str()))
        .collect()
}

/// The set on L1, as one pod reads it.
struct Read {
    set: ValidatorSet,
    others: BTreeMap<String, Vec<Address>>,
}

async fn set(
    network: &Network,
    pods: &[ValidatorPod],
    also: &[String],
) -> Result<Read, ValidatorsError> {
    let mut command = vec!["show".to_owned()];
    command.extend(also.iter().map(|pod| format!("--pod={pod}")));
    let mut failure = None;
    for pod in pods.iter().filter(|pod| pod.ready) {
        match ask(network, &pod.name, &command, LOOK_WITHIN).await {
            Ok(Report {
                set: Some(set),
                others,
                ..
            }) => return Ok(Read { set, others }),
            Ok(_) => {}
            Err(error) => failure = Some(error),
        }
    }
    Err(failure.unwrap_or_else(|| ValidatorsError::NoPod {
        network: network.name().to_owned(),
        seen: match pods.len() {
            0 => "there is none".to_owned(),
            n => format!("none of {n} is ready"),
        },
    }))
}

/// Only of a large set each pod has to describe its own attesters.
async fn ask_all(network: &Network, pods: &[ValidatorPod], small: bool) -> Vec<Option<Report>> {
    let command = [if small { "held" } else { "show" }.to_owned()];
    let ask = |pod: &ValidatorPod| {
        let (name, command, ready) = (pod.name.clone(), command.clone(), pod.ready);
        async move {
            let answer = if ready {
                ask(network, &name, &command, LOOK_WITHIN).await
            } else {
                return None;
            };
            answer
                .inspect_err(|error| tracing::debug!(%error, pod = name, "no answer"))
                .ok()
        }
    };
    stream::iter(pods.iter().map(ask).collect::<Vec<_>>())
        .buffered(AT_ONCE)
        .collect()
        .await
}

/// Takes attesters of a pod out of the set, as far as the pod can sign for it.
///
/// # Errors
/// [`ValidatorsError::Exec`], e.g. where a committee could not be drawn any more.
pub async fn leave(
    network: &Network,
    pod: &str,
    attesters: &[Address],
) -> Result<Vec<Left>, ValidatorsError> {
    let mut command = vec!["leave".to_owned()];
    command.extend(attesters.iter().map(|one| format!("--attester={one}")));
    Ok(ask(network, pod, &command, LEAVE_WITHIN).await?.left)
}

/// Sets the number of pods of a workload of validators past its release, as `kubectl scale` does.
///
/// # Errors
/// If the Kubernetes API fails.
pub async fn scale(network: &Network, workload: &str, pods: u32) -> Result<(), NamespaceError> {
    let sets: Api<StatefulSet> = network.api();
    let patch = Patch::Merge(json!({"spec": {"replicas": pods}}));
    let scaled = sets
        .patch_scale(workload, &PatchParams::default(), &patch)
        .await;
    let failed = |source| network.failed(&format!("scale {workload}"), source);
    scaled.map(drop).map_err(failed)
}

/// The workloads of validators.
async fn groups(network: &Network) -> Result<Vec<Group>, NamespaceError> {
    let sets: Api<StatefulSet> = network.api();
    let labels = format!("{COMPONENT}={}", Role::Validator);
    let sets = sets.list(&ListParams::default().labels(&labels)).await;
    let sets = sets.map_err(|source| network.failed("list validators", source))?;
    let group = |set: StatefulSet| Group {
        workload: set.name_any(),
        replicas: set
            .spec
            .and_then(|spec| spec.replicas)
            .and_then(|n| u32::try_from(n).ok())
            .unwrap_or_default(),
    };
    Ok(sets.items.into_iter().map(group).collect())
}

/// The accounts that a pod signs for; of a prover node those that publish proofs.
///
/// # Errors
/// [`ValidatorsError`].
pub async fn held(network: &Network, pod: &str, role: Role) -> Result<Held, ValidatorsError> {
    let report = ask_role(network, (pod, role), &["held".to_owned()], LOOK_WITHIN).await?;
    Ok(report.held)
}

async fn ask(
    network: &Network,
    pod: &str,
    command: &[String],
    within: Duration,
) -> Result<Report, ValidatorsError> {
    ask_role(network, (pod, Role::Validator), command, within).await
}

async fn ask_role(
    network: &Network,
    (pod, role): (&str, Role),
    command: &[String],
    within: Duration,
) -> Result<Report, ValidatorsError> {
    let mut words = vec![PROGRAM.to_owned(), "validators".to_owned()];
    words.extend_from_slice(command);
    let text = exec::run(network, (pod, role.name()), &words, within).await?;
    let last = text.lines().next_back().unwrap_or_default();
    serde_json::from_str(last).map_err(|source| ValidatorsError::Answer {
        pod: pod.to_owned(),
        source,
    })
}
