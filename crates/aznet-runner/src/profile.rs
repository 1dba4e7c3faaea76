//! Profiles: settings of runs under a name, from one file, over those that are built in.

mod error;
mod file;

use std::{
    collections::BTreeMap,
    num::{NonZeroU32, NonZeroUsize},
    time::Duration,
};

pub use self::error::ProfileError;
use self::file::{Override, Raw, SlowTimeout};
use crate::{filter::Filter, near::nearest, test::Test, verdict::Leaks};

/// The profiles that are built in, with what each setting means.
pub const BUILT_IN: &str = include_str!("profile/built-in.toml");
/// The profile that a run has where none is named, and that all others inherit in the end.
pub const DEFAULT: &str = "default";

/// The profiles of a settings file and those that are built in.
#[derive(Debug, Clone)]
pub struct Profiles {
    /// What goes before others first.
    layers: Vec<BTreeMap<String, Raw>>,
}

/// The settings of a run.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// Which tests run.
    pub filter: Option<Filter>,
    /// After how many tests that did not pass no more are started; `None`: all are.
    pub max_fail: Option<NonZeroUsize>,
    /// How much the tests that run at once may weigh together.
    pub capacity: NonZeroU32,
    /// What becomes of tests that leave something behind.
    pub leaks: Leaks,
    retries: Option<u32>,
    slow_timeout: Option<SlowTimeout>,
    overrides: Vec<Override>,
}

impl Profiles {
    /// Those of the settings file, its name and its text, over those that are built in.
    ///
    /// # Errors
    /// [`ProfileError::File`] if the text is not as it must be.
    pub fn read(settings: Option<(&str, &str)>) -> Result<Self, ProfileError> {
        let texts = settings.into_iter().chain([("built-in.toml", BUILT_IN)]);
        let layers = texts.map(|(name, text)| file::read(name, text));
        Ok(Self {
            layers: layers.collect::<Result<_, _>>()?,
        })
    }

    /// The settings of the profile called so, with all that it inherits.
    ///
    /// # Errors
    /// [`ProfileError::Unknown`], [`ProfileError::Circle`].
    pub fn get(&self, name: &str) -> Result<Profile, ProfileError> {
        let parts: Vec<&Raw> = self
            .line_of(name)?
            .into_iter()
            .flat_map(|name| self.layers.iter().filter_map(move |layer| layer.get(name)))
            .collect();
        // What is said first counts.
        let slow_timeout = parts.iter().find_map(|raw| raw.slow_timeout);
        let fail_fast = parts.iter().find_map(|raw| raw.fail_fast);
        Ok(Profile {
            name: name.to_owned(),
            filter: parts.iter().find_map(|raw| raw.filter.clone()),
            max_fail: fail_fast.and_then(|one| one.max_fail),
            capacity: parts
                .iter()
                .find_map(|raw| raw.capacity)
                .unwrap_or(NonZeroU32::MIN),
            leaks: parts.iter().find_map(|raw| raw.leaks).unwrap_or_default(),
            retries: parts.iter().find_map(|raw| raw.retries),
            slow_timeout,
            overrides: parts.iter().flat_map(|raw| raw.overrides.clone()).collect(),
        })
    }

    /// The profile and its ancestors, down to the one that all inherit.
    fn line_of<'a>(&'a self, name: &'a str) -> Result<Vec<&'a str>, ProfileError> {
        let mut line: Vec<&str> = Vec::new();
        let mut next = Some(name);
        while let Some(name) = next {
            let layers = self.layers.iter().filter_map(|layer| layer.get(name));
            let mut layers = layers.peekable();
            if layers.peek().is_none() {
                return Err(self.unknown(name, line.last().copied()));
            }
            let again = line.contains(&name);
            line.push(name);
            if again {
                return Err(ProfileError::Circle(
                    line.into_iter().map(str::to_owned).collect(),
                ));
            }
            let inherits = layers.find_map(|raw| raw.inherits.as_deref());
            next = inherits.or((name != DEFAULT).then_some(DEFAULT));
        }
        Ok(line)
    }

    fn unknown(&self, name: &str, inherited_by: Option<&str>) -> ProfileError {
        let mut known: Vec<&str> = self
            .layers
            .iter()
            .flat_map(|layer| layer.keys())
            .map(String::as_str)
            .collect();
        known.sort_unstable();
        known.dedup();
        ProfileError::Unknown {
            name: name.to_owned(),
            inherited_by: inherited_by.map(str::to_owned),
            nearest: nearest(name, known.iter().copied()).map(str::to_owned),
            known: known.into_iter().map(str::to_owned).collect(),
        }
    }
}

impl Profile {
    /// The test with the settings that this profile has for it. Where it has none, the test's own stay.
    #[must_use]
    pub fn settle(&self, test: Test) -> Test {
        let fits = |one: &&Override| one.filter.selects(&test);
        let overrides: Vec<&Override> = self.overrides.iter().filter(fits).collect();
        let retries = overrides.iter().find_map(|one| one.retries);
        let retries = retries.or(self.retries).unwrap_or(test.retries);
        let weight = overrides.iter().find_map(|one| one.weight);
        let weight = weight.map_or(test.weight, NonZeroU32::get);
        let slow_timeout = overrides.iter().find_map(|one| one.slow_timeout);
        let test = test.retries(retries).weight(weight);
        match slow_timeout.or(self.slow_timeout) {
            None => test,
            Some(timeout) => {
                let deadline = timeout.deadline().unwrap_or(test.deadline);
                test.slow_after(timeout.period).deadline(deadline)
            }
        }
    }
}

impl SlowTimeout {
    fn deadline(self) -> Option<Duration> {
        let periods = self.terminate_after?;
        Some(self.period.saturating_mul(periods.get()))
    }
}

#[cfg(test)]
mod tests;
