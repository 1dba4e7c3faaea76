//! Whether what an experiment asks for is there.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use aznet_model::chaos::{Experiment, Fault};
use kube::Client;

use crate::capability::{self, Node};
use crate::daemon::Daemons;
use crate::effect::Effect;
use crate::error::ChaosError;
use crate::pods::Pods;

/// Whom Chaos Mesh has chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) pods: Vec<String>,
    pub(crate) targets: Vec<String>,
}

/// Checks experiments against the pods that there are, before anything is applied.
pub(crate) fn check(
    experiments: &BTreeMap<String, Experiment>,
    pods: &Pods,
) -> Result<(), ChaosError> {
    let mut each = experiments.iter();
    each.try_for_each(|(name, experiment)| check_one(name, experiment, pods))
}

/// What each experiment is to be seen by.
pub(crate) fn effects(
    experiments: &BTreeMap<String, Experiment>,
) -> Result<BTreeMap<String, Effect>, ChaosError> {
    let each = experiments.iter().map(|(name, experiment)| {
        let effect = Effect::of(experiment).ok_or_else(|| ChaosError::Unmeasured {
            experiment: name.clone(),
            fault: fault_words(experiment),
        })?;
        Ok((name.clone(), effect))
    });
    each.collect()
}

/// Which pods an experiment may hit, and which may be at the other end.
pub(crate) fn may_hit(experiment: &Experiment, pods: &Pods) -> Hit {
    let fit = |wanted: &aznet_model::chaos::Pods| {
        let fit = pods
            .iter()
            .filter(|(name, pod)| wanted.may_hit(&pod.facts(name)));
        fit.map(|(name, _)| name.clone()).collect()
    };
    let target = experiment
        .network
        .as_ref()
        .and_then(|fault| fault.target.as_ref());
    Hit {
        pods: fit(&experiment.pods),
        targets: target.map(fit).unwrap_or_default(),
    }
}

/// The pods that a fault is done to where Chaos Mesh does not choose: as many as asked for, the same ones each time.
pub(crate) fn choose(name: &str, experiment: &Experiment, pods: &Pods) -> Hit {
    let target = experiment
        .network
        .as_ref()
        .and_then(|fault| fault.target.as_ref());
    let mut hit = may_hit(experiment, pods);
    narrow(name, &experiment.pods, &mut hit.pods);
    if let Some(target) = target {
        narrow(name, target, &mut hit.targets);
    }
    hit
}

fn narrow(name: &str, wanted: &aznet_model::chaos::Pods, pods: &mut Vec<String>) {
    let share = |percent: u32| (pods.len() * percent as usize).div_ceil(100);
    let count = wanted.count.map(|count| count as usize);
    let Some(count) = count.or(wanted.percent.map(share)) else {
        return;
    };
    pods.sort_by_cached_key(|pod| hash(&(name, pod)));
    pods.truncate(count);
    pods.sort();
}

/// The same in every run.
pub(crate) fn hash(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// Checks that the nodes of all pods concerned can do the faults; names the experiments that one of them does by
/// `aznet-netem`, for want of netem.
pub(crate) async fn check_nodes(
    experiments: &BTreeMap<String, Experiment>,
    pods: &Pods,
    client: &Client,
) -> Result<BTreeSet<String>, ChaosError> {
    let with_needs = |(name, experiment)| {
        let fault = Experiment::fault(experiment)?;
        let needed = capability::needed(fault);
        (!needed.is_empty()).then_some((name, experiment, fault, needed))
    };
    let needy: Vec<_> = experiments.iter().filter_map(with_needs).collect();
    let mut emulated = BTreeSet::new();
    if needy.is_empty() {
        return Ok(emulated);
    }
    let daemons = Daemons::find(client).await?;
    let mut known: BTreeMap<&str, Node> = BTreeMap::new();
    for (name, experiment, fault, needed) in needy {
        let hit = may_hit(experiment, pods);
        for pod in hit.pods.iter().chain(&hit.targets) {
            let node = pods[pod].place.node.as_str();
            if !known.contains_key(node) {
                known.insert(node, capability::probe_node(&daemons, node).await?);
            }
            let able = known[node].check(&needed);
            if able.is_err() && capability::can_emulate(fault, &known[node]) {
                emulated.insert(name.clone());
                continue;
            }
            able.map_err(|(missing, said)| ChaosError::Unable {
                experiment: name.clone(),
                fault: fault_words(experiment),
                node: node.to_owned(),
                missing,
                said,
                nearest: capability::nearest(fault, &known[node]),
            })?;
        }
    }
    Ok(emulated)
}

fn fault_words(experiment: &Experiment) -> String {
    match experiment.fault() {
        Some(Fault::Network(fault)) => fault.action.name().to_owned(),
        Some(Fault::Stress(_)) => "stress".to_owned(),
        other => other.map_or("nothing", |fault| fault.kind()).to_owned(),
    }
}

fn check_one(name: &str, experiment: &Experiment, pods: &Pods) -> Result<(), ChaosError> {
    let may_be_hit = |pod: &&String| experiment.pods.may_hit(&pods[*pod].facts(pod));
    let fit: Vec<String> = pods.keys().filter(may_be_hit).cloned().collect();
    let experiment_name = name.to_owned();
    if fit.is_empty() {
        return Err(ChaosError::NoPods {
            experiment: experiment_name,
            asked: experiment.pods.to_string(),
            there: pods.keys().cloned().collect(),
        });
    }
    let target = experiment
        .network
        .as_ref()
        .and_then(|fault| fault.target.as_ref());
    if let Some(target) = target.filter(|_| may_hit(experiment, pods).targets.is_empty()) {
        return Err(ChaosError::NoPods {
            experiment: experiment_name,
            asked: format!("the target's {target}"),
            there: pods.keys().cloned().collect(),
        });
    }
    let asked = experiment.pods.count.unwrap_or(1);
    if usize::try_from(asked).is_ok_and(|asked| asked > fit.len()) {
        return Err(ChaosError::TooFew {
            experiment: experiment_name,
            asked,
            fit,
        });
    }
    let not_ready: Vec<String> = fit.into_iter().filter(|pod| !pods[pod].ready).collect();
    if !not_ready.is_empty() {
        return Err(ChaosError::NotReady {
            experiment: experiment_name,
            not_ready,
        });
    }
    Ok(())
}
