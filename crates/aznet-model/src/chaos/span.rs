//! How long an experiment lasts: by the clock, or in protocol time.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::FaultDuration;
use crate::pattern::FAULT_SPAN;
use crate::timing::Timing;

/// A time as Chaos Mesh writes it, such as `1m30s`; or in protocol time, such as `2 epochs` or `3 slots`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct FaultSpan(#[schemars(regex(pattern = FAULT_SPAN))] String);

/// What protocol time is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Slots,
    Epochs,
}

impl FaultSpan {
    /// As it is written; values from elsewhere go through the schema.
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The time by the clock; none at all where it is in protocol time.
    pub fn duration(&self) -> Duration {
        FaultDuration::new(&*self.0).duration()
    }

    /// Whether only a chain tells how long it is.
    pub fn is_of_protocol(&self) -> bool {
        self.counted().is_some()
    }

    /// The same by the clock, on a chain with this time.
    #[must_use]
    pub fn by_the_clock(&self, timing: &Timing) -> Self {
        let length = match self.counted() {
            None => return self.clone(),
            Some((count, Unit::Slots)) => timing.slots(count),
            Some((count, Unit::Epochs)) => timing.epochs(count),
        };
        Self(format!("{}s", length.as_secs()))
    }

    fn counted(&self) -> Option<(u32, Unit)> {
        let (count, unit) = self.0.split_once(' ')?;
        let unit = match unit {
            "slot" | "slots" => Unit::Slots,
            "epoch" | "epochs" => Unit::Epochs,
            _ => return None,
        };
        Some((count.parse().ok()?, unit))
    }
}

impl fmt::Display for FaultSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocol_time_is_as_long_as_its_chain_makes_it() {
        let timing = Timing {
            genesis: 1_000,
            slot: Duration::from_secs(12),
            epoch_slots: 4,
            proof_submission_epochs: 2,
        };
        for (text, clock) in [
            ("2 epochs", 96),
            ("1 epoch", 48),
            ("3 slots", 36),
            ("1m30s", 90),
        ] {
            let span = FaultSpan::new(text);
            assert_eq!(span.is_of_protocol(), text.contains(' '), "{text}");
            let clocked = span.by_the_clock(&timing);
            assert_eq!(clocked.duration(), Duration::from_secs(clock), "{text}");
        }
        assert_eq!(FaultSpan::new("2 epochs").duration(), Duration::ZERO);
    }
}
