//! Which cluster of kind, and how large.

use std::fmt;
use std::str::FromStr;

use super::super::unknown::{MOST_WORKERS, UnknownProvider};
use crate::provider::embedded;

/// The name of the cluster that is used when none is named. kind's own is left to whoever calls kind.
pub const DEFAULT: &str = "aznet";

/// A cluster of kind: `NAME`, `NAME,workers=2`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Choice {
    /// Its name.
    pub name: String,
    /// How many nodes it has beside the one of the control plane; of one that is there, whatever it has.
    pub workers: Option<u8>,
}

impl Choice {
    /// The cluster of this name, whatever its size.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            workers: None,
        }
    }
}

impl Default for Choice {
    fn default() -> Self {
        Self::named(DEFAULT)
    }
}

impl fmt::Display for Choice {
    /// Its name alone: what else was asked for is how it is made, not which it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl FromStr for Choice {
    type Err = UnknownProvider;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split(',');
        let first = parts.next().unwrap_or_default();
        // `kind:workers=2` is the usual one.
        let (name, settings) = if first.contains('=') {
            (DEFAULT, text.split(','))
        } else {
            (first, parts)
        };
        if !embedded::is_name(name) {
            return Err(UnknownProvider::BadName {
                name: name.to_owned(),
            });
        }
        let mut choice = Self::named(name);
        for setting in settings {
            if choice.workers.replace(workers(setting)?).is_some() {
                return Err(UnknownProvider::Workers {
                    given: text.to_owned(),
                });
            }
        }
        Ok(choice)
    }
}

fn workers(setting: &str) -> Result<u8, UnknownProvider> {
    let number = setting.strip_prefix("workers=");
    let number = number.and_then(|number| number.parse().ok());
    number
        .filter(|number| *number <= MOST_WORKERS)
        .ok_or_else(|| UnknownProvider::Workers {
            given: setting.to_owned(),
        })
}
