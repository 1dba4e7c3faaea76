//! Whether what an experiment asks for is there.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use aznet_model::chaos::{Experiment, Fault};
use aznet_model::role::Role;
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
    each.try_for_each(|(name, experiment)| {
        check_l1(name, experiment, pods)?;
        check_one(name, experiment, pods)
    })
}

/// Checks that whoever misbehaves has nothing to lose: the network's L1 is its own. Whether it is ready just now says nothing of
/// that.
fn check_l1(name: &str, experiment: &Experiment, pods: &Pods) -> Result<(), ChaosError> {
    let Some(fault @ Fault::Protocol(_)) = experiment.fault() else {
        return Ok(());
    };
    if pods.values().any(|pod| pod.role() == Role::Anvil.name()) {
        return Ok(());
    }
    Err(ChaosError::ForeignL1 {
        experiment: name.to_owned(),
        action: fault.action().to_owned(),
    })
}

/// What each experiment is to be seen by.
pub(crate) fn effects(
    experiments: &BTreeMap<String, Experiment>,
) -> Result<BTreeMap<String, Effect>, ChaosError> {
    let each = experiments.iter().map(|(name, experiment)| {
        let effect = Effect::of(experiment).ok_or_else(|| ChaosError::Unmeasured {
            experiment: name.clone(),
            fault: experiment
                .fault()
                .map_or("nothing", |fault| fault.action())
                .to_owned(),
        })?;
        Ok((name.clone(), effect))
    });
    each.collect()
}

/// Which pods an experiment may hit, and which may be at the other end.
pub(crate) fn may_hit(experiment: &Experiment, pods: &Pods) -> Hit {
    let fit = |wanted| fitting(wanted, pods);
    Hit {
        pods: fit(&experiment.pods),
        targets: experiment.target().map(fit).unwrap_or_default(),
    }
}

/// The pods that are among those wanted.
pub(crate) fn fitting(wanted: &aznet_model::chaos::Pods, pods: &Pods) -> Vec<String> {
    let fit = pods
        .iter()
        .filter(|(name, pod)| wanted.may_hit(&pod.facts(name)));
    fit.map(|(name, _)| name.clone()).collect()
}

/// The pods that a fault is done to where Chaos Mesh does not choose: as many as asked for, by a seed.
pub(crate) fn choose(chance: (&str, u64), experiment: &Experiment, pods: &Pods) -> Hit {
    let mut hit = may_hit(experiment, pods);
    narrow(chance, &experiment.pods, &mut hit.pods);
    if let Some(target) = experiment.target() {
        narrow(chance, target, &mut hit.targets);
    }
    hit
}

/// Leaves as many as asked for: the same ones for the same experiment and seed.
pub(crate) fn narrow(
    chance: (&str, u64),
    wanted: &aznet_model::chaos::Pods,
    pods: &mut Vec<String>,
) {
    let share = |percent: u32| (pods.len() * percent as usize).div_ceil(100);
    let count = wanted.count.map(|count| count as usize);
    let Some(count) = count.or(wanted.percent.map(share)) else {
        return;
    };
    shuffle(chance, pods);
    pods.truncate(count);
    pods.sort();
}

/// An order by chance: the same for the same experiment and seed.
pub(crate) fn shuffle(chance: (&str, u64), pods: &mut [String]) {
    pods.sort_by_cached_key(|pod| hash(&(chance, pod)));
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
                fault: experiment
                    .fault()
                    .map_or("nothing", |fault| fault.action())
                    .to_owned(),
                node: node.to_owned(),
                missing,
                said,
                nearest: capability::nearest(fault, &known[node]),
            })?;
        }
    }
    Ok(emulated)
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
    let target = experiment.target();
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
    check_containers(name, experiment, (&fit, pods))?;
    if experiment.network.is_some() {
        let on_host = fit.iter().filter(|pod| pods[*pod].place.on_host);
        let on_host: Vec<String> = on_host.cloned().collect();
        if !on_host.is_empty() {
            return Err(ChaosError::HostNetwork {
                experiment: experiment_name,
                pods: on_host,
            });
        }
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

/// Every container that is named is one of some pod's.
fn check_containers(
    name: &str,
    experiment: &Experiment,
    (fit, pods): (&[String], &Pods),
) -> Result<(), ChaosError> {
    let named = match experiment.fault() {
        Some(Fault::Pod(fault)) => &fault.containers,
        Some(Fault::Clock(fault)) => &fault.containers,
        Some(Fault::Io(fault)) => &fault.containers,
        _ => return Ok(()),
    };
    let there: BTreeSet<&String> = fit
        .iter()
        .flat_map(|pod| pods[pod].containers.keys())
        .collect();
    match named.iter().find(|container| !there.contains(container)) {
        None => Ok(()),
        Some(container) => Err(ChaosError::NoContainer {
            experiment: name.to_owned(),
            container: container.clone(),
            there: there.into_iter().cloned().collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::pods::{Container, Place, Seen};

    fn verdict(experiment: &Value, ready: bool, on_host: bool) -> String {
        let place = Place {
            on_host,
            ..Place::default()
        };
        let seen = Seen {
            ready,
            place,
            containers: [("pxe".to_owned(), Container::default())].into(),
            ..Seen::default()
        };
        let experiment = serde_json::from_value(experiment.clone()).expect("an experiment");
        let experiments = BTreeMap::from([("x".to_owned(), experiment)]);
        let pods = Pods::from([("pxe-0".to_owned(), seen)]);
        let refused = check(&experiments, &pods).map_err(|error| error.to_string());
        refused.err().unwrap_or_default()
    }

    #[test]
    fn whom_a_fault_can_not_be_seen_on_is_told_before_it_is_applied() {
        let slow = |pods: Value| json!({"pods": pods, "duration": "30s", "network": {"action": "delay", "latency": "20ms"}});
        assert_eq!(verdict(&slow(json!({})), true, false), "");
        let nobody = verdict(&slow(json!({"ordinals": [7]})), true, false);
        assert!(
            nobody.contains("no pod is of ordinal 7; there are pxe-0"),
            "{nobody}"
        );
        let many = verdict(&slow(json!({"count": 3})), true, false);
        assert!(
            many.contains("3 pods are to be hit, and only 1 fit"),
            "{many}"
        );
        let down = verdict(&slow(json!({})), false, false);
        assert!(
            down.contains("pxe-0 not ready before anything is done"),
            "{down}"
        );
        let host = verdict(&slow(json!({})), true, true);
        assert!(
            host.contains("pxe-0 is on their node's own network"),
            "{host}"
        );
        let containers = json!({"action": "container-kill", "containers": ["pxe", "sidecar"]});
        let container = verdict(
            &json!({"pods": {}, "duration": "30s", "pod": containers}),
            true,
            false,
        );
        assert!(
            container.contains("no pod that fits has a container sidecar; there are pxe"),
            "{container}"
        );
        let kill = json!({"pods": {}, "duration": "30s", "pod": {"action": "kill"}});
        assert_eq!(verdict(&kill, true, true), "", "a kill needs no network");
    }

    /// The pods of `networks/small.yaml`, as they are when it is up.
    fn small() -> Pods {
        let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let loaded = aznet_network::load::load(&aznet_network::load::Request {
            source: &source,
            base: aznet_network::load::Base::Network("small"),
            implied: None,
            files: &[],
            sets: &[],
        });
        let plan = aznet_model::plan::plan(&loaded.expect("values").values).expect("a plan");
        let seen = |pod: aznet_model::plan::PodPlan| {
            let component = (
                "app.kubernetes.io/component".to_owned(),
                pod.role.name().to_owned(),
            );
            let seen = Seen {
                ready: true,
                labels: [component].into(),
                ..Seen::default()
            };
            (pod.name, seen)
        };
        plan.pods.into_iter().map(seen).collect()
    }

    #[test]
    fn validators_misbehave_only_on_an_l1_of_the_networks_own() {
        let experiments = |fault: Value| {
            let mut experiment = json!({"pods": {"roles": ["validator"]}, "duration": "30s"});
            let fields = experiment.as_object_mut().expect("a map");
            fields.extend(fault.as_object().expect("a map").clone());
            let experiment = serde_json::from_value(experiment).expect("an experiment");
            BTreeMap::from([("x".to_owned(), experiment)])
        };
        let (own, mut foreign) = (small(), small());
        foreign.retain(|_, pod| pod.role() != Role::Anvil.name());
        assert!(foreign.len() < own.len(), "{foreign:?}");
        for action in [
            "fake-attestations",
            "missing-attestations",
            "withhold-proposals",
        ] {
            let lies = experiments(json!({"protocol": {"action": action}}));
            assert!(check(&lies, &own).is_ok(), "{action}");
            let refused = check(&lies, &foreign).expect_err("stake is at risk");
            let words = refused.to_string();
            let expected = format!(
                "x: {action} would cost validators stake on an L1 that is not the network's own"
            );
            assert!(words.starts_with(&expected), "{words}");
            assert!(refused.is_inability() && refused.left_nothing());
        }
        let kill = experiments(json!({"pod": {"action": "kill"}}));
        assert!(check(&kill, &foreign).is_ok(), "a kill is no lie");
    }

    #[test]
    fn every_preset_hits_pods_of_small_and_can_be_seen_to() {
        let (pods, folder) = (small(), env!("CARGO_MANIFEST_DIR"));
        let chart = std::path::Path::new(folder).join("../../helm-charts/aztec-chaos");
        let known = crate::load::presets(&chart).expect("presets");
        assert!(known.len() >= 20, "{known:?}");
        for name in known {
            let loaded = crate::load::load(&crate::load::Request {
                chart: &chart,
                preset: Some(&name),
                inline: &[],
                files: &[],
                sets: &[],
            });
            let experiments = loaded.expect("a preset").experiments;
            let checked = check(&experiments, &pods)
                .and_then(|()| crate::conflict::check(&experiments, &pods))
                .and_then(|()| effects(&experiments).map(drop));
            checked.unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
}
