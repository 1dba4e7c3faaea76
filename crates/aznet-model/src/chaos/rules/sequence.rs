//! What can't be meant by repetitions and sequences.

use std::collections::BTreeMap;

use crate::chaos::experiment::Experiment;
use crate::chaos::sequence::Sequence;
use crate::label;
use crate::values::{Problem, nearest};

/// The name becomes part of a release's name, `chaos-<name>`, and of an annotation.
pub(super) const LONGEST_NAME: usize = 40;

/// What is wrong with sequences.
pub(super) fn of(
    experiments: &BTreeMap<String, Experiment>,
    sequences: &BTreeMap<String, Sequence>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, sequence) in sequences {
        problems.extend(of_one(name, sequence, experiments));
    }
    if let Some(second) = sequences.keys().nth(1) {
        problems.push(Problem::new(
            format!("sequences.{second}"),
            "a second sequence",
            "one sequence",
            "apply them one after another",
        ));
    }
    let steps = || sequences.values().flat_map(|one| &one.steps);
    for (name, experiment) in experiments.iter().filter(|_| !sequences.is_empty()) {
        let key = format!("experiments.{name}");
        if !steps().any(|step| step == name) {
            let remedy = "make it a step, or apply it by itself";
            problems.push(Problem::new(
                &key,
                "beside a sequence",
                "a step of it",
                remedy,
            ));
        }
        if experiment.repeat.is_some() {
            let (key, remedy) = (format!("{key}.repeat"), "name the step several times");
            problems.push(Problem::new(key, "of a step", "nothing", remedy));
        }
    }
    problems
}

fn of_one(
    name: &str,
    sequence: &Sequence,
    experiments: &BTreeMap<String, Experiment>,
) -> Vec<Problem> {
    let key = format!("sequences.{name}");
    let mut problems = Vec::new();
    if let Err(error) = label::check(name, LONGEST_NAME) {
        let expected = "lower-case letters, digits and inner `-`, at most 40 characters";
        problems.push(Problem::new(&key, error, expected, "choose another name"));
    }
    let steps = format!("{key}.steps");
    if sequence.steps.is_empty() {
        let expected = "names of experiments";
        problems.push(Problem::new(&steps, "no steps", expected, "name some"));
    }
    let unknown = sequence.steps.iter();
    let unknown = unknown.filter(|step| !experiments.contains_key(*step));
    problems.extend(unknown.map(|step| {
        let known = || experiments.keys().map(String::as_str);
        let remedy = nearest(step, known()).map_or_else(
            || format!("there are {}", known().collect::<Vec<_>>().join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        Problem::new(&steps, step, "names of experiments", remedy)
    }));
    problems
}

/// What is wrong with a repetition.
pub(super) fn of_repeat(key: &str, experiment: &Experiment) -> Option<Problem> {
    let repeat = experiment.repeat.as_ref()?;
    (repeat.every.duration() <= experiment.duration.duration()).then(|| {
        Problem::new(
            format!("{key}.repeat.every"),
            &repeat.every,
            format!("more than {}, which it lasts", experiment.duration),
            "choose a longer time",
        )
    })
}
