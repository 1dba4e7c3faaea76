//! Quantities as Kubernetes writes them.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Mul};
use std::str::FromStr;

const MIB: u64 = 1 << 20;
/// Suffixes with what they stand for, as a fraction.
const SUFFIXES: [(&str, u128, u128); 15] = [
    ("Ki", 1 << 10, 1),
    ("Mi", 1 << 20, 1),
    ("Gi", 1 << 30, 1),
    ("Ti", 1 << 40, 1),
    ("Pi", 1 << 50, 1),
    ("Ei", 1 << 60, 1),
    ("n", 1, 1_000_000_000),
    ("u", 1, 1_000_000),
    ("m", 1, 1_000),
    ("k", 1_000, 1),
    ("M", 1_000_000, 1),
    ("G", 1_000_000_000, 1),
    ("T", 1_000_000_000_000, 1),
    ("P", 1_000_000_000_000_000, 1),
    ("E", 1_000_000_000_000_000_000, 1),
];

/// `1 validator`, `2 validators`.
pub fn count(n: usize, noun: &str) -> String {
    if n == 1 {
        format!("1 {noun}")
    } else {
        format!("{n} {noun}s")
    }
}

/// `a, b, c` of names, of which there are `all`; of many only the first: `a, b, c and 997 more`.
pub fn some<N: AsRef<str>>(names: impl IntoIterator<Item = N>, all: usize) -> String {
    const SHOWN: usize = 20;
    let shown: Vec<N> = names.into_iter().take(SHOWN).collect();
    let words: Vec<&str> = shown.iter().map(AsRef::as_ref).collect();
    let text = words.join(", ");
    match all.saturating_sub(shown.len()) {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

/// An amount of ETH or of tokens, given in its smallest unit, of which 10^18 make one: `100`, `0.25`. What is too small
/// for four decimals keeps the smallest unit: `1 wei`.
pub fn whole(smallest: &str) -> String {
    const DECIMALS: usize = 18;
    let padded = format!("{smallest:0>width$}", width = DECIMALS + 1);
    let (whole, fraction) = padded.split_at(padded.len() - DECIMALS);
    let fraction = fraction[..4].trim_end_matches('0');
    match (whole, fraction) {
        ("0", "") if smallest != "0" => format!("{smallest} wei"),
        (whole, "") => whole.to_owned(),
        (whole, fraction) => format!("{whole}.{fraction}"),
    }
}

/// A text that is not a quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid quantity `{text}`: expected {expected}")]
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
        amount(text, 1).map(Self).ok_or_else(|| QuantityError {
            text: text.to_owned(),
            expected: "bytes with a unit, such as `512Mi` or `2Gi`",
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
        amount(text, 1_000).map(Self).ok_or_else(|| QuantityError {
            text: text.to_owned(),
            expected: "cores, such as `100m`, `2` or `0.5`",
        })
    }
}

/// A quantity of Kubernetes (a number with a suffix or an exponent) in so many parts of one, rounded up as Kubernetes does;
/// exact, so no floating point.
fn amount(text: &str, parts: u128) -> Option<u64> {
    let (digits, times, of) = split(text)?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let places = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
    let amount = digits.checked_mul(times)?.checked_mul(parts)?;
    // More than 64 bits hold is more than there is of anything.
    Some(u64::try_from(amount.div_ceil(places * of)).unwrap_or(u64::MAX))
}

/// The digits, and the fraction that a suffix or an exponent multiplies them with.
fn split(text: &str) -> Option<(&str, u128, u128)> {
    if let Some((digits, exponent)) = text.split_once(['e', 'E'])
        && exponent.ends_with(|last: char| last.is_ascii_digit())
    {
        let power = |digits: &str| 10_u128.checked_pow(digits.parse().ok().filter(|n| *n < 19)?);
        return match exponent.strip_prefix('-') {
            Some(exponent) => Some((digits, 1, power(exponent)?)),
            None => Some((digits, power(exponent)?, 1)),
        };
    }
    let suffixed = SUFFIXES.iter().find_map(|(suffix, times, of)| {
        let digits = text.strip_suffix(suffix)?;
        Some((digits, *times, *of))
    });
    Some(suffixed.unwrap_or((text, 1, 1)))
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
    /// `0.50 cores`: two decimals, for pods ask for hundredths, and a sum of more than was rounded would not be theirs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hundredths = self.0.div_ceil(10);
        f.pad(&format!(
            "{}.{:02} cores",
            hundredths / 100,
            hundredths % 100
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_in_whole_units() {
        assert_eq!(whole("100000000000000000000"), "100");
        assert_eq!(whole("98250000000000000000"), "98.25");
        assert_eq!(whole("0"), "0");
        assert_eq!(whole("1"), "1 wei");
    }

    #[test]
    fn of_many_names_only_the_first_are_said() {
        assert_eq!(some(["a", "b"], 2), "a, b");
        let names: Vec<String> = (0..1_000).map(|n| format!("n{n}")).collect();
        let said = some(&names, names.len());
        assert!(said.starts_with("n0, n1, n2, "), "{said}");
        assert!(said.ends_with(", n19 and 980 more"), "{said}");
        assert_eq!(some(["a"], 1_000), "a and 999 more");
    }

    #[test]
    fn one_of_a_thing_is_no_plural() {
        assert_eq!(count(1, "pod"), "1 pod");
        assert_eq!(count(2, "pod"), "2 pods");
    }

    #[test]
    fn quantities_are_read_as_kubernetes_reads_them() {
        for (text, bytes) in [
            ("0", 0),
            ("1Ki", 1024),
            ("1.5Gi", 1_610_612_736),
            ("128M", 128_000_000),
            ("7", 7),
            ("1e3", 1000),
            ("2E", 2_000_000_000_000_000_000),
            ("1Ei", 1 << 60),
            ("1500m", 2),
            ("5E-1", 1),
        ] {
            assert_eq!(text.parse(), Ok(Bytes(bytes)), "{text}");
        }
        for (text, milli) in [
            ("100m", 100),
            ("2", 2000),
            ("0.25", 250),
            ("1k", 1_000_000),
            ("1500u", 2),
            ("1e-1", 100),
        ] {
            assert_eq!(text.parse(), Ok(MilliCpu(milli)), "{text}");
        }
        for text in ["", "Gi", "1gb", "-1Mi", "1.2.3", "１Mi", "1e", "e3", "1e99"] {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
        assert!("lots".parse::<MilliCpu>().is_err());
    }

    #[test]
    fn quantities_are_shown_for_people() {
        assert_eq!(Bytes::mebibytes(512).to_string(), "512 MiB");
        assert_eq!(Bytes::mebibytes(6500).to_string(), "6.4 GiB");
        assert_eq!(MilliCpu(20).to_string(), "0.02 cores");
        assert_eq!(MilliCpu(951).to_string(), "0.96 cores");
        assert_eq!(MilliCpu(37_400).to_string(), "37.40 cores");
    }
}
