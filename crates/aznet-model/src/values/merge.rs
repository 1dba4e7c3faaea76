//! Helm's way of laying values over each other.

use super::p2p::{P2p, P2pPod};
use super::pod::{PodSettings, Ports, Probe, Probes, Resources, RetentionPolicy, Storage};
use super::quantity::ResourceList;
use super::rollout::{PodDisruptionBudget, UpdateStrategy};
use super::service_account::ServiceAccount;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Lays `over` over `base` among values that are all the user's: maps are merged, anything else is replaced.
/// A null stays, for it tells Helm to drop the chart's default.
pub(super) fn overlay(base: &mut Map<String, Value>, over: Map<String, Value>) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => overlay(old, new),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// Lays the user's values over the chart's defaults, as Helm 4 does. A null takes a default out; beside the defaults it
/// stays, and the schema sees it.
pub(super) fn coalesce(
    defaults: Map<String, Value>,
    mut over: Map<String, Value>,
) -> Map<String, Value> {
    fill(&mut over, without_nulls(defaults));
    over
}

fn fill(over: &mut Map<String, Value>, defaults: Map<String, Value>) {
    for (key, default) in defaults {
        match (over.get_mut(&key), default) {
            (None, default) => {
                over.insert(key, default);
            }
            (Some(Value::Null), _) => {
                over.remove(&key);
            }
            (Some(Value::Object(over)), Value::Object(defaults)) => fill(over, defaults),
            (Some(_), _) => {}
        }
    }
}

/// The map without its nulls, at any depth of maps.
pub(super) fn without_nulls(map: Map<String, Value>) -> Map<String, Value> {
    let kept = map.into_iter().filter_map(|(key, value)| match value {
        Value::Null => None,
        Value::Object(inner) => Some((key, Value::Object(without_nulls(inner)))),
        other => Some((key, other)),
    });
    kept.collect()
}

type Texts = Option<BTreeMap<String, String>>;

impl PodSettings {
    /// A role's own settings over the defaults: maps are merged key by key, anything else is replaced.
    #[must_use]
    pub fn over(self, defaults: &Self) -> Self {
        Self {
            image: self.image.or_else(|| defaults.image.clone()),
            log_level: self.log_level.or_else(|| defaults.log_level.clone()),
            debug: self.debug.or_else(|| defaults.debug.clone()),
            service: both(self.service, defaults.service.as_ref(), Ports::over),
            resources: both(self.resources, defaults.resources.as_ref(), Resources::over),
            max_old_space_size: self.max_old_space_size.or(defaults.max_old_space_size),
            env: texts(self.env, &defaults.env),
            env_from: self.env_from.or_else(|| defaults.env_from.clone()),
            args: self.args.or_else(|| defaults.args.clone()),
            probes: both(self.probes, defaults.probes.as_ref(), Probes::over),
            storage: both(self.storage, defaults.storage.as_ref(), Storage::over),
            termination_grace_period_seconds: self
                .termination_grace_period_seconds
                .or(defaults.termination_grace_period_seconds),
            node_selector: texts(self.node_selector, &defaults.node_selector),
            tolerations: self.tolerations.or_else(|| defaults.tolerations.clone()),
            affinity: self.affinity.or_else(|| defaults.affinity.clone()),
            topology_spread_constraints: self
                .topology_spread_constraints
                .or_else(|| defaults.topology_spread_constraints.clone()),
            priority_class_name: self
                .priority_class_name
                .or_else(|| defaults.priority_class_name.clone()),
            service_account: both(
                self.service_account,
                defaults.service_account.as_ref(),
                ServiceAccount::over,
            ),
            pod_disruption_budget: both(
                self.pod_disruption_budget,
                defaults.pod_disruption_budget.as_ref(),
                PodDisruptionBudget::over,
            ),
            update_strategy: both(
                self.update_strategy,
                defaults.update_strategy.as_ref(),
                UpdateStrategy::over,
            ),
            p2p: both(self.p2p, defaults.p2p.as_ref(), P2p::over),
            pod_labels: texts(self.pod_labels, &defaults.pod_labels),
            pod_annotations: texts(self.pod_annotations, &defaults.pod_annotations),
        }
    }
}

fn both<T: Clone>(own: Option<T>, default: Option<&T>, over: impl Fn(T, &T) -> T) -> Option<T> {
    match (own, default) {
        (Some(own), Some(default)) => Some(over(own, default)),
        (own, default) => own.or_else(|| default.cloned()),
    }
}

fn texts(own: Texts, default: &Texts) -> Texts {
    both(own, default.as_ref(), |own, default| {
        let mut merged = default.clone();
        merged.extend(own);
        merged
    })
}

impl ServiceAccount {
    fn over(self, default: &Self) -> Self {
        Self {
            create: self.create.or(default.create),
            name: self.name.or_else(|| default.name.clone()),
            annotations: texts(self.annotations, &default.annotations),
        }
    }
}

impl Ports {
    fn over(self, default: &Self) -> Self {
        Self {
            p2p_port: self.p2p_port.or(default.p2p_port),
            node_port: self.node_port.or(default.node_port),
            admin_port: self.admin_port.or(default.admin_port),
            kind: self.kind.or(default.kind),
            port: self.port.or(default.port),
            target_port: self.target_port.or(default.target_port),
        }
    }
}

impl Resources {
    fn over(self, default: &Self) -> Self {
        Self {
            requests: both(self.requests, default.requests.as_ref(), ResourceList::over),
            limits: both(self.limits, default.limits.as_ref(), ResourceList::over),
        }
    }
}

impl ResourceList {
    fn over(self, default: &Self) -> Self {
        Self {
            cpu: self.cpu.or_else(|| default.cpu.clone()),
            memory: self.memory.or_else(|| default.memory.clone()),
            ephemeral_storage: self
                .ephemeral_storage
                .or_else(|| default.ephemeral_storage.clone()),
        }
    }
}

impl Probes {
    fn over(self, default: &Self) -> Self {
        Self {
            startup: both(self.startup, default.startup.as_ref(), Probe::over),
            readiness: both(self.readiness, default.readiness.as_ref(), Probe::over),
            liveness: both(self.liveness, default.liveness.as_ref(), Probe::over),
        }
    }
}

impl Probe {
    fn over(self, default: &Self) -> Self {
        Self {
            period_seconds: self.period_seconds.or(default.period_seconds),
            timeout_seconds: self.timeout_seconds.or(default.timeout_seconds),
            failure_threshold: self.failure_threshold.or(default.failure_threshold),
        }
    }
}

impl Storage {
    fn over(self, default: &Self) -> Self {
        Self {
            enabled: self.enabled.or(default.enabled),
            size: self.size.or_else(|| default.size.clone()),
            medium: self.medium.or(default.medium),
            storage_class: self.storage_class.or_else(|| default.storage_class.clone()),
            retention_policy: both(
                self.retention_policy,
                default.retention_policy.as_ref(),
                RetentionPolicy::over,
            ),
        }
    }
}

impl RetentionPolicy {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as `both` calls it")]
    fn over(self, default: &Self) -> Self {
        Self {
            when_deleted: self.when_deleted.or(default.when_deleted),
            when_scaled: self.when_scaled.or(default.when_scaled),
        }
    }
}

impl P2p {
    fn over(self, default: &Self) -> Self {
        Self {
            exposure: self.exposure.or(default.exposure),
            announce_ip: self.announce_ip.or_else(|| default.announce_ip.clone()),
            node_port_base: self.node_port_base.or(default.node_port_base),
            external_traffic_policy: self
                .external_traffic_policy
                .or(default.external_traffic_policy),
            load_balancer_class: self
                .load_balancer_class
                .or_else(|| default.load_balancer_class.clone()),
            load_balancer_source_ranges: self
                .load_balancer_source_ranges
                .or_else(|| default.load_balancer_source_ranges.clone()),
            annotations: texts(self.annotations, &default.annotations),
            pods: pods(self.pods, default.pods.as_ref()),
        }
    }
}

type Pods = BTreeMap<u32, P2pPod>;

fn pods(own: Option<Pods>, default: Option<&Pods>) -> Option<Pods> {
    let Some(default) = default else { return own };
    let mut merged = default.clone();
    for (ordinal, pod) in own.into_iter().flatten() {
        let below = merged.remove(&ordinal).unwrap_or_default();
        let pod = P2pPod {
            announce_ip: pod.announce_ip.or(below.announce_ip),
            annotations: texts(pod.annotations, &below.annotations),
        };
        merged.insert(ordinal, pod);
    }
    Some(merged)
}
