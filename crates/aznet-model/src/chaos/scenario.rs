//! The scenarios that a network's values may have, as the design document writes them.

use std::collections::BTreeMap;

use super::experiment::Experiment;
use super::fault::{PodAction, PodFault};
use super::pods::Pods;
use super::span::FaultSpan;
use crate::values::{Chaos, ChaosScenario};

/// What a scenario that says nothing of time lasts.
const USUAL: &str = "30s";
/// Labels that name a pod's role.
const ROLE_LABELS: [&str; 2] = ["app", "app.kubernetes.io/component"];

/// The experiments that scenarios of a network's values stand for.
pub(super) fn experiments(chaos: &Chaos) -> BTreeMap<String, Experiment> {
    let experiment = |scenario: &ChaosScenario| {
        let action = action_of(scenario)?;
        let force = scenario.action_options.and_then(|options| options.force);
        let pod = PodFault {
            action,
            containers: Vec::new(),
            grace_period: force.filter(|force| *force).map(|_| 0),
        };
        Some((
            scenario.name.clone(),
            Experiment {
                pods: pods_of(&scenario.selector.match_labels),
                duration: FaultSpan::new(USUAL),
                when: None,
                repeat: None,
                pod: Some(pod),
                network: None,
                stress: None,
                clock: None,
                io: None,
                dns: None,
                http: None,
                protocol: None,
                l1: None,
            },
        ))
    };
    chaos.scenarios.iter().filter_map(experiment).collect()
}

/// What a scenario does; `None`: nothing that is known.
pub(super) fn action_of(scenario: &ChaosScenario) -> Option<PodAction> {
    match (scenario.kind.as_str(), scenario.action.as_str()) {
        ("pod", "kill") => Some(PodAction::Kill),
        ("pod", "failure") => Some(PodAction::Failure),
        _ => None,
    }
}

fn pods_of(labels: &BTreeMap<String, String>) -> Pods {
    let is_role = |key: &str| ROLE_LABELS.contains(&key);
    let mut pods = Pods::default();
    for (key, value) in labels {
        if is_role(key) {
            pods.roles.push(value.clone());
        } else {
            pods.labels.insert(key.clone(), value.clone());
        }
    }
    pods
}
