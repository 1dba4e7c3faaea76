//! What was seen of a network that didn't come up.

use std::fmt;

use aznet_model::units::some;
use jiff::Timestamp;

use crate::observe::pods::PodState;

/// What was seen of a network that didn't come up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Every pod.
    pub pods: Vec<PodState>,
    /// The newest warnings among the events.
    pub warnings: Vec<Warning>,
    /// The last lines of pods that aren't ready: pod, lines.
    pub logs: Vec<(String, Vec<String>)>,
}

/// A warning about something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The pod, claim, … it is about.
    pub about: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Evidence {
    /// What is the same for several pods is said once.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let now = Timestamp::now();
        let pods = self
            .pods
            .iter()
            .map(|pod| (pod.name.as_str(), pod.phase.words(now)));
        for (names, words) in grouped(pods) {
            writeln!(f, "{names}: {words}")?;
        }
        let warnings = self
            .warnings
            .iter()
            .map(|warning| (warning.about.as_str(), warning.message.clone()));
        for (names, message) in grouped(warnings) {
            writeln!(f, "event {names}: {message}")?;
        }
        for (pod, lines) in &self.logs {
            for line in lines {
                writeln!(f, "{pod} | {line}")?;
            }
        }
        Ok(())
    }
}

/// Names with the same words together, in order of the first; a name counts once for each.
fn grouped<'a>(all: impl Iterator<Item = (&'a str, String)>) -> Vec<(String, String)> {
    let mut groups: Vec<(Vec<&str>, String)> = Vec::new();
    for (name, words) in all {
        match groups.iter_mut().find(|(_, known)| *known == words) {
            Some((names, _)) if names.contains(&name) => {}
            Some((names, _)) => names.push(name),
            None => groups.push((vec![name], words)),
        }
    }
    groups
        .into_iter()
        .map(|(names, words)| (some(&names, names.len()), words))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aznet_model::role::Role;

    use crate::observe::pods::Phase;

    #[test]
    fn the_same_trouble_is_told_once() {
        let pod = |name: &str, phase| PodState {
            name: name.into(),
            role: Role::Validator,
            group: None,
            phase,
            restarts: 0,
            created: None,
        };
        let missing = || Phase::Unscheduled {
            reason: Some("1 Insufficient memory".into()),
        };
        let warning = || Warning {
            about: "validator-1".into(),
            message: "FailedScheduling: 1 Insufficient memory".into(),
        };
        let evidence = Evidence {
            pods: vec![
                pod("validator-0", Phase::Ready),
                pod("validator-1", missing()),
                pod("validator-2", missing()),
            ],
            warnings: vec![warning(), warning()],
            logs: vec![("anvil-x".into(), vec!["listening".into()])],
        };
        assert_eq!(
            evidence.to_string(),
            "validator-0: ready\n\
             validator-1, validator-2: no machine can take it: 1 Insufficient memory\n\
             event validator-1: FailedScheduling: 1 Insufficient memory\n\
             anvil-x | listening\n"
        );
    }
}
