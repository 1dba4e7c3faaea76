//! What values are in, by Grafana's names, and how they are written.

use serde::{Deserialize, Serialize};

/// Sizes of which the greatest that a value reaches is the one that it is written in.
type Ladder = &'static [(f64, &'static str)];

const MINUTE: f64 = 60.0;
const HOUR: f64 = 60.0 * MINUTE;
const DAY: f64 = 24.0 * HOUR;
const SHORT: Ladder = &[
    (1.0, ""),
    (1e3, " K"),
    (1e6, " Mil"),
    (1e9, " Bil"),
    (1e12, " Tri"),
];
const BYTES: Ladder = &[
    (1.0, " B"),
    (1024.0, " KiB"),
    (1_048_576.0, " MiB"),
    (1_073_741_824.0, " GiB"),
    (1_099_511_627_776.0, " TiB"),
];
/// Of seconds.
const TIMES: Ladder = &[
    (1e-9, " ns"),
    (1e-6, " µs"),
    (1e-3, " ms"),
    (1.0, " s"),
    (MINUTE, " min"),
    (HOUR, " h"),
    (DAY, " d"),
];

/// A unit of Grafana's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Unit {
    /// `short`: a number.
    #[default]
    Short,
    /// `percentunit`: a share of one.
    Share,
    /// `bytes`, in powers of 1024.
    Bytes,
    /// `s`.
    Seconds,
    /// `ms`.
    Milliseconds,
    /// `ns`.
    Nanoseconds,
    /// `suffix:` and what is written behind the number.
    Suffix(String),
}

/// What values are divided by, and what is written behind them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scale {
    pub(super) divisor: f64,
    pub(super) suffix: String,
}

impl TryFrom<String> for Unit {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Ok(match name.as_str() {
            "short" => Self::Short,
            "percentunit" => Self::Share,
            "bytes" => Self::Bytes,
            "s" => Self::Seconds,
            "ms" => Self::Milliseconds,
            "ns" => Self::Nanoseconds,
            other => match other.strip_prefix("suffix:") {
                Some(suffix) => Self::Suffix(suffix.to_owned()),
                None => return Err(format!("the unit `{name}` is not known")),
            },
        })
    }
}

impl From<Unit> for String {
    fn from(unit: Unit) -> Self {
        match unit {
            Unit::Short => "short".to_owned(),
            Unit::Share => "percentunit".to_owned(),
            Unit::Bytes => "bytes".to_owned(),
            Unit::Seconds => "s".to_owned(),
            Unit::Milliseconds => "ms".to_owned(),
            Unit::Nanoseconds => "ns".to_owned(),
            Unit::Suffix(suffix) => format!("suffix:{suffix}"),
        }
    }
}

impl Unit {
    /// How values up to this one are written, all in the same size.
    pub(super) fn scale(&self, greatest: f64) -> Scale {
        let (ladder, one) = match self {
            Self::Short => (SHORT, 1.0),
            Self::Bytes => (BYTES, 1.0),
            Self::Seconds => (TIMES, 1.0),
            Self::Milliseconds => (TIMES, 1e-3),
            Self::Nanoseconds => (TIMES, 1e-9),
            Self::Share => return Scale::new(0.01, "%"),
            Self::Suffix(suffix) => return Scale::new(1.0, suffix),
        };
        // A value of nothing is written in the unit itself.
        let greatest = if greatest == 0.0 { 1.0 } else { greatest.abs() };
        let reached = ladder.iter().rfind(|(size, _)| greatest * one >= *size);
        let (size, suffix) = reached.unwrap_or(&ladder[0]);
        Scale::new(size / one, suffix)
    }

    /// A value by itself: `1.23 K`, `512 MiB`, `12.5%`.
    pub(super) fn words(&self, value: f64) -> String {
        let Scale { divisor, suffix } = self.scale(value);
        format!("{}{suffix}", digits(value / divisor))
    }
}

impl Scale {
    fn new(divisor: f64, suffix: &str) -> Self {
        Self {
            divisor,
            suffix: suffix.to_owned(),
        }
    }
}

/// To three digits; whole numbers in full. `web/src/dashboards.js` does the same.
fn digits(value: f64) -> String {
    if value.fract() == 0.0 {
        return format!("{value:.0}");
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from nothing to nine"
    )]
    let decimals = (2.0 - value.abs().log10().floor()).clamp(0.0, 9.0) as usize;
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(name: &str) -> Unit {
        name.to_owned().try_into().unwrap()
    }

    #[test]
    fn values_are_written_as_grafana_writes_them() {
        for (name, value, words) in [
            ("short", 0.0, "0"),
            ("short", 42.0, "42"),
            ("short", 0.1234, "0.123"),
            ("short", 1234.0, "1.23 K"),
            ("short", -12_345.0, "-12.3 K"),
            ("short", 3.5e6, "3.50 Mil"),
            ("percentunit", 0.125, "12.5%"),
            ("percentunit", 1.0, "100%"),
            ("bytes", 0.0, "0 B"),
            ("bytes", 1023.0, "1023 B"),
            ("bytes", 536_870_912.0, "512 MiB"),
            ("bytes", 1.5 * 1_073_741_824.0, "1.50 GiB"),
            ("s", 0.25, "250 ms"),
            ("s", 90.0, "1.50 min"),
            ("ms", 0.0, "0 ms"),
            ("ms", 0.5, "500 µs"),
            ("ms", 1500.0, "1.50 s"),
            ("ns", 2_500_000.0, "2.50 ms"),
            ("suffix: ETH", 999.98, "1000 ETH"),
            ("suffix: gwei", 1.5, "1.50 gwei"),
        ] {
            assert_eq!(unit(name).words(value), words, "{value} in {name}");
        }
    }

    #[test]
    fn values_side_by_side_are_in_one_size() {
        let scale = unit("bytes").scale(3.0 * 1_073_741_824.0);
        assert_eq!(scale, Scale::new(1_073_741_824.0, " GiB"));
    }

    #[test]
    fn a_unit_keeps_its_name_and_others_are_refused() {
        for name in [
            "short",
            "percentunit",
            "bytes",
            "s",
            "ms",
            "ns",
            "suffix: ETH",
        ] {
            assert_eq!(String::from(unit(name)), name);
        }
        let error = Unit::try_from("furlongs".to_owned()).unwrap_err();
        assert_eq!(error, "the unit `furlongs` is not known");
    }
}
