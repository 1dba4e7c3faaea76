//! How long a fault lasts.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pattern::FAULT_DURATION;

/// A time as Chaos Mesh writes it: `30s`, `1m30s`, `200ms`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct FaultDuration(#[schemars(regex(pattern = FAULT_DURATION))] String);

impl FaultDuration {
    /// As it is written; values from elsewhere go through the schema.
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The time; none at all where it is not written as the schema wants it, or where it is beyond all measure.
    pub fn duration(&self) -> Duration {
        parse(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for FaultDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn parse(text: &str) -> Option<Duration> {
    let mut sum = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u32 = rest[..digits].parse().ok()?;
        let tail = &rest[digits..];
        let end = tail
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(tail.len());
        let unit = match &tail[..end] {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" => Duration::from_mins(1),
            "h" => Duration::from_hours(1),
            _ => return None,
        };
        sum = sum.checked_add(unit.checked_mul(number)?)?;
        rest = &tail[end..];
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, millis) in [
            ("200ms", 200),
            ("30s", 30_000),
            ("1m30s", 90_000),
            ("1h", 3_600_000),
        ] {
            let read = FaultDuration::new(text).duration();
            assert_eq!(read, Duration::from_millis(millis), "{text}");
        }
        for text in ["s", "-1s", "1", "99999999999h", "1 s"] {
            assert_eq!(
                FaultDuration::new(text).duration(),
                Duration::ZERO,
                "{text}"
            );
        }
    }
}
