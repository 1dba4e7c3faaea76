//! Faults that Chaos Mesh has injected, done again: it injects into the pods that there are when it begins, and looks neither
//! for those that are replaced nor for those that come.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aznet_model::chaos::{Experiment, Fault, Pods as Wanted};
use kube::ResourceExt;
use kube::api::{DynamicObject, ObjectMeta, PostParams, TypeMeta};
use serde_json::{Value, json};

use super::Under;
use crate::error::ChaosError;
use crate::objects::{self, GROUP, VERSION};
use crate::observe::Observation;
use crate::pods::{Pods, Seen};
use crate::target::{self, Hit};

/// Chaos Mesh does nothing that is shorter.
const SHORTEST: u64 = 1;

/// Whom a fault is done to, as far as it has been followed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Followed {
    hit: Hit,
    /// What each pod that has the fault is known by.
    known: BTreeMap<String, String>,
    /// The pods that have it, as they were seen when they were given it.
    seen: Pods,
    /// By name, the pod whose state before the fault a later one is compared with.
    likes: BTreeMap<String, String>,
    /// How often it was done again.
    pub(super) rounds: u32,
}

/// Who has lost a fault, or never had it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Lack {
    /// Pods that can be given it now.
    pub(super) now: Hit,
    /// Pods that are gone, or have not started again yet.
    pub(super) coming: Vec<String>,
    /// By name, the pods that others are in the place of.
    heirs: BTreeMap<String, String>,
    /// Pods that are gone for good, where those that come are hit as well.
    gone: Vec<String>,
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
            self.seen.insert(name.clone(), pod.clone());
        }
    }

    /// Who lacks it.
    pub(super) fn lack(&self, experiment: &Experiment, pods: &Pods) -> Lack {
        let mut lack = Lack::default();
        let fit = target::may_hit(experiment, pods);
        let mut add = |had: &[String], fit: &[String], wanted: &Wanted| {
            // Of some that were chosen, no others take the place.
            let come = fit.iter().filter(|_| wanted.takes_all());
            let mut names: BTreeSet<String> = had.iter().chain(come).cloned().collect();
            for gone in had.iter().filter(|name| !pods.contains_key(*name)) {
                if wanted.takes_all() && self.has_peer(gone, fit, pods) {
                    names.remove(gone);
                    lack.gone.push(gone.clone());
                } else if let Some(heir) = self.heir(gone, (had, fit), (&lack.heirs, pods)) {
                    names.remove(gone);
                    names.insert(heir.clone());
                    lack.heirs.insert(heir, gone.clone());
                }
            }
            let lacking = names.into_iter().filter(|name| {
                let known = pods.get(name).map(|pod| known_by(experiment, pod));
                known.is_none() || known.as_ref() != self.known.get(name)
            });
            let can_have = |name: &String| pods.get(name).is_some_and(has_started);
            let (ready, coming) = lacking.partition::<Vec<_>, _>(can_have);
            lack.coming.extend(coming);
            ready
        };
        let sources = add(&self.hit.pods, &fit.pods, &experiment.pods);
        let targets = match experiment.target() {
            Some(target) => add(&self.hit.targets, &fit.targets, target),
            None => Vec::new(),
        };
        lack.now = Hit {
            pods: sources,
            targets,
        };
        lack
    }

    /// Who has taken the place of a pod that is gone, where its workload gives each another name.
    fn heir(
        &self,
        gone: &String,
        (had, fit): (&[String], &[String]),
        (heirs, pods): (&BTreeMap<String, String>, &Pods),
    ) -> Option<String> {
        let gone = self.seen.get(gone).filter(|gone| gone.is_nameless())?;
        let is_new = |name: &&String| !had.contains(name) && !heirs.contains_key(*name);
        let mut new = fit.iter().filter(is_new);
        new.find(|name| pods[*name].is_peer_of(gone)).cloned()
    }

    /// Whether others do the work of a pod that is gone, and that its workload names anew.
    fn has_peer(&self, gone: &String, fit: &[String], pods: &Pods) -> bool {
        let gone = self.seen.get(gone).filter(|gone| gone.is_nameless());
        gone.is_some_and(|gone| fit.iter().any(|name| pods[name].is_peer_of(gone)))
    }

    /// Those who lacked it and can have it have it now.
    pub(super) fn given(&mut self, experiment: &Experiment, lack: &Lack, pods: &Pods) {
        self.know(experiment, &lack.now, pods);
        for (heir, gone) in &lack.heirs {
            let same = self.likes.get(gone).unwrap_or(gone).clone();
            self.likes.insert(heir.clone(), same);
        }
        for new in &lack.now.pods {
            if self.hit.pods.contains(new) || self.likes.contains_key(new) {
                continue;
            }
            let mut had = self.seen.iter();
            let peer = had.find(|(_, peer)| pods[new].is_peer_of(peer));
            let peer = peer.map(|(name, _)| name);
            if let Some(peer) = peer {
                let same = self.likes.get(peer).unwrap_or(peer).clone();
                self.likes.insert(new.clone(), same);
            }
        }
        self.hit = joined(&self.without(lack), &lack.now);
    }

    /// Whom it is done to, but those that others are in the place of.
    pub(super) fn without(&self, lack: &Lack) -> Hit {
        let left = |names: &[String]| {
            let left = names.iter();
            let left = left.filter(|name| !lack.replaced().any(|gone| gone == *name));
            left.cloned().collect()
        };
        Hit {
            pods: left(&self.hit.pods),
            targets: left(&self.hit.targets),
        }
    }

    /// Whom it is done to.
    pub(super) fn hit(&self) -> &Hit {
        &self.hit
    }

    /// How things were before, as if those who have the fault by now had been there.
    pub(super) fn before(&self, seen: &Observation) -> Observation {
        let mut before = seen.clone();
        for (name, like) in &self.likes {
            before.add_like(name, like);
        }
        before.known_as(&self.known);
        before
    }
}

impl Lack {
    /// Every pod has it, and nobody is gone.
    pub(super) fn is_none(&self) -> bool {
        self.coming.is_empty() && self.gone.is_empty() && self.now == Hit::default()
    }

    /// Pods that are gone, and that others are in the place of.
    pub(super) fn replaced(&self) -> impl Iterator<Item = &String> {
        self.heirs.values().chain(&self.gone)
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
    /// Has Chaos Mesh do a fault again to who lacks it, for the time that is left.
    pub(super) async fn inject_again(
        &self,
        (name, experiment): (&str, &Experiment),
        (had, lack, round): (&Hit, &Hit, &mut u32),
        left: Duration,
    ) -> Result<bool, ChaosError> {
        let network = self.run.network;
        let kind = experiment.fault().and_then(|fault| fault.kind());
        let kind = kind.unwrap_or_default();
        let api = objects::of(network.client(), network.namespace(), kind);
        let object = api.get(name).await;
        let object = object.map_err(ChaosError::api(format!("look at {kind} {name}")))?;
        for hit in parts(had, lack) {
            *round += 1;
            let again = again(&object, kind, (&hit, network.namespace()), *round, left);
            let made = api.create(&PostParams::default(), &again).await;
            let doing = format!("do {name} again to {}", hit.pods.join(", "));
            drop(made.map_err(ChaosError::api(doing))?);
        }
        Ok(true)
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

/// Those of both.
pub(super) fn joined(one: &Hit, other: &Hit) -> Hit {
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

    /// Pods of a Deployment.
    fn deployed(all: &[(&str, &str, &str)]) -> Pods {
        let mut all = pods(all);
        for one in all.values_mut() {
            let hash = ("pod-template-hash".to_owned(), "x".to_owned());
            one.labels.extend([hash]);
        }
        all
    }

    #[test]
    fn a_pod_that_comes_before_the_other_is_gone_is_the_only_one_left() {
        let all = cut();
        let old = ("v-x-a", "a", "1");
        let mut followed = Followed::new(&all, &hit(&["v-x-a"], &[]), &deployed(&[old]));
        let both = deployed(&[old, ("v-x-b", "b", "1")]);
        let lack = followed.lack(&all, &both);
        assert_eq!(lack.now, hit(&["v-x-b"], &[]));
        followed.given(&all, &lack, &both);
        let new = deployed(&[("v-x-b", "b", "1")]);
        let lack = followed.lack(&all, &new);
        assert!(
            lack.coming.is_empty() && lack.now == Hit::default(),
            "{lack:?}"
        );
        followed.given(&all, &lack, &new);
        assert_eq!(followed.hit(), &hit(&["v-x-b"], &[]));
        assert!(followed.lack(&all, &new).is_none());
        assert_eq!(followed.likes["v-x-b"], "v-x-a");
        let none = followed.lack(&all, &Pods::new());
        assert_eq!(none.coming, ["v-x-b"], "another is to come");
    }

    #[test]
    fn a_pod_of_a_deployment_has_an_heir_of_another_name() {
        let deployed = |name: &str, uid: &str| deployed(&[(name, uid, "1")]);
        let mut one = cut();
        one.pods.count = Some(1);
        let mut followed = Followed::new(&one, &hit(&["v-x-a"], &[]), &deployed("v-x-a", "a"));
        let gone = followed.lack(&one, &Pods::new());
        assert_eq!(gone.coming, ["v-x-a"], "there is no other yet");
        let now = deployed("v-x-b", "b");
        let lack = followed.lack(&one, &now);
        assert_eq!((&lack.now, lack.coming.len()), (&hit(&["v-x-b"], &[]), 0));
        followed.given(&one, &lack, &now);
        assert_eq!(followed.hit(), &hit(&["v-x-b"], &[]));
        assert!(followed.lack(&one, &now).is_none());
        assert_eq!(followed.likes["v-x-b"], "v-x-a", "it is compared with that");
    }

    #[test]
    fn a_new_member_is_compared_with_a_peer() {
        let all = cut();
        let mut followed = Followed::new(&all, &hit(&["v-0"], &[]), &pods(&[("v-0", "a", "1")]));
        let now = pods(&[("v-0", "a", "1"), ("v-1", "b", "1")]);
        let lack = followed.lack(&all, &now);
        followed.given(&all, &lack, &now);
        assert_eq!(followed.hit(), &hit(&["v-0", "v-1"], &[]));
        assert_eq!(followed.likes["v-1"], "v-0");
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
