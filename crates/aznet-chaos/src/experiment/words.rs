//! Transitions in words.

use std::fmt;

use super::{Stage, Transition};

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Requested => "requested",
            Self::Injected => "injected",
            Self::Biting => "biting",
            Self::Healed => "healed",
            Self::Clean => "clean",
        })
    }
}

impl fmt::Display for Transition {
    /// `slot 37: slow biting (validator-0: measured 201 ms, asked 200 ms)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(slot) = self.slot {
            write!(f, "{slot}: ")?;
        }
        write!(f, "{} {}", self.experiment, self.stage)?;
        let pods = self.pods.iter();
        let pods: Vec<String> = pods
            .map(|one| match self.stage {
                Stage::Biting => format!(
                    "{}: measured {}, asked {}",
                    one.pod, one.measured, one.asked
                ),
                Stage::Healed => format!("{}: {}", one.pod, one.measured),
                _ => one.pod.clone(),
            })
            .collect();
        if pods.is_empty() {
            return Ok(());
        }
        write!(f, " ({})", pods.join("; "))
    }
}
