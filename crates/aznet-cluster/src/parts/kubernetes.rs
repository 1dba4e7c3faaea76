//! The minor releases of Kubernetes that an embedded cluster can be made of.

use std::fmt;
use std::str::FromStr;

/// A minor release whose programs are pinned under `toolchain/`. All of them are maintained upstream; the oldest says
/// which version of the API this workspace speaks (`k8s-openapi` in `Cargo.toml`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Minor {
    /// 1.35, built only when it is asked for.
    V1_35,
    /// 1.37, what clusters are made of.
    #[default]
    V1_37,
}

/// No programs of such a release are pinned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no Kubernetes `{given}` here: expected {}", Minor::choices())]
pub struct UnknownMinor {
    given: String,
}

impl Minor {
    /// All of them, the newest first.
    pub const ALL: [Self; 2] = [Self::V1_37, Self::V1_35];

    /// As it is written, such as `1.37`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1_35 => "1.35",
            Self::V1_37 => "1.37",
        }
    }

    /// What can be chosen from, for a sentence.
    pub fn choices() -> String {
        Self::ALL.map(Self::name).join(" or ")
    }
}

impl fmt::Display for Minor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Minor {
    type Err = UnknownMinor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|minor| minor.name() == text)
            .ok_or_else(|| UnknownMinor {
                given: text.to_owned(),
            })
    }
}

/// Major and minor number of a version: `1.37` of `v1.37.2`.
pub fn line(version: &str) -> &str {
    let numbers = version.trim_start_matches('v');
    let end = numbers.match_indices('.').nth(1);
    end.map_or(numbers, |(end, _)| &numbers[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minors_are_read_as_they_are_written() {
        for minor in Minor::ALL {
            assert_eq!(minor.to_string().parse(), Ok(minor));
        }
        let error = "1.34".parse::<Minor>().unwrap_err().to_string();
        assert_eq!(error, "no Kubernetes `1.34` here: expected 1.37 or 1.35");
    }

    #[test]
    fn the_default_is_the_newest() {
        assert_eq!(Minor::ALL.into_iter().max(), Some(Minor::default()));
        assert!(Minor::ALL.is_sorted_by(|newer, older| newer > older));
    }

    #[test]
    fn a_line_is_what_its_patches_share() {
        for (version, expected) in [("v1.37.2", "1.37"), ("3.6.16", "3.6"), ("v1.37", "1.37")] {
            assert_eq!(line(version), expected);
        }
    }
}
