//! Experiments that contradict each other: done at the same time to the same pod, one of them could not be seen to bite.

use std::collections::BTreeMap;

use aznet_model::chaos::{Experiment, Fault, NetworkAction, NetworkFault};
use aznet_model::plan::Plan;

use crate::error::ChaosError;
use crate::pods::{Pods, Seen};
use crate::target;

/// Refuses experiments that contradict each other on a network that is only planned.
///
/// # Errors
/// [`ChaosError::Contradict`].
pub fn check_planned(
    experiments: &BTreeMap<String, Experiment>,
    plan: &Plan,
) -> Result<(), ChaosError> {
    check(experiments, &planned(plan))
}

/// The pods of a planned network that an experiment may hit.
pub fn may_hit(experiment: &Experiment, plan: &Plan) -> Vec<String> {
    target::may_hit(experiment, &planned(plan)).pods
}

fn planned(plan: &Plan) -> Pods {
    let pods = plan.pods.iter();
    pods.map(|pod| (pod.name.clone(), Seen::planned(pod)))
        .collect()
}

/// Refuses experiments that contradict each other.
pub(crate) fn check(
    experiments: &BTreeMap<String, Experiment>,
    pods: &Pods,
) -> Result<(), ChaosError> {
    let each: Vec<_> = experiments.iter().collect();
    for (index, (name, one)) in each.iter().enumerate() {
        for (other_name, other) in &each[index + 1..] {
            let Some(why) = contradiction(one, other) else {
                continue;
            };
            let hit = target::may_hit(one, pods).pods;
            let both = target::may_hit(other, pods).pods;
            let shared: Vec<String> = hit.into_iter().filter(|pod| both.contains(pod)).collect();
            if !shared.is_empty() {
                return Err(ChaosError::Contradict {
                    experiment: (*name).clone(),
                    other: (*other_name).clone(),
                    pods: shared,
                    why,
                });
            }
        }
    }
    Ok(())
}

/// Why two experiments can't both be done to a pod.
fn contradiction(one: &Experiment, other: &Experiment) -> Option<&'static str> {
    match (one.fault()?, other.fault()?) {
        (Fault::Pod(_), _) | (_, Fault::Pod(_)) => {
            Some("a pod that is failed or killed shows nothing else")
        }
        (Fault::Network(one), Fault::Network(other)) => of_network(one, other),
        (Fault::L1(_), Fault::L1(_)) => Some("both change how the same L1 makes blocks"),
        (Fault::Protocol(one), Fault::Protocol(other)) => {
            let (asked, also) = (one.action.settings(), other.action.settings());
            let shared = asked.keys().any(|key| also.contains_key(key));
            shared.then_some("both change the same setting")
        }
        _ => None,
    }
}

fn of_network(one: &NetworkFault, other: &NetworkFault) -> Option<&'static str> {
    let cuts_all =
        |fault: &NetworkFault| fault.action == NetworkAction::Partition && fault.target.is_none();
    if cuts_all(one) || cuts_all(other) {
        return Some("of a pod that is cut off from everyone nothing else can be measured");
    }
    let same = one.action == other.action && one.target == other.target;
    (same && one != other).then_some("both are the same fault with other settings")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::pods::Seen;

    fn verdict(one: &Value, other: &Value) -> Result<(), ChaosError> {
        let experiment = |fault: &Value, ordinals: Value| {
            let mut one = json!({"pods": {"ordinals": ordinals}, "duration": "30s"});
            let fault = fault.as_object().expect("a map").clone();
            one.as_object_mut().expect("a map").extend(fault);
            serde_json::from_value(one).expect("an experiment")
        };
        let all = BTreeMap::from([
            ("a".to_owned(), experiment(one, json!([0, 1]))),
            ("b".to_owned(), experiment(other, json!([1, 2]))),
        ]);
        let pods = ["validator-0", "validator-1", "validator-2"];
        let pods = pods.map(|name| (name.to_owned(), Seen::default()));
        check(&all, &Pods::from(pods))
    }

    #[test]
    fn faults_that_hide_each_other_are_refused_by_pod() {
        let kill = json!({"pod": {"action": "kill"}});
        let slow = |latency: &str| json!({"network": {"action": "delay", "latency": latency}});
        let lossy = json!({"network": {"action": "loss", "percent": 5}});
        let cut = json!({"network": {"action": "partition"}});
        assert!(verdict(&slow("20ms"), &lossy).is_ok());
        let error = verdict(&kill, &lossy).expect_err("refused").to_string();
        assert!(
            error.contains("a and b") && error.contains("validator-1"),
            "{error}"
        );
        assert!(verdict(&slow("20ms"), &slow("90ms")).is_err());
        assert!(verdict(&slow("20ms"), &slow("20ms")).is_ok());
        assert!(verdict(&cut, &lossy).is_err());
    }
}
