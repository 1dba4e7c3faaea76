//! The settings file as it is written.

use std::{
    collections::BTreeMap,
    fmt,
    num::{NonZeroU32, NonZeroUsize},
    time::Duration,
};

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor},
};

use super::error::ProfileError;
use crate::{filter::Filter, verdict::Leaks};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    profile: BTreeMap<String, Raw>,
}

/// What is said of a profile in one place.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Raw {
    pub(super) inherits: Option<String>,
    pub(super) filter: Option<Filter>,
    pub(super) retries: Option<u32>,
    pub(super) fail_fast: Option<FailFast>,
    pub(super) capacity: Option<NonZeroU32>,
    pub(super) leaks: Option<Leaks>,
    pub(super) slow_timeout: Option<SlowTimeout>,
    #[serde(default)]
    pub(super) overrides: Vec<Override>,
}

/// Settings of some tests.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Override {
    pub(super) filter: Filter,
    pub(super) retries: Option<u32>,
    pub(super) weight: Option<NonZeroU32>,
    pub(super) slow_timeout: Option<SlowTimeout>,
}

/// `{ period = "60s", terminate-after = 10 }`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct SlowTimeout {
    #[serde(deserialize_with = "period")]
    pub(super) period: Duration,
    pub(super) terminate_after: Option<NonZeroU32>,
}

/// `true`, `false`, or `{ max-fail = 3 }`.
#[derive(Debug, Clone, Copy)]
pub(super) struct FailFast {
    pub(super) max_fail: Option<NonZeroUsize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct MaxFail {
    max_fail: NonZeroUsize,
}

/// Reads the profiles of a file.
pub(super) fn read(name: &str, text: &str) -> Result<BTreeMap<String, Raw>, ProfileError> {
    let file: File = toml::from_str(text).map_err(|source| ProfileError::File {
        file: name.to_owned(),
        source: Box::new(source),
    })?;
    Ok(file.profile)
}

fn period<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    match humantime::parse_duration(&text) {
        Ok(period) if period.is_zero() => Err(de::Error::custom("a period can't be 0 s")),
        Ok(period) => Ok(period),
        Err(error) => Err(de::Error::custom(format_args!(
            "{error}; expected e.g. `60s` or `2m`"
        ))),
    }
}

impl<'de> Deserialize<'de> for Filter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for FailFast {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FailFastVisitor)
    }
}

struct FailFastVisitor;

impl<'de> Visitor<'de> for FailFastVisitor {
    type Value = FailFast;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`true`, `false` or `{ max-fail = N }`")
    }

    fn visit_bool<E>(self, at_first: bool) -> Result<FailFast, E> {
        Ok(FailFast {
            max_fail: at_first.then_some(NonZeroUsize::MIN),
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<FailFast, A::Error> {
        let MaxFail { max_fail } =
            MaxFail::deserialize(de::value::MapAccessDeserializer::new(map))?;
        Ok(FailFast {
            max_fail: Some(max_fail),
        })
    }
}
