//! What the schema can't say of experiments.

mod sequence;

use std::collections::BTreeMap;
use std::time::Duration;

use super::experiment::Experiment;
use super::fault::{Direction, Fault, NetworkAction, NetworkFault, PodAction};
use super::l1::{L1Action, L1Fault};
use super::pods::Pods;
use super::process::{HttpAction, IoAction};
use super::scenario::action_of;
use super::sequence::Sequence;
use super::when::When;
use crate::label;
use crate::role::Role;
use crate::values::{Chaos, Problem, nearest};

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
pub(super) fn of(
    experiments: &BTreeMap<String, Experiment>,
    sequences: &BTreeMap<String, Sequence>,
) -> Vec<Problem> {
    let each = experiments.iter();
    let each = each.flat_map(|(name, experiment)| of_one(name, experiment));
    let mut problems: Vec<Problem> = each.collect();
    problems.extend(sequence::of(experiments, sequences));
    if sequences.is_empty() {
        problems.extend(several_times(experiments));
    }
    problems
}

/// Experiments that are applied together begin together, each time.
fn several_times(experiments: &BTreeMap<String, Experiment>) -> Option<Problem> {
    let mut each = experiments.iter();
    let (first, one) = each.next()?;
    let (name, other) =
        each.find(|(_, other)| (&other.when, &other.repeat) != (&one.when, &one.repeat))?;
    let words = |one: &Experiment| {
        let every = one.repeat.as_ref();
        let every = every.map_or_else(String::new, |one| format!(", every {}", one.every));
        format!("{}{every}", one.when.clone().unwrap_or_default())
    };
    Some(Problem::new(
        format!("experiments.{name}.when"),
        words(other),
        format!("{}, as of {first}", words(one)),
        "apply them one after another, or write a sequence: what is applied together begins together",
    ))
}

fn of_one(name: &str, experiment: &Experiment) -> Vec<Problem> {
    let key = format!("experiments.{name}");
    let mut problems = Vec::new();
    if let Err(error) = label::check(name, sequence::LONGEST_NAME) {
        let expected = "lower-case letters, digits and inner `-`, at most 40 characters";
        problems.push(Problem::new(&key, error, expected, "choose another name"));
    }
    let (shortest, longest) = DURATIONS;
    let lasts = experiment.duration.duration();
    // How long slots are, the chain tells.
    let of_clock = !experiment.duration.is_of_protocol();
    if of_clock && (lasts < shortest || lasts > longest) {
        let key = format!("{key}.duration");
        let (seen, expected) = (&experiment.duration, "from 1s to 24h");
        problems.push(Problem::new(key, seen, expected, "choose another duration"));
    }
    problems.extend(of_pods(&format!("{key}.pods"), &experiment.pods));
    problems.extend(sequence::of_repeat(&key, experiment));
    problems.extend(
        experiment
            .when
            .as_ref()
            .and_then(|when| of_when(&key, when)),
    );
    match experiment.fault() {
        Some(fault) => problems.extend(of_fault(&key, experiment, fault)),
        None => problems.push(not_one_fault(&key, experiment)),
    }
    problems
}

fn of_fault(key: &str, experiment: &Experiment, fault: Fault<'_>) -> Vec<Problem> {
    match fault {
        Fault::Network(fault) => of_network(key, fault),
        Fault::Stress(fault) if fault.cpu.is_none() && fault.memory.is_none() => {
            let key = format!("{key}.stress");
            vec![Problem::new(key, "no load", "cpu or memory", "add one")]
        }
        Fault::Pod(fault) if needs_containers(fault.action) == fault.containers.is_empty() => {
            let key = format!("{key}.pod.containers");
            let seen = format!("{} containers", fault.containers.len());
            let expected = "containers for container-kill, and none for the others";
            vec![Problem::new(key, seen, expected, "mend it")]
        }
        Fault::Protocol(_) => only_of(key, &experiment.pods, Role::Validator)
            .into_iter()
            .collect(),
        Fault::L1(fault) => {
            let pods = only_of(key, &experiment.pods, Role::Anvil);
            pods.into_iter().chain(of_l1(key, fault)).collect()
        }
        Fault::Clock(fault) if fault.offset.chars().all(|c| !('1'..='9').contains(&c)) => {
            let key = format!("{key}.clock.offset");
            vec![Problem::new(
                key,
                &fault.offset,
                "a time that is not none",
                "choose another time",
            )]
        }
        Fault::Io(fault) => {
            let settings = [
                (
                    "delay",
                    fault.delay.is_some(),
                    fault.action == IoAction::Latency,
                    true,
                ),
                (
                    "errno",
                    fault.errno.is_some(),
                    fault.action == IoAction::Fault,
                    true,
                ),
            ];
            fit(&format!("{key}.io"), &settings)
        }
        Fault::Http(fault) => {
            let delays = fault.action == HttpAction::Delay;
            fit(
                &format!("{key}.http"),
                &[("delay", fault.delay.is_some(), delays, true)],
            )
        }
        Fault::Stress(_) | Fault::Pod(_) | Fault::Clock(_) | Fault::Dns(_) => Vec::new(),
    }
}

/// The fault is one of a role: on other pods it would never bite.
fn only_of(key: &str, pods: &Pods, role: Role) -> Option<Problem> {
    (pods.roles != [role.name()]).then(|| {
        Problem::new(
            format!("{key}.pods.roles"),
            format!("[{}]", pods.roles.join(", ")),
            format!("[{role}]"),
            format!("the fault is one of {role} pods"),
        )
    })
}

fn of_when(key: &str, when: &When) -> Option<Problem> {
    let of_clock = when.slot.is_some() || when.epoch.is_some();
    let seen = match (when.proposing.is_some(), when.proving, of_clock) {
        (true, _, true) | (true, true, _) => "proposing beside others",
        (_, true, true) => "proving beside others",
        (false, false, false) => "nothing",
        _ => return None,
    };
    Some(Problem::new(
        format!("{key}.when"),
        seen,
        "slot, epoch: next, both, proposing, or proving",
        "say one time",
    ))
}

/// The setting that an action needs is there, and no other.
fn of_l1(key: &str, fault: &L1Fault) -> Vec<Problem> {
    let action = fault.action;
    let settings = [
        (
            "blockTime",
            fault.block_time.is_some(),
            action == L1Action::Slow,
        ),
        ("depth", fault.depth.is_some(), action == L1Action::Reorg),
        ("gwei", fault.gwei.is_some(), action == L1Action::BaseFee),
    ];
    let settings = settings.map(|(name, there, fits)| (name, there, fits, true));
    let mut problems = fit(&format!("{key}.l1"), &settings);
    if fault.block_time.is_some() && fault.seconds().is_none() {
        problems.push(Problem::new(
            format!("{key}.l1.blockTime"),
            fault
                .block_time
                .as_ref()
                .map_or(String::new(), ToString::to_string),
            "whole seconds from 1s to 2m",
            "choose another time",
        ));
    }
    problems
}

fn needs_containers(action: PodAction) -> bool {
    action == PodAction::ContainerKill
}

fn not_one_fault(key: &str, experiment: &Experiment) -> Problem {
    let several = experiment.faults().next().is_some();
    let seen = if several {
        "several faults"
    } else {
        "no fault"
    };
    let remedy = "an experiment does one thing; write another beside it";
    Problem::new(
        key,
        seen,
        format!("one of {}", Fault::KEYS.join(", ")),
        remedy,
    )
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
    problems.extend(of_committee(key, pods));
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

/// Whoever is chosen by the protocol is not chosen otherwise.
fn of_committee(key: &str, pods: &Pods) -> Option<Problem> {
    if !pods.is_of_committee() {
        return None;
    }
    let (name, seen) = match (pods.proposer, pods.committee.is_some()) {
        (true, true) => ("committee", "beside proposer"),
        (true, false) => ("proposer", "beside others"),
        _ => ("committee", "beside others"),
    };
    let roles = pods.roles == [Role::Validator.name()];
    let alone = pods.names.is_empty()
        && pods.ordinals.is_empty()
        && pods.count.is_none()
        && pods.percent.is_none();
    let both = pods.proposer && pods.committee.is_some();
    let fits = roles && alone && !both;
    (!fits).then(|| {
        Problem::new(
            format!("{key}.{name}"),
            seen,
            "`roles: [validator]`, and neither names, ordinals, count nor percent",
            "the protocol chooses the pods: say nothing else of them",
        )
    })
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
    let mut problems = fit(&format!("{key}.network"), &settings);
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

/// Of settings by name – whether it is there, whether it fits, whether it is needed then – those that are wrong.
fn fit(key: &str, settings: &[(&str, bool, bool, bool)]) -> Vec<Problem> {
    let wrong = settings.iter().filter_map(|(name, there, fits, needed)| {
        let (seen, remedy) = match (there, fits) {
            (false, true) if *needed => ("missing", "say how much"),
            (true, false) => ("there", "leave it out: it belongs to another action"),
            _ => return None,
        };
        let expected = if *fits { "a value" } else { "nothing" };
        Some(Problem::new(
            format!("{key}.{name}"),
            seen,
            expected,
            remedy,
        ))
    });
    wrong.collect()
}
