//! What `aznet chaos apply` did, as a values file that does it again.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use aznet_chaos::experiment::{Decided, Transition};
use aznet_model::chaos::{EpochAt, Loaded, When};
use serde_json::json;

use crate::failure::Failure;

const INTRO: &str = "\
# What `aznet chaos apply` did, as values of the chart aztec-chaos: `aznet chaos apply NETWORK -f` does it again.
";

/// A file that is written when all is over.
#[derive(Debug)]
pub(super) struct Record(PathBuf);

impl Record {
    /// Sees that the file can be written.
    pub(super) fn begin(path: &Path) -> Result<Self, Failure> {
        let written = std::fs::write(path, INTRO);
        written.map_err(|error| Failure::RecordUnwritable {
            file: path.display().to_string(),
            why: error.to_string(),
        })?;
        Ok(Self(path.to_owned()))
    }

    /// Writes what was decided and what became of it.
    pub(super) fn write(
        self,
        asked: &Loaded,
        decided: &[Decided],
        timeline: &[Transition],
    ) -> anyhow::Result<()> {
        let text = text(asked, decided, timeline)?;
        let written = std::fs::write(&self.0, text);
        written.with_context(|| format!("writing {}", self.0.display()))
    }
}

fn text(asked: &Loaded, decided: &[Decided], timeline: &[Transition]) -> anyhow::Result<String> {
    let mut text = INTRO.to_owned();
    for one in timeline {
        let epoch = one.epoch.map(|epoch| format!("{epoch}, "));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "# {} {}{one}", one.at, epoch.unwrap_or_default());
    }
    // Of what was done several times, the first.
    let mut experiments = BTreeMap::new();
    for one in decided {
        for (name, experiment) in &one.experiments {
            let mut experiment = experiment.clone();
            experiment.repeat = asked
                .experiments
                .get(name)
                .and_then(|one| one.repeat.clone());
            experiment.when = when(one);
            experiments.entry(name).or_insert(experiment);
        }
    }
    let mut values = json!({"experiments": experiments});
    if !asked.sequences.is_empty() {
        let mut sequences = asked.sequences.clone();
        for sequence in sequences.values_mut() {
            // What was not come to is not done again.
            sequence.steps.retain(|step| experiments.contains_key(step));
        }
        values["sequences"] = json!(sequences);
    }
    text.push_str(&serde_norway::to_string(&values)?);
    Ok(text)
}

/// When it is to begin, done again.
fn when(decided: &Decided) -> Option<When> {
    if decided.proving {
        return Some(When {
            proving: true,
            ..When::default()
        });
    }
    decided.place.map(|place| When {
        slot: Some(place),
        epoch: Some(EpochAt::Next),
        ..When::default()
    })
}

#[cfg(test)]
mod tests {
    use aznet_chaos::experiment::Stage;
    use aznet_model::chain::{Epoch, Slot};
    use aznet_model::chaos;
    use aznet_model::values::Layer;
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn what_was_recorded_is_a_values_file_that_does_the_same() {
        let values = r#"{"experiments": {"x": {"pods": {"roles": ["validator"], "names": ["validator-2"]},
            "duration": "60s", "protocol": {"action": "fake-attestations"}}}}"#;
        let load = |text: &str| {
            let layer = Layer::parse("test".to_owned(), text).expect("YAML");
            let defaults = json!({"experiments": {}, "chaos": {"scenarios": []}});
            let defaults = defaults.as_object().expect("a map").clone();
            chaos::resolve(&defaults, vec![layer], &[]).expect("valid")
        };
        let asked = load(values);
        let mut expected = asked.experiments.clone();
        let decided = Decided {
            experiments: expected.clone(),
            place: Some(3),
            proving: false,
        };
        let transition = Transition {
            at: Timestamp::UNIX_EPOCH,
            slot: Some(Slot(7)),
            epoch: Some(Epoch(1)),
            experiment: "x".to_owned(),
            stage: Stage::Clean,
            pods: Vec::new(),
        };
        let text = text(&asked, &[decided], &[transition]).expect("text");
        assert!(
            text.contains("# 1970-01-01T00:00:00Z epoch 1, slot 7: x clean\n"),
            "{text}"
        );
        for experiment in expected.values_mut() {
            experiment.when = Some(When {
                slot: Some(3),
                epoch: Some(EpochAt::Next),
                ..When::default()
            });
        }
        assert_eq!(load(&text).experiments, expected);
    }
}
