//! Experiments that come again, and experiments one after another: each time done and proved like any other.

use std::time::{Duration, Instant};

use aznet_kit::wait::{self, Deadline, Look};
use aznet_model::chaos::{Loaded, Repeat};
use serde_json::Map;
use tokio_util::sync::CancellationToken;

use super::{Reporter, Run, run};
use crate::error::ChaosError;

/// How often it is looked whether the next round is due.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Does experiments as often, and in the order, that they say. A round that takes longer than from one to the next is followed
/// by the next at once.
///
/// # Errors
/// [`ChaosError`], of the first experiment that fails: none follows it.
pub async fn course(
    of: &Run<'_>,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<(), ChaosError> {
    let (steps, repeat) = (steps(of.loaded), repeat(of.loaded));
    let times = repeat.map_or(Some(1), |repeat| repeat.times);
    let every = repeat.map_or(Duration::ZERO, |repeat| repeat.every.duration());
    let begun = Instant::now();
    for round in 0..times.unwrap_or(u32::MAX) {
        due(round, begun + every * round, cancel).await?;
        for loaded in &steps {
            run(&Run { loaded, ..*of }, report, cancel).await?;
        }
    }
    Ok(())
}

async fn due(round: u32, at: Instant, cancel: &CancellationToken) -> Result<(), ChaosError> {
    let left = at.saturating_duration_since(Instant::now());
    let deadline = Deadline::after(left + LOOK_EVERY * 8).every(LOOK_EVERY);
    let what = format!("round {} to be due", round + 1);
    wait::until(what, deadline, cancel, |_| async {
        let left = at.saturating_duration_since(Instant::now());
        Ok(if left.is_zero() {
            Look::Done(())
        } else {
            Look::Pending(format!("in {} s", left.as_secs() + 1))
        })
    })
    .await
}

/// How often: all experiments of a file say the same.
fn repeat(loaded: &Loaded) -> Option<&Repeat> {
    loaded
        .experiments
        .values()
        .find_map(|one| one.repeat.as_ref())
}

/// What is done at once, in its order: no sequence and no repetition is left for the chart.
fn steps(loaded: &Loaded) -> Vec<Loaded> {
    let Some(sequence) = loaded.sequences.values().next() else {
        return vec![only(loaded, loaded.experiments.keys())];
    };
    let steps = sequence.steps.iter();
    steps.map(|step| only(loaded, [step].into_iter())).collect()
}

fn only<'a>(loaded: &Loaded, names: impl Iterator<Item = &'a String>) -> Loaded {
    let mut experiments = loaded.experiments.clone();
    let names: Vec<&String> = names.collect();
    experiments.retain(|name, _| names.contains(&name));
    for experiment in experiments.values_mut() {
        experiment.repeat = None;
    }
    // Written anew: those of scenarios are among them, too.
    let written = serde_json::to_value(&experiments).unwrap_or_default();
    let overlay = Map::from_iter([("experiments".to_owned(), written)]);
    Loaded {
        experiments,
        sequences: [].into(),
        overlay,
    }
}

#[cfg(test)]
mod tests {
    use aznet_model::chaos;
    use aznet_model::values::Layer;

    use super::*;

    fn load(text: &str) -> Loaded {
        let layer = Layer::parse("test".to_owned(), text).expect("YAML");
        let defaults = Layer::parse(
            "test".to_owned(),
            "{experiments: {}, chaos: {scenarios: []}}",
        );
        let defaults = defaults.expect("YAML").values;
        chaos::resolve(&defaults, vec![layer], &[]).expect("valid")
    }

    #[test]
    fn a_sequence_is_done_step_by_step_and_leaves_nothing_for_chaos_mesh() {
        let one = "{pods: {roles: [pxe]}, duration: 30s, pod: {action: kill}}";
        let text = format!(
            "{{experiments: {{a: {one}, b: {one}}}, sequences: {{s: {{steps: [b, a, b]}}}}}}"
        );
        let steps = steps(&load(&text));
        let names: Vec<String> = steps
            .iter()
            .map(|one| one.experiments.keys().cloned().collect())
            .collect();
        assert_eq!(names, ["b", "a", "b"]);
        assert!(steps.iter().all(|one| one.sequences.is_empty()));
        assert_eq!(
            steps[1].overlay["experiments"].as_object().map(Map::len),
            Some(1)
        );
    }

    #[test]
    fn a_repetition_is_not_left_to_chaos_mesh() {
        let text = "experiments: {a: {pods: {roles: [pxe]}, duration: 30s, repeat: {every: 1m, times: 3}, pod: {action: kill}}}";
        let loaded = load(text);
        assert_eq!(repeat(&loaded).and_then(|one| one.times), Some(3));
        let steps = steps(&loaded);
        assert_eq!(steps.len(), 1);
        assert!(steps[0].overlay["experiments"]["a"].get("repeat").is_none());
    }
}
