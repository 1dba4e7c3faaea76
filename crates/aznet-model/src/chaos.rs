//! Faults to be done to a network: the values of the chart `aztec-chaos`, typed, and what they mean.

mod duration;
mod experiment;
mod fault;
mod l1;
mod pods;
mod process;
mod protocol;
mod rules;
mod scenario;
mod sequence;
mod span;
mod when;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::duration::FaultDuration;
pub use self::experiment::Experiment;
pub use self::fault::{
    CpuStress, Direction, Fault, MemoryStress, NetworkAction, NetworkFault, PodAction, PodFault,
    StressFault,
};
pub use self::l1::{L1Action, L1Fault};
pub use self::pods::{PodFacts, Pods, Share};
pub use self::process::{
    ClockFault, DnsAction, DnsFault, HttpAction, HttpFault, IoAction, IoFault,
};
pub use self::protocol::{ProtocolAction, ProtocolFault};
pub use self::sequence::{Repeat, Sequence};
pub use self::span::FaultSpan;
pub use self::when::{EpochAt, When};

use crate::values::{self, Chaos, Layer, ValuesError};

/// Values of the chart `aztec-chaos`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChaosValues {
    /// Values that an umbrella chart hands to all its charts; not read here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub global: Option<Map<String, Value>>,
    /// What an umbrella chart's condition switches; not read here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Experiments by name.
    pub experiments: BTreeMap<String, Experiment>,
    /// Experiments one after another, by name.
    #[serde(default)]
    pub sequences: BTreeMap<String, Sequence>,
    /// Experiments as a network's values may have them.
    pub chaos: Chaos,
}

/// Loaded and typed values.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// All experiments by name, those of `chaos.scenarios` included.
    pub experiments: BTreeMap<String, Experiment>,
    /// Those that come one after another.
    pub sequences: BTreeMap<String, Sequence>,
    /// What was laid over the chart's defaults: to be handed to Helm as its one values file.
    pub overlay: Map<String, Value>,
}

/// Lays `layers`, the last one strongest, and `--set` expressions over the chart's defaults, with Helm's rules.
///
/// # Errors
/// [`ValuesError`]; all that the schema or the rules refuse is reported at once.
pub fn resolve(
    defaults: &Map<String, Value>,
    layers: Vec<Layer>,
    sets: &[String],
) -> Result<Loaded, ValuesError> {
    let (values, overlay) = values::typed::<ChaosValues>(defaults, layers, sets)?;
    let mut problems = rules::of_scenarios(&values.chaos);
    let mut experiments = values.experiments;
    experiments.extend(scenario::experiments(&values.chaos));
    problems.extend(rules::of(&experiments, &values.sequences));
    if problems.is_empty() {
        return Ok(Loaded {
            experiments,
            sequences: values.sequences,
            overlay,
        });
    }
    Err(ValuesError::Invalid(problems))
}

/// The schema of the values, as kept in `helm-charts/aztec-chaos/values.schema.json`.
pub fn schema() -> String {
    values::schema_of::<ChaosValues>()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn load(values: Value) -> Result<Loaded, ValuesError> {
        let defaults = json!({"experiments": {}, "chaos": {"scenarios": []}});
        let (Value::Object(defaults), Value::Object(values)) = (defaults, values) else {
            panic!("maps");
        };
        let origin = "test".to_owned();
        resolve(&defaults, vec![Layer { origin, values }], &[])
    }

    fn refused(experiment: &Value) -> String {
        let values = json!({"experiments": {"x": experiment}});
        load(values).expect_err("refused").to_string()
    }

    #[test]
    fn the_example_of_the_design_document_is_an_experiment() {
        let scenario = json!({
            "name": "boot-node-failure", "type": "pod", "selector": {"matchLabels": {"app": "boot-node"}},
            "action": "kill", "actionOptions": {"force": true},
        });
        let loaded = load(json!({"chaos": {"scenarios": [scenario]}})).expect("valid");
        let experiment = &loaded.experiments["boot-node-failure"];
        assert_eq!(experiment.pods.roles, ["boot-node"]);
        let pod = experiment.pod.as_ref().expect("a fault of pods");
        assert_eq!((pod.action, pod.grace_period), (PodAction::Kill, Some(0)));
    }

    #[test]
    fn what_can_not_be_meant_is_refused_by_key() {
        let pods = json!({"roles": ["boot-node"]});
        for (experiment, words) in [
            (
                json!({"pods": pods, "duration": "30s"}),
                "experiments.x: no fault",
            ),
            (
                json!({"pods": pods, "duration": "30s", "pod": {"action": "kill"}, "stress": {"cpu": {"workers": 1}}}),
                "experiments.x: several faults",
            ),
            (
                json!({"pods": pods, "pod": {"action": "kill"}}),
                "experiments.x.duration: missing",
            ),
            (
                json!({"pods": pods, "duration": "-3s", "pod": {"action": "kill"}}),
                "experiments.x.duration: text \"-3s\"",
            ),
            (
                json!({"pods": pods, "duration": "0s", "pod": {"action": "kill"}}),
                "from 1s to 24h",
            ),
            (
                json!({"pods": pods, "duration": "0 epochs", "pod": {"action": "kill"}}),
                "experiments.x.duration: text \"0 epochs\"",
            ),
            (
                json!({"pods": {"roles": ["bootnode"]}, "duration": "30s", "pod": {"action": "kill"}}),
                "did you mean `boot-node`?",
            ),
            (
                json!({"pods": {"roles": ["validator"], "count": 1, "percent": 50}, "duration": "30s", "pod": {"action": "kill"}}),
                "experiments.x.pods.count",
            ),
            (
                json!({"pods": {"namespaces": ["kube-system"]}, "duration": "30s", "pod": {"action": "kill"}}),
                "experiments.x.pods.namespaces: unknown key",
            ),
            (
                json!({"pods": pods, "duration": "30s", "network": {"action": "delay"}}),
                "experiments.x.network.latency: missing",
            ),
            (
                json!({"pods": pods, "duration": "30s", "stress": {}}),
                "experiments.x.stress: no load",
            ),
            (
                json!({"pods": {}, "duration": "30s", "protocol": {"action": "fake-attestations"}}),
                "experiments.x.pods.roles: []; expected [validator]",
            ),
            (
                json!({"pods": {"roles": ["validator"]}, "duration": "30s", "protocol": {"action": "fake-proposals"}}),
                "experiments.x.protocol.action",
            ),
            (
                json!({"pods": {"roles": ["anvil"]}, "duration": "30s", "l1": {"action": "reorg"}}),
                "experiments.x.l1.depth: missing",
            ),
            (
                json!({"pods": {"roles": ["anvil"]}, "duration": "30s", "l1": {"action": "paused", "gwei": 5}}),
                "experiments.x.l1.gwei: there",
            ),
            (
                json!({"pods": {"roles": ["anvil"]}, "duration": "30s", "l1": {"action": "slow", "blockTime": "1500ms"}}),
                "whole seconds from 1s to 2m",
            ),
            (
                json!({"pods": pods, "duration": "30s", "clock": {"offset": "0s"}}),
                "experiments.x.clock.offset: 0s",
            ),
            (
                json!({"pods": pods, "duration": "30s", "io": {"action": "latency", "volume": "/data", "errno": 5}}),
                "experiments.x.io.errno: there",
            ),
            (
                json!({"pods": pods, "duration": "30s", "http": {"action": "delay", "port": 8080}}),
                "experiments.x.http.delay: missing",
            ),
            (
                json!({"pods": {"roles": ["validator"], "proposer": true, "count": 1}, "duration": "30s", "pod": {"action": "kill"}}),
                "experiments.x.pods.proposer: beside others",
            ),
            (
                json!({"pods": {"roles": ["validator"], "committee": "1/2"}, "duration": "30s", "pod": {"action": "kill"}}),
                "experiments.x.pods.committee",
            ),
        ] {
            let error = refused(&experiment);
            assert!(error.contains(words), "{error}\n{words}");
        }
    }

    #[test]
    fn times_that_say_nothing_or_two_things_are_refused_by_key() {
        let pods = json!({"roles": ["boot-node"]});
        for (experiment, words) in [
            (
                json!({"pods": pods, "duration": "30s", "pod": {"action": "kill"}, "when": {"slot": 3, "proving": true}}),
                "experiments.x.when: proving beside",
            ),
            (
                json!({"pods": pods, "duration": "30s", "pod": {"action": "kill"}, "when": {}}),
                "experiments.x.when: nothing",
            ),
            (
                json!({"pods": pods, "duration": "30s", "pod": {"action": "kill"}, "when": {"slot": 3, "proposing": "validator-0"}}),
                "experiments.x.when: proposing beside",
            ),
        ] {
            let error = refused(&experiment);
            assert!(error.contains(words), "{error}\n{words}");
        }
    }

    #[test]
    fn a_sequence_is_of_experiments_that_there_are() {
        let one = |more: Value| {
            let mut one =
                json!({"pods": {"roles": ["pxe"]}, "duration": "30s", "pod": {"action": "kill"}});
            one.as_object_mut()
                .expect("a map")
                .extend(more.as_object().expect("a map").clone());
            one
        };
        let experiments = json!({"a": one(json!({})), "b": one(json!({"when": {"slot": 9}}))});
        let with = |steps: Value| {
            load(json!({"experiments": experiments, "sequences": {"s": {"steps": steps}}}))
        };
        assert!(with(json!(["a", "b", "a"])).is_ok(), "each at its own time");
        for (steps, words) in [
            (json!([]), "sequences.s.steps: no steps"),
            (json!(["a", "b", "ab"]), "sequences.s.steps: ab"),
            (json!(["a"]), "experiments.b: beside a sequence"),
        ] {
            let error = with(steps).expect_err("refused").to_string();
            assert!(error.contains(words), "{error}");
        }
        let often = one(json!({"repeat": {"every": "20s"}}));
        let error = load(json!({"experiments": {"a": often}}))
            .expect_err("refused")
            .to_string();
        assert!(
            error.contains("experiments.a.repeat.every: 20s; expected more than 30s"),
            "{error}"
        );
    }

    #[test]
    fn what_is_applied_together_begins_together() {
        let experiment = |when: Value| {
            let mut one =
                json!({"pods": {"roles": ["pxe"]}, "duration": "30s", "pod": {"action": "kill"}});
            one["when"] = when;
            one
        };
        let (one, other) = (
            experiment(json!({"slot": 4})),
            experiment(json!({"epoch": "next"})),
        );
        let error = load(json!({"experiments": {"a": one, "b": other}})).expect_err("refused");
        let words = "experiments.b.when: slot 0 of the next epoch; expected slot 4, as of a";
        assert!(error.to_string().contains(words), "{error}");
    }
}
