//! This run beside an earlier one.

use std::path::Path;

use aznet_runner::Stats;
use aznet_runner::report::Document;
use aznet_runner::stats::{Rate, Regression, Worse};
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::run_folder;

/// The statistics of an earlier run: a `stats.json`, or the folder that holds it.
pub(super) fn read(path: &Path) -> Result<Stats, Failure> {
    let file = if path.is_dir() {
        path.join(run_folder::STATS)
    } else {
        path.to_owned()
    };
    let bad = |why: String| Failure::NoBaseline {
        file: file.display().to_string(),
        why,
    };
    let text = std::fs::read_to_string(&file).map_err(|error| bad(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| bad(error.to_string()))
}

/// Says what is worse.
pub(super) fn tell(worse: &[Regression], context: &Context) {
    for Regression { test, kind } in worse {
        context
            .printer
            .warn(format_args!("{test} {}", words(*kind)));
    }
}

fn words(worse: Worse) -> String {
    match worse {
        Worse::Slower { before, now } => {
            let (before, now) = (before.median.as_secs_f64(), now.median.as_secs_f64());
            let more = (now / before - 1.0) * 100.0;
            format!(
                "is slower than the baseline: median {now:.1}s, {more:.0} % more than {before:.1}s"
            )
        }
        Worse::LessReliable {
            before,
            now,
            may_be_chance,
        } => {
            let chance = if may_be_chance {
                ", which may be chance"
            } else {
                ""
            };
            format!(
                "is less reliable than the baseline: {} passed, before {}{chance}",
                share(now),
                share(before)
            )
        }
    }
}

fn share(rate: Rate) -> String {
    let (share, low, high) = (rate.share * 100.0, rate.low * 100.0, rate.high * 100.0);
    format!("{share:.0} % (95 % interval {low:.0} to {high:.0} %)")
}

/// A run as one document, with what is worse than in the baseline.
#[derive(Serialize)]
pub(super) struct Compared<'a> {
    #[serde(flatten)]
    run: &'a Document,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    regressions: &'a [Regression],
}

impl<'a> Compared<'a> {
    pub(super) fn new(run: &'a Document, regressions: &'a [Regression]) -> Self {
        Self { run, regressions }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aznet_runner::stats::Times;

    use super::*;

    #[test]
    fn what_is_worse_is_said_with_both_values() {
        let times = |seconds| Times {
            median: Duration::from_secs(seconds),
            p95: Duration::from_secs(seconds),
        };
        let slower = Worse::Slower {
            before: times(10),
            now: times(12),
        };
        assert_eq!(
            words(slower),
            "is slower than the baseline: median 12.0s, 20 % more than 10.0s"
        );
        let rate = |passed| Rate::of(passed, 10);
        let (Some(before), Some(now)) = (rate(10), rate(9)) else {
            panic!("ten runs have a rate");
        };
        let less = Worse::LessReliable {
            before,
            now,
            may_be_chance: true,
        };
        assert_eq!(
            words(less),
            "is less reliable than the baseline: 90 % (95 % interval 60 to 98 %) passed, \
             before 100 % (95 % interval 72 to 100 %), which may be chance"
        );
    }
}
