//! Quantities as Kubernetes writes them.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Mul};
use std::str::FromStr;

const MIB: u64 = 1 << 20;
const SUFFIXES: [(&str, u64); 10] = [
    ("Ki", 1 << 10),
    ("Mi", 1 << 20),
    ("Gi", 1 << 30),
    ("Ti", 1 << 40),
    ("Pi", 1 << 50),
    ("k", 1_000),
    ("M", 1_000_000),
    ("G", 1_000_000_000),
    ("T", 1_000_000_000_000),
    ("P", 1_000_000_000_000_000),
];

/// A text that is not a quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no quantity: expected {expected}")]
pub struct QuantityError {
    text: String,
    expected: &'static str,
}

/// An amount of memory or disk, in bytes.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Bytes(pub u64);

impl Bytes {
    /// `n` mebibytes.
    pub const fn mebibytes(n: u64) -> Self {
        Self(n * MIB)
    }

    /// What `self` has more than `other`, or zero.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl FromStr for Bytes {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let (digits, unit) = SUFFIXES
            .iter()
            .find_map(|(suffix, unit)| text.strip_suffix(suffix).map(|digits| (digits, *unit)))
            .unwrap_or((text, 1));
        let expected = "bytes with a unit, such as `512Mi` or `2Gi`";
        scaled(digits, unit).map(Self).ok_or_else(|| QuantityError {
            text: text.to_owned(),
            expected,
        })
    }
}

/// Processor time, in thousandths of a core.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct MilliCpu(pub u64);

impl MilliCpu {
    /// What `self` has more than `other`, or zero.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl FromStr for MilliCpu {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let expected = "cores, such as `100m`, `2` or `0.5`";
        let parsed = match text.strip_suffix('m') {
            Some(digits) => digits.parse().ok(),
            None => scaled(text, 1_000),
        };
        parsed.map(Self).ok_or_else(|| QuantityError {
            text: text.to_owned(),
            expected,
        })
    }
}

/// `digits * unit`, where digits may have a fraction; exact, so no floating point.
fn scaled(digits: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let places = 10_u64.pow(u32::try_from(fraction.len()).ok()?);
    let fraction: u64 = if fraction.is_empty() {
        0
    } else {
        fraction.parse().ok()?
    };
    let whole = whole.parse::<u64>().ok()?.checked_mul(unit)?;
    whole.checked_add(
        u64::try_from(u128::from(fraction) * u128::from(unit) / u128::from(places)).ok()?,
    )
}

macro_rules! quantity {
    ($type:ident) => {
        impl Add for $type {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0.saturating_add(other.0))
            }
        }
        impl Mul<u64> for $type {
            type Output = Self;
            fn mul(self, times: u64) -> Self {
                Self(self.0.saturating_mul(times))
            }
        }
        impl Sum for $type {
            fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
                iter.fold(Self::default(), Add::add)
            }
        }
    };
}
quantity!(Bytes);
quantity!(MilliCpu);

impl fmt::Display for Bytes {
    /// `512 MiB`, `6.4 GiB`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mebibytes = self.0.div_ceil(MIB);
        if mebibytes < 1024 {
            return f.pad(&format!("{mebibytes} MiB"));
        }
        let tenths = (mebibytes * 10).div_ceil(1024);
        f.pad(&format!("{}.{} GiB", tenths / 10, tenths % 10))
    }
}

impl fmt::Display for MilliCpu {
    /// `0.5 cores`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = self.0.div_ceil(100);
        f.pad(&format!("{}.{} cores", tenths / 10, tenths % 10))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_kubernetes_reads_them() {
        for (text, bytes) in [
            ("0", 0),
            ("1Ki", 1024),
            ("1.5Gi", 1_610_612_736),
            ("128M", 128_000_000),
            ("7", 7),
        ] {
            assert_eq!(text.parse(), Ok(Bytes(bytes)), "{text}");
        }
        for (text, milli) in [("100m", 100), ("2", 2000), ("0.25", 250)] {
            assert_eq!(text.parse(), Ok(MilliCpu(milli)), "{text}");
        }
        for text in ["", "Gi", "1gb", "-1Mi", "1.2.3", "１Mi"] {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
        assert!("lots".parse::<MilliCpu>().is_err());
    }

    #[test]
    fn quantities_are_shown_for_people() {
        assert_eq!(Bytes::mebibytes(512).to_string(), "512 MiB");
        assert_eq!(Bytes::mebibytes(6500).to_string(), "6.4 GiB");
        assert_eq!(MilliCpu(950).to_string(), "1.0 cores");
    }
}
