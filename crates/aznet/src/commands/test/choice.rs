//! Which tests run, and with which settings: the command line over the profile.

use std::num::NonZeroUsize;

use aznet_runner::{Filter, Profile, Selection, Test, Wanted};

use super::args::{LimitArgs, TestArgs};
use super::settings;
use crate::failure::Failure;

/// What the command line and its profile choose.
pub(super) struct Choice {
    pub(super) profile: Profile,
    wanted: Wanted,
    retries: Option<u32>,
    limits: LimitArgs,
}

impl Choice {
    pub(super) fn of(args: &TestArgs) -> anyhow::Result<Self> {
        let profile = settings::profile(&args.profile)?;
        let filters = args.expressions.iter().map(|text| text.parse::<Filter>());
        let wanted = Wanted {
            names: args.filters.clone(),
            filters: filters.collect::<Result<_, _>>()?,
            within: profile.filter.clone(),
            partition: args.partition,
        };
        Ok(Self {
            profile,
            wanted,
            retries: args.retries,
            limits: args.limits,
        })
    }

    /// After how many tests that do not pass no more are started.
    pub(super) fn max_fail(&self) -> Option<usize> {
        let LimitArgs {
            fail_fast,
            max_fail,
            no_fail_fast,
        } = self.limits;
        if no_fail_fast {
            return None;
        }
        let own = fail_fast.then_some(NonZeroUsize::MIN).or(max_fail);
        own.or(self.profile.max_fail).map(NonZeroUsize::get)
    }

    /// The chosen tests of `tests`, with their settings; there is at least one.
    pub(super) fn select(&self, tests: Vec<Test>) -> anyhow::Result<Selection> {
        for filter in &self.wanted.filters {
            filter.check(&tests)?;
        }
        let nothing = self.nothing(&tests);
        let settled = tests.into_iter().map(|test| self.settle(test)).collect();
        let selection = aznet_runner::select(settled, &self.wanted);
        if selection.selected.is_empty() {
            return Err(nothing.into());
        }
        Ok(selection)
    }

    fn settle(&self, test: Test) -> Test {
        let test = self.profile.settle(test);
        let retries = self.retries.unwrap_or(test.retries);
        test.retries(retries)
    }

    /// Why none is chosen, if none is.
    fn nothing(&self, tests: &[Test]) -> Failure {
        let count = |wanted: &Wanted| tests.iter().filter(|test| wanted.has(test)).count();
        let anywhere = Wanted {
            within: None,
            ..self.wanted.clone()
        };
        match (&self.wanted, &self.wanted.within) {
            (
                Wanted {
                    partition: Some(part),
                    ..
                },
                _,
            ) if count(&self.wanted) > 0 => Failure::EmptyPart {
                part: *part,
                tests: count(&self.wanted),
            },
            (_, Some(filter)) if count(&anywhere) > 0 => Failure::NoTestInProfile {
                profile: self.profile.name.clone(),
                filter: filter.to_string(),
            },
            _ => Failure::NoTest {
                asked: self.wanted.names.clone(),
                known: tests.iter().map(|test| test.id.name.clone()).collect(),
            },
        }
    }
}
