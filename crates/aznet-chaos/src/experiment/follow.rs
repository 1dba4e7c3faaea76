//! Faults that Chaos Mesh has injected, done again: it injects into the pods that there are when it begins, and looks neither
//! for those that are replaced nor for those that come.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aznet_model::chaos::{Experiment, Fault};
use kube::ResourceExt;
use kube::api::{DynamicObject, ObjectMeta, PostParams, TypeMeta};
use serde_json::{Value, json};

use super::Under;
use crate::error::ChaosError;
use crate::objects::{self, GROUP, VERSION};
use crate::pods::{Pods, Seen};
use crate::target::{self, Hit};

/// Chaos Mesh does nothing that is shorter.
const SHORTEST: u64 = 1;

/// Whom a fault is done to, as far as it has been followed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Followed {
    /// What each pod that has the fault is known by.
    known: BTreeMap<String, String>,
    hit: Hit,
    /// How often it was done again.
    rounds: u32,
}

/// Who has lost a fault, or never had it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Lack {
    /// Pods that can be given it now.
    pub(super) now: Hit,
    /// Pods that are gone, or have not started again yet.
    pub(super) coming: Vec<String>,
}

impl Followed {
    /// Whom it was done to when it began.
    pub(super) fn new(experiment: &Experiment, hit: &Hit, pods: &Pods) -> Self {
        let mut followed = Self {
            hit: hit.clone(),
            ..Self::default()
        };
        if experiment.target().is_some() && hit.targets.is_empty() {
            // Nothing is done to them: who they are is not told.
            followed.hit.targets = target::may_hit(experiment, pods).targets;
        }
        let hit = followed.hit.clone();
        followed.know(experiment, &hit, pods);
        followed
    }

    /// The fault of these is theirs now.
    fn know(&mut self, experiment: &Experiment, hit: &Hit, pods: &Pods) {
        let all = hit.pods.iter().chain(&hit.targets);
        for (name, pod) in all.filter_map(|name| Some((name, pods.get(name)?))) {
            self.known.insert(name.clone(), known_by(experiment, pod));
        }
    }

    /// Who lacks it.
    pub(super) fn lack(&self, experiment: &Experiment, pods: &Pods) -> Lack {
        let mut lack = Lack::default();
        let now = target::may_hit(experiment, pods);
        let is_all =
            |wanted: &aznet_model::chaos::Pods| wanted.count.is_none() && wanted.percent.is_none();
        let mut add = |had: &[String], fit: Vec<String>, all: bool| {
            // Of some that were chosen, no others take the place.
            let come = fit.into_iter().filter(|_| all);
            let names: BTreeSet<String> = had.iter().cloned().chain(come).collect();
            let lacking = names.into_iter().filter(|name| {
                let known = pods.get(name).map(|pod| known_by(experiment, pod));
                known.is_none() || known.as_ref() != self.known.get(name)
            });
            let can_have = |name: &String| pods.get(name).is_some_and(has_started);
            let (ready, coming) = lacking.partition::<Vec<_>, _>(can_have);
            lack.coming.extend(coming);
            ready
        };
        let sources = add(&self.hit.pods, now.pods, is_all(&experiment.pods));
        let targets = match experiment.target() {
            Some(target) => add(&self.hit.targets, now.targets, is_all(target)),
            None => Vec::new(),
        };
        lack.now = Hit {
            pods: sources,
            targets,
        };
        lack
    }

    /// By name, what the pods are known by that have it.
    pub(super) fn known(&self) -> &BTreeMap<String, String> {
        &self.known
    }
}

impl Lack {
    /// Every pod has it.
    pub(super) fn is_none(&self) -> bool {
        self.coming.is_empty() && self.now == Hit::default()
    }
}

/// What makes a pod another one to a fault: load and clocks are of processes, everything else is the pod's.
fn known_by(experiment: &Experiment, pod: &Seen) -> String {
    match experiment.fault() {
        Some(Fault::Stress(_) | Fault::Clock(_)) => {
            let containers = pod.containers.values().map(|one| one.id.as_str());
            std::iter::once(pod.uid.as_str())
                .chain(containers)
                .collect::<Vec<_>>()
                .join(" ")
        }
        _ => pod.uid.clone(),
    }
}

/// Whether it has what a fault can be done to: an address, and processes.
fn has_started(pod: &Seen) -> bool {
    let mut containers = pod.containers.values();
    pod.place.ip.is_some()
        && !pod.containers.is_empty()
        && containers.all(|container| !container.id.is_empty())
}

impl Under<'_> {
    /// Does a fault again to who lacks it, for the time that is left.
    pub(super) async fn again(
        &self,
        (name, experiment): (&str, &Experiment),
        (followed, lack): (&mut Followed, &Lack),
        (pods, left): (&Pods, Duration),
    ) -> Result<(), ChaosError> {
        let network = self.run.network;
        let kind = experiment.fault().and_then(|fault| fault.kind());
        let kind = kind.unwrap_or_default();
        let api = objects::of(network.client(), network.namespace(), kind);
        let object = api.get(name).await;
        let object = object.map_err(ChaosError::api(format!("look at {kind} {name}")))?;
        for hit in parts(&followed.hit, &lack.now) {
            followed.rounds += 1;
            let again = again(
                &object,
                kind,
                (&hit, network.namespace()),
                followed.rounds,
                left,
            );
            let made = api.create(&PostParams::default(), &again).await;
            let doing = format!("do {name} again to {}", hit.pods.join(", "));
            drop(made.map_err(ChaosError::api(doing))?);
        }
        followed.know(experiment, &lack.now, pods);
        followed.hit = joined(&followed.hit, &lack.now);
        Ok(())
    }
}

/// What has to be done, pods and target by pods and target: nothing is done twice to who has it.
fn parts(had: &Hit, lack: &Hit) -> Vec<Hit> {
    let mut parts = Vec::new();
    if !lack.pods.is_empty() {
        parts.push(Hit {
            pods: lack.pods.clone(),
            targets: joined(had, lack).targets,
        });
    }
    let rest = had.pods.iter().filter(|pod| !lack.pods.contains(pod));
    let rest: Vec<String> = rest.cloned().collect();
    if !lack.targets.is_empty() && !rest.is_empty() {
        parts.push(Hit {
            pods: rest,
            targets: lack.targets.clone(),
        });
    }
    parts
}

fn joined(one: &Hit, other: &Hit) -> Hit {
    let join = |one: &[String], other: &[String]| {
        let more = other.iter().filter(|pod| !one.contains(pod));
        one.iter().chain(more).cloned().collect()
    };
    Hit {
        pods: join(&one.pods, &other.pods),
        targets: join(&one.targets, &other.targets),
    }
}

/// The same fault of other pods, for the rest of its time. It goes with its release, like the first.
fn again(
    object: &DynamicObject,
    kind: &str,
    (hit, namespace): (&Hit, &str),
    round: u32,
    left: Duration,
) -> DynamicObject {
    let mut data = json!({"spec": object.data["spec"]});
    let spec = &mut data["spec"];
    spec["duration"] = json!(format!("{}s", left.as_secs().max(SHORTEST)));
    select(spec, namespace, &hit.pods);
    if spec.get("target").is_some_and(Value::is_object) {
        select(&mut spec["target"], namespace, &hit.targets);
    }
    let labels = object.labels().iter();
    let labels = labels.filter(|(key, _)| key.starts_with("app.kubernetes.io/"));
    DynamicObject {
        types: Some(TypeMeta {
            api_version: format!("{GROUP}/{VERSION}"),
            kind: kind.to_owned(),
        }),
        metadata: ObjectMeta {
            name: Some(format!("{}-again-{round}", object.name_any())),
            labels: Some(
                labels
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect(),
            ),
            ..ObjectMeta::default()
        },
        data,
    }
}

/// Selects pods by name.
fn select(of: &mut Value, namespace: &str, pods: &[String]) {
    of["mode"] = json!("all");
    if let Some(fields) = of.as_object_mut() {
        fields.remove("value");
    }
    of["selector"] = json!({"namespaces": [namespace], "pods": {namespace: pods}});
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pods::{Container, Place};

    fn pod(uid: &str, container: &str) -> Seen {
        let runs = Container {
            id: container.to_owned(),
            ..Container::default()
        };
        Seen {
            uid: uid.to_owned(),
            labels: [(
                "app.kubernetes.io/component".to_owned(),
                "validator".to_owned(),
            )]
            .into(),
            containers: [("validator".to_owned(), runs)].into(),
            place: Place {
                ip: (!container.is_empty()).then(|| [10, 0, 0, 1].into()),
                ..Place::default()
            },
            ..Seen::default()
        }
    }

    fn pods(all: &[(&str, &str, &str)]) -> Pods {
        let each = all.iter();
        each.map(|(name, uid, container)| ((*name).to_owned(), pod(uid, container)))
            .collect()
    }

    fn hit(pods: &[&str], targets: &[&str]) -> Hit {
        let names = |all: &[&str]| all.iter().map(ToString::to_string).collect();
        Hit {
            pods: names(pods),
            targets: names(targets),
        }
    }

    fn experiment(what: &Value) -> Experiment {
        let mut one = json!({"pods": {"roles": ["validator"]}, "duration": "60s"});
        one.as_object_mut()
            .expect("a map")
            .extend(what.as_object().expect("a map").clone());
        serde_json::from_value(one).expect("an experiment")
    }

    fn cut() -> Experiment {
        experiment(&json!({"network": {"action": "partition"}}))
    }

    #[test]
    fn a_pod_that_was_replaced_lacks_the_fault_once_it_has_started() {
        let (cut, before) = (cut(), pods(&[("v-0", "a", "1"), ("v-1", "b", "1")]));
        let followed = Followed::new(&cut, &hit(&["v-0", "v-1"], &[]), &before);
        assert!(followed.lack(&cut, &before).is_none());
        // A container that is started again has the pod's network.
        let restarted = pods(&[("v-0", "a", "2"), ("v-1", "b", "1")]);
        assert!(followed.lack(&cut, &restarted).is_none());
        let coming = followed.lack(&cut, &pods(&[("v-0", "c", ""), ("v-1", "b", "1")]));
        assert_eq!(
            (coming.coming, coming.now),
            (vec!["v-0".to_owned()], Hit::default())
        );
        let started = followed.lack(&cut, &pods(&[("v-0", "c", "3"), ("v-1", "b", "1")]));
        assert_eq!(started.now, hit(&["v-0"], &[]));
        let gone = followed.lack(&cut, &pods(&[("v-1", "b", "1")]));
        assert_eq!(gone.coming, ["v-0"], "its workload makes another");
    }

    #[test]
    fn load_is_of_processes() {
        let load = experiment(&json!({"stress": {"cpu": {"workers": 1}}}));
        let followed = Followed::new(&load, &hit(&["v-0"], &[]), &pods(&[("v-0", "a", "1")]));
        let lack = followed.lack(&load, &pods(&[("v-0", "a", "2")]));
        assert_eq!(lack.now, hit(&["v-0"], &[]));
    }

    #[test]
    fn a_new_member_has_the_fault_of_all_and_not_that_of_some() {
        let (before, now) = (
            pods(&[("v-0", "a", "1")]),
            pods(&[("v-0", "a", "1"), ("v-1", "b", "1")]),
        );
        let all = cut();
        let followed = Followed::new(&all, &hit(&["v-0"], &[]), &before);
        assert_eq!(followed.lack(&all, &now).now, hit(&["v-1"], &[]));
        let mut one = cut();
        one.pods.count = Some(1);
        assert!(followed.lack(&one, &now).is_none());
    }

    #[test]
    fn nobody_is_given_twice_what_he_has() {
        let had = hit(&["a", "b"], &["x", "y"]);
        assert_eq!(parts(&had, &hit(&["a"], &[])), [hit(&["a"], &["x", "y"])]);
        assert_eq!(parts(&had, &hit(&[], &["x"])), [hit(&["a", "b"], &["x"])]);
        assert_eq!(
            parts(&had, &hit(&["a"], &["z"])),
            [hit(&["a"], &["x", "y", "z"]), hit(&["b"], &["z"])]
        );
    }

    #[test]
    fn the_fault_that_is_done_again_is_of_the_same_release_and_no_longer() {
        let object: DynamicObject = serde_json::from_value(json!({
            "apiVersion": "chaos-mesh.org/v1alpha1", "kind": "NetworkChaos",
            "metadata": {"name": "x", "labels": {"app.kubernetes.io/instance": "chaos-x", "helm.sh/chart": "c"}},
            "spec": {"action": "partition", "mode": "fixed", "value": "1", "duration": "60s",
                "selector": {"namespaces": ["n"]}, "target": {"mode": "all", "selector": {}}},
        }))
        .expect("an object");
        let hit = hit(&["v-0"], &["v-1"]);
        let again = again(
            &object,
            "NetworkChaos",
            (&hit, "n"),
            2,
            Duration::from_secs(17),
        );
        assert_eq!(again.name_any(), "x-again-2");
        let labels = again.metadata.labels.expect("labels");
        assert_eq!(labels.len(), 1, "{labels:?}");
        let spec = &again.data["spec"];
        assert_eq!(
            (&spec["duration"], &spec["mode"], spec.get("value")),
            (&json!("17s"), &json!("all"), None)
        );
        assert_eq!(spec["selector"]["pods"], json!({"n": ["v-0"]}));
        assert_eq!(spec["target"]["selector"]["pods"], json!({"n": ["v-1"]}));
    }
}
