//! What happens to pods.

use super::manifest::Id;
use super::{Consequence, Effect, Manifest, config, span, template};
use crate::pod::PodName;
use crate::role::Role;
use crate::workload::Workload;
use serde_json::Value;

/// Fields of a spec that the API server never lets change.
const FIXED: [&str; 3] = ["selector", "serviceName", "podManagementPolicy"];

/// `true` for objects that have pods.
pub(super) fn has_pods(kind: &str) -> bool {
    matches!(kind, "StatefulSet" | "Deployment")
}

/// `true` for the name of a workload of validators.
pub(super) fn is_of_validators(name: &str) -> bool {
    Workload::from_name(name).is_some_and(|workload| workload.role() == Role::Validator)
}

/// A workload of both releases.
struct Pair<'a> {
    id: &'a Id,
    before: &'a Value,
    after: &'a Value,
    retires: bool,
}

pub(super) fn consequences(
    before: &Manifest,
    after: &Manifest,
    config: &config::Change,
    retires: bool,
) -> Vec<Consequence> {
    Manifest::pairs(before, after)
        .filter(|(id, ..)| has_pods(&id.kind))
        .flat_map(|(id, old, new)| match (old, new) {
            (None, Some(new)) => vec![comes(id, new)],
            (Some(old), None) => goes(id, old, retires),
            (Some(before), Some(after)) => Pair {
                id,
                before,
                after,
                retires,
            }
            .consequences(config),
            (None, None) => Vec::new(),
        })
        .collect()
}

fn comes(id: &Id, object: &Value) -> Consequence {
    let reasons = vec![format!("new {}", id.kind)];
    let pods = pods(id, 0, replicas(object));
    Consequence::new(Effect::Added, &id.name, reasons).of_pods(pods)
}

fn goes(id: &Id, object: &Value, retires: bool) -> Vec<Consequence> {
    let pods = pods(id, 0, replicas(object));
    let volumes = Volumes::of(&object["spec"], "whenDeleted", &pods);
    let reasons = [format!("no {} any more", id.kind)];
    let reasons = reasons
        .into_iter()
        .chain(volumes.stay())
        .chain(left_behind(id, retires))
        .collect();
    let removed = Consequence::new(Effect::Removed, &id.name, reasons).of_pods(pods.clone());
    let leaves = retired(id, &pods, retires);
    let lost = volumes
        .go()
        .map(|words| Consequence::new(Effect::Lost, &id.name, vec![words]).of_pods(pods));
    [Some(removed), lost, leaves]
        .into_iter()
        .flatten()
        .collect()
}

/// The volumes of pods that go for good.
struct Volumes {
    names: Vec<String>,
    deleted: bool,
}

impl Volumes {
    /// Of `pods` of a StatefulSet, by the rule `when` of its `persistentVolumeClaimRetentionPolicy`.
    fn of(spec: &Value, when: &str, pods: &[String]) -> Self {
        let claims = spec["volumeClaimTemplates"].as_array();
        let names = claims
            .into_iter()
            .flatten()
            .filter_map(|claim| claim["metadata"]["name"].as_str())
            .flat_map(|claim| pods.iter().map(move |pod| format!("{claim}-{pod}")));
        Self {
            names: names.collect(),
            deleted: spec["persistentVolumeClaimRetentionPolicy"][when] == "Delete",
        }
    }

    /// Which are deleted, in words.
    fn go(&self) -> Option<String> {
        let go = self.deleted && !self.names.is_empty();
        go.then(|| format!("volumes are deleted: {}", span(&self.names)))
    }

    /// Which stay, in words.
    fn stay(&self) -> Option<String> {
        let stay = !self.deleted && !self.names.is_empty();
        stay.then(|| format!("volumes stay: {}", span(&self.names)))
    }
}

impl Pair<'_> {
    fn consequences(&self, config: &config::Change) -> Vec<Consequence> {
        let mut all = self.refused();
        all.extend(self.scaled());
        all.extend(self.replaced(config));
        all.extend(self.changed());
        all
    }

    fn spec(&self) -> (&Value, &Value) {
        (&self.before["spec"], &self.after["spec"])
    }

    fn consequence(&self, effect: Effect, reasons: Vec<String>) -> Consequence {
        Consequence::new(effect, &self.id.name, reasons)
    }

    fn refused(&self) -> Vec<Consequence> {
        let (old, new) = self.spec();
        let differ = |field: &&&str| {
            template::canonical(&old[**field]) != template::canonical(&new[**field])
        };
        let mut refused: Vec<Consequence> = FIXED
            .iter()
            .filter(differ)
            .map(|field| {
                let why = format!(
                    "{field} of a {} can't change; delete it by `kubectl delete {} {} --cascade=orphan` first: its pods and volumes stay",
                    self.id.kind,
                    self.id.kind.to_lowercase(),
                    self.id.name
                );
                self.consequence(Effect::Refused, vec![why])
            })
            .collect();
        let (from, to) = (volume(old), volume(new));
        if from != to {
            let why = format!(
                "the volumes of a StatefulSet can't change; delete it by `kubectl delete statefulset {} --cascade=orphan`, \
                 change or delete its claims, and upgrade again",
                self.id.name
            );
            let words = format!("volume {from} → {to}");
            refused.push(self.consequence(Effect::Refused, vec![words, why]));
        }
        refused
    }

    fn scaled(&self) -> Vec<Consequence> {
        let (from, to) = (replicas(self.before), replicas(self.after));
        let words = vec![format!("replicas {from} → {to}")];
        if to > from {
            let pods = pods(self.id, from, to);
            return vec![self.consequence(Effect::Added, words).of_pods(pods)];
        }
        if to == from {
            return Vec::new();
        }
        let pods = pods(self.id, to, from);
        let volumes = Volumes::of(&self.after["spec"], "whenScaled", &pods);
        let reasons = words
            .into_iter()
            .chain(volumes.stay())
            .chain(left_behind(self.id, self.retires))
            .collect();
        let removed = self
            .consequence(Effect::Removed, reasons)
            .of_pods(pods.clone());
        let retired = retired(self.id, &pods, self.retires);
        let lost = volumes
            .go()
            .map(|words| self.consequence(Effect::Lost, vec![words]).of_pods(pods));
        [Some(removed), lost, retired]
            .into_iter()
            .flatten()
            .collect()
    }

    /// Pods of another template: those at and above the partition are replaced, the highest ordinal first.
    fn replaced(&self, config: &config::Change) -> Vec<Consequence> {
        let (old, new) = (
            &self.before["spec"]["template"],
            &self.after["spec"]["template"],
        );
        if !template::differs(old, new) {
            return Vec::new();
        }
        let stay = replicas(self.before).min(replicas(self.after));
        let partition = self.after["spec"]["updateStrategy"]["rollingUpdate"]["partition"]
            .as_u64()
            .map_or(0, |partition| u32::try_from(partition).unwrap_or(u32::MAX))
            .min(stay);
        let mut reasons = template::reasons(old, new, config.reasons(&self.id.name));
        let mut all = Vec::new();
        if partition > 0 {
            let held = self.consequence(
                Effect::HeldBack,
                vec![format!("updateStrategy.partition is {partition}")],
            );
            all.push(held.of_pods(pods(self.id, 0, partition)));
        }
        let replaced = pods(self.id, partition, stay);
        if replaced.is_empty() {
            return all;
        }
        if forgets(new) {
            match loss(&self.id.name) {
                Some(what) => {
                    let lost = self.consequence(Effect::Lost, vec![what.to_owned()]);
                    all.push(lost.of_pods(replaced.clone()));
                }
                None if self.id.name != "prover-agent" => {
                    reasons.push("has no volume: starts over".to_owned());
                }
                None => {}
            }
        }
        all.push(
            self.consequence(Effect::Restarted, reasons)
                .of_pods(replaced),
        );
        all
    }

    /// What changes without a pod noticing.
    fn changed(&self) -> Option<Consequence> {
        let (old, new) = self.spec();
        let without = [
            "replicas",
            "template",
            "volumeClaimTemplates",
            "selector",
            "serviceName",
            "podManagementPolicy",
        ];
        let (old, new) = (template::canonical(old), template::canonical(new));
        let words: Vec<String> = template::fields(&old, &new, &without)
            .into_iter()
            .map(|(field, words)| format!("{field}{words}"))
            .collect();
        (!words.is_empty()).then(|| self.consequence(Effect::Changed, words))
    }
}

/// Validators that go leave the validator set first.
fn retired(id: &Id, pods: &[String], retires: bool) -> Option<Consequence> {
    if !is_of_validators(&id.name) || pods.is_empty() || !retires {
        return None;
    }
    let reason = "their attesters leave the validator set on L1 first, for good: the L1 never takes an address again";
    let consequence = Consequence::new(Effect::Retired, &id.name, vec![reason.to_owned()]);
    Some(consequence.of_pods(pods.to_vec()))
}

/// Validators that go and don't leave the validator set.
fn left_behind(id: &Id, retires: bool) -> Option<String> {
    (is_of_validators(&id.name) && !retires).then(|| {
        "their attesters stay in the validator set and miss their duties until they are taken out of it".to_owned()
    })
}

fn replicas(object: &Value) -> u32 {
    let replicas = object["spec"]["replicas"].as_u64().unwrap_or(1);
    u32::try_from(replicas).unwrap_or(u32::MAX)
}

/// Names of the pods `from..to`; those of a Deployment have none that is known beforehand.
fn pods(id: &Id, from: u32, to: u32) -> Vec<String> {
    let name = |ordinal| match id.kind.as_str() {
        "StatefulSet" => PodName::new(&id.name, ordinal).to_string(),
        _ => id.name.clone(),
    };
    (from..to).map(name).collect()
}

/// The claim of a StatefulSet in words, `5Gi of fast`.
fn volume(spec: &Value) -> String {
    let Some(claim) = spec["volumeClaimTemplates"]
        .get(0)
        .map(|claim| &claim["spec"])
    else {
        return "none".to_owned();
    };
    let claim = template::canonical(claim);
    let size = claim["resources"]["requests"]["storage"]
        .as_str()
        .unwrap_or("?")
        .to_owned();
    match claim["storageClassName"].as_str() {
        Some(class) => format!("{size} of {class}"),
        None => size,
    }
}

/// `true` where a pod keeps its data for as long as it lives.
fn forgets(template: &Value) -> bool {
    let volumes = template["spec"]["volumes"].as_array();
    volumes.is_some_and(|volumes| {
        volumes
            .iter()
            .any(|volume| volume["name"] == "data" && volume.get("emptyDir").is_some())
    })
}

/// What goes for good with a pod that keeps nothing.
fn loss(workload: &str) -> Option<&'static str> {
    match workload {
        "anvil" => Some("has no volume: the L1 chain goes with the pod, and the network with it"),
        "blob-store" => Some(
            "has no volume: the blobs go with the pod, and new nodes can't sync what came before",
        ),
        "pxe" => Some("has no volume: its wallets go with the pod"),
        _ => None,
    }
}
