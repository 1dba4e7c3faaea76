//! What the schema can't say of experiments.

use std::collections::BTreeMap;
use std::time::Duration;

use super::experiment::Experiment;
use super::fault::{Direction, Fault, NetworkAction, NetworkFault, PodAction};
use super::pods::Pods;
use super::scenario::action_of;
use crate::label;
use crate::role::Role;
use crate::values::{Chaos, Problem, nearest};

/// The name becomes part of a release's name, `chaos-<name>`, and of an annotation.
const LONGEST_NAME: usize = 40;
/// Below, nothing can be measured; above, it is no test any more.
const DURATIONS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_hours(24));

/// What is wrong with scenarios of a network's values.
pub(super) fn of_scenarios(chaos: &Chaos) -> Vec<Problem> {
    let scenarios = chaos.scenarios.iter().enumerate();
    let unknown = scenarios.filter(|(_, scenario)| action_of(scenario).is_none());
    unknown
        .map(|(index, scenario)| {
            Problem::new(
                format!("chaos.scenarios.{index}"),
                format!("type {} and action {}", scenario.kind, scenario.action),
                "type pod, and action kill or failure",
                "write other faults under experiments",
            )
        })
        .collect()
}

/// What is wrong with experiments.
pub(super) fn of(experiments: &BTreeMap<String, Experiment>) -> Vec<Problem> {
    let each = experiments.iter();
    each.flat_map(|(name, experiment)| of_one(name, experiment))
        .collect()
}

fn of_one(name: &str, experiment: &Experiment) -> Vec<Problem> {
    let key = format!("experiments.{name}");
    let mut problems = Vec::new();
    if let Err(error) = label::check(name, LONGEST_NAME) {
        let expected = "lower-case letters, digits and inner `-`, at most 40 characters";
        problems.push(Problem::new(&key, error, expected, "choose another name"));
    }
    let (shortest, longest) = DURATIONS;
    let lasts = experiment.duration.duration();
    if lasts < shortest || lasts > longest {
        let key = format!("{key}.duration");
        let (seen, expected) = (&experiment.duration, "from 1s to 24h");
        problems.push(Problem::new(key, seen, expected, "choose another duration"));
    }
    problems.extend(of_pods(&format!("{key}.pods"), &experiment.pods));
    match experiment.fault() {
        Some(Fault::Network(fault)) => problems.extend(of_network(&key, fault)),
        Some(Fault::Stress(fault)) if fault.cpu.is_none() && fault.memory.is_none() => {
            let key = format!("{key}.stress");
            problems.push(Problem::new(key, "no load", "cpu or memory", "add one"));
        }
        Some(Fault::Pod(fault))
            if needs_containers(fault.action) == fault.containers.is_empty() =>
        {
            let key = format!("{key}.pod.containers");
            let seen = format!("{} containers", fault.containers.len());
            let expected = "containers for container-kill, and none for the others";
            problems.push(Problem::new(key, seen, expected, "mend it"));
        }
        Some(_) => {}
        None => problems.push(not_one_fault(&key, experiment)),
    }
    problems
}

fn needs_containers(action: PodAction) -> bool {
    action == PodAction::ContainerKill
}

fn not_one_fault(key: &str, experiment: &Experiment) -> Problem {
    let several =
        experiment.pod.is_some() || experiment.network.is_some() || experiment.stress.is_some();
    let seen = if several {
        "several faults"
    } else {
        "no fault"
    };
    let remedy = "an experiment does one thing; write another beside it";
    Problem::new(key, seen, "one of pod, network, stress", remedy)
}

fn of_pods(key: &str, pods: &Pods) -> Vec<Problem> {
    let known = || Role::ALL.iter().map(|role| role.name());
    let unknown = pods
        .roles
        .iter()
        .filter(|role| Role::from_name(role).is_none());
    let mut problems: Vec<Problem> = unknown
        .map(|role| {
            let remedy = nearest(role, known()).map_or_else(
                || format!("there are {}", known().collect::<Vec<_>>().join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            Problem::new(format!("{key}.roles"), role, "roles of a network", remedy)
        })
        .collect();
    if pods.count.is_some() && pods.percent.is_some() {
        let remedy = "leave one of the two out";
        let seen = "beside percent";
        problems.push(Problem::new(
            format!("{key}.count"),
            seen,
            "a count or a share",
            remedy,
        ));
    }
    problems
}

/// The settings that an action needs are there, and no others.
fn of_network(key: &str, fault: &NetworkFault) -> Vec<Problem> {
    use NetworkAction::{Bandwidth, Corrupt, Delay, Duplicate, Loss};
    let action = fault.action;
    let share = matches!(action, Loss | Duplicate | Corrupt);
    let settings = [
        ("latency", fault.latency.is_some(), action == Delay, true),
        ("jitter", fault.jitter.is_some(), action == Delay, false),
        ("percent", fault.percent.is_some(), share, true),
        (
            "correlation",
            fault.correlation.is_some(),
            share || action == Delay,
            false,
        ),
        ("rate", fault.rate.is_some(), action == Bandwidth, true),
    ];
    let wrong = settings
        .into_iter()
        .filter_map(|(name, there, fits, needed)| {
            let (seen, remedy) = match (there, fits) {
                (false, true) if needed => ("missing", "say how much"),
                (true, false) => ("there", "leave it out: it belongs to another action"),
                _ => return None,
            };
            let expected = if fits { "a value" } else { "nothing" };
            Some(Problem::new(
                format!("{key}.network.{name}"),
                seen,
                expected,
                remedy,
            ))
        });
    let mut problems: Vec<Problem> = wrong.collect();
    if fault
        .direction
        .is_some_and(|direction| direction != Direction::To)
        && fault.target.is_none()
        && action != NetworkAction::Partition
    {
        problems.push(Problem::new(
            format!("{key}.network.direction"),
            "from or both, without a target",
            "to, or a target",
            "name the pods at the other end: the fault is done to what they send",
        ));
    }
    if let Some(target) = &fault.target {
        problems.extend(of_pods(&format!("{key}.network.target"), target));
    }
    problems
}
