//! What many runs of a test say together: how often it passes, and how long it takes.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    event::{Event, Kind},
    seconds,
    test::TestId,
    verdict::Verdict,
};

/// Statistics of each test of a run, a fold over its events.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stats {
    /// By `network::name`.
    pub tests: BTreeMap<String, TestStats>,
}

/// Statistics of a test.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestStats {
    /// Times it passed at once.
    pub passed: u32,
    /// Times it passed on a retry, which counts as not passed.
    pub flaky: u32,
    /// Times it failed.
    pub failed: u32,
    /// Times it could not be tested, which says nothing of it.
    pub not_testable: u32,
    /// How often it passes; `None` if it was never tested.
    pub rate: Option<Rate>,
    /// How long it takes when it passes; `None` if it never did.
    pub times: Option<Times>,
}

/// How often a test passes: a share of 1, with its 95 % confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// As seen.
    pub share: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// How long a test takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Times {
    /// Half of the runs took no longer.
    #[serde(with = "seconds")]
    pub median: Duration,
    /// 95 of 100 runs took no longer.
    #[serde(with = "seconds")]
    pub p95: Duration,
}

impl Rate {
    /// Of `passed` in `tested` runs; `None` without any. The interval is Wilson's score interval: E. B. Wilson, "Probable
    /// inference, the law of succession, and statistical inference", J. Am. Stat. Assoc. 22 (1927), p. 209. Unlike the
    /// normal approximation it is of use for few runs, and for a share of 0 or 1.
    pub fn of(passed: u32, tested: u32) -> Option<Self> {
        // The 97.5th percentile of the standard normal distribution.
        const Z: f64 = 1.959_963_984_540_054;
        if tested == 0 {
            return None;
        }
        let (n, share) = (f64::from(tested), f64::from(passed) / f64::from(tested));
        let scale = 1.0 + Z * Z / n;
        let centre = (share + Z * Z / (2.0 * n)) / scale;
        let spread = (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt() * Z / scale;
        // Where all or none passed, rounding would miss the end by a hair.
        let low = if passed == 0 { 0.0 } else { centre - spread };
        let high = if passed == tested {
            1.0
        } else {
            centre + spread
        };
        Some(Self { share, low, high })
    }
}

impl Times {
    /// Of these durations; `None` without any.
    pub fn of(mut durations: Vec<Duration>) -> Option<Self> {
        durations.sort_unstable();
        Some(Self {
            median: quantile(&durations, 50)?,
            p95: quantile(&durations, 95)?,
        })
    }
}

/// That share of the durations took no longer; `None` without any. Between two of them it is interpolated as R and NumPy
/// do it: type 7 of R. J. Hyndman and Y. Fan, "Sample quantiles in statistical packages", Am. Stat. 50 (1996), p. 361.
pub fn quantile(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let last = sorted.len().checked_sub(1)?;
    let (place, rest) = (last * percent / 100, last * percent % 100);
    let (below, above) = (sorted[place], sorted[(place + 1).min(last)]);
    Some(below + above.saturating_sub(below) * u32::try_from(rest).unwrap_or_default() / 100)
}

/// Gathers [`Stats`] from the events of a run.
#[derive(Debug, Clone, Default)]
pub struct Gathered {
    tests: BTreeMap<TestId, (TestStats, Vec<Duration>)>,
    /// How long the last attempt of a test took.
    last: BTreeMap<TestId, Duration>,
}

impl Gathered {
    /// What was gathered until now.
    pub fn stats(&self) -> Stats {
        let tests = self.tests.iter().map(|(test, (counted, durations))| {
            let TestStats {
                passed,
                flaky,
                failed,
                ..
            } = *counted;
            let stats = TestStats {
                rate: Rate::of(passed, passed + flaky + failed),
                times: Times::of(durations.clone()),
                ..counted.clone()
            };
            (test.to_string(), stats)
        });
        Stats {
            tests: tests.collect(),
        }
    }

    fn count(&mut self, test: &TestId, verdict: &Verdict, attempts: u32) {
        let took = self.last.remove(test);
        let (stats, durations) = self.tests.entry(test.clone()).or_default();
        match verdict {
            Verdict::Passed if attempts > 1 => stats.flaky += 1,
            Verdict::Passed => stats.passed += 1,
            Verdict::Failed { .. } => stats.failed += 1,
            Verdict::Infrastructure { .. } | Verdict::Fault { .. } => stats.not_testable += 1,
            Verdict::Skipped { .. } => {}
        }
        if matches!(verdict, Verdict::Passed) {
            durations.extend(took);
        }
    }

    /// Takes one event in.
    pub fn event(&mut self, event: &Event) {
        match &event.kind {
            Kind::AttemptFinished { test, took, .. } => {
                self.last.insert(test.clone(), *took);
            }
            Kind::TestFinished {
                test,
                attempts,
                verdict,
                ..
            } => self.count(test, verdict, *attempts),
            _ => {}
        }
    }
}

/// What got worse since another run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Regression {
    /// The test, as `network::name`.
    pub test: String,
    /// What of it.
    #[serde(flatten)]
    pub kind: Worse,
}

/// How a test got worse.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "worse", rename_all = "kebab-case")]
pub enum Worse {
    /// Its median is more than 10 % longer.
    Slower {
        /// How long it took.
        before: Times,
        /// How long it takes.
        now: Times,
    },
    /// It passes less often.
    LessReliable {
        /// How often it passed.
        before: Rate,
        /// How often it passes.
        now: Rate,
        /// Whether its share is still within the interval of before: it may be chance.
        may_be_chance: bool,
    },
}

impl Worse {
    /// Whether it is more than chance may explain.
    pub const fn is_sure(&self) -> bool {
        !matches!(
            self,
            Self::LessReliable {
                may_be_chance: true,
                ..
            }
        )
    }
}

impl Stats {
    /// What is worse than in `baseline`; tests that only one of the two has are left out.
    pub fn worse_than(&self, baseline: &Self) -> Vec<Regression> {
        let both = self.tests.iter().filter_map(|(test, now)| {
            let before = baseline.tests.get(test)?;
            Some((test, [slower(before, now), less_reliable(before, now)]))
        });
        both.flat_map(|(test, kinds)| {
            kinds.into_iter().flatten().map(|kind| Regression {
                test: test.clone(),
                kind,
            })
        })
        .collect()
    }
}

fn slower(before: &TestStats, now: &TestStats) -> Option<Worse> {
    let (before, now) = (before.times?, now.times?);
    (now.median > before.median * 11 / 10).then_some(Worse::Slower { before, now })
}

fn less_reliable(before: &TestStats, now: &TestStats) -> Option<Worse> {
    let (before, now) = (before.rate?, now.rate?);
    (now.share < before.share).then_some(Worse::LessReliable {
        before,
        now,
        may_be_chance: now.share >= before.low,
    })
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    #[test]
    fn the_interval_is_wilsons() {
        let interval = |passed, tested| {
            let rate = Rate::of(passed, tested).unwrap();
            format!("{:.4} {:.4} {:.4}", rate.share, rate.low, rate.high)
        };
        assert_eq!(interval(9, 10), "0.9000 0.5958 0.9821");
        assert_eq!(interval(10, 10), "1.0000 0.7225 1.0000");
        assert_eq!(interval(0, 10), "0.0000 0.0000 0.2775");
        assert_eq!(interval(50, 100), "0.5000 0.4038 0.5962");
        assert_eq!(Rate::of(0, 0), None);
    }

    #[test]
    fn quantiles_are_those_of_numpy() {
        let seconds = |numbers: &[u64]| numbers.iter().copied().map(Duration::from_secs).collect();
        let times = Times::of(seconds(&[4, 1, 3, 2])).unwrap();
        assert_eq!(times.median, Duration::from_millis(2_500));
        assert_eq!(times.p95, Duration::from_millis(3_850));
        let one = Times::of(seconds(&[7])).unwrap();
        assert_eq!(
            (one.median, one.p95),
            (Duration::from_secs(7), Duration::from_secs(7))
        );
        assert_eq!(Times::of(Vec::new()), None);
    }

    fn stats(passed: u32, failed: u32, median: u64) -> Stats {
        let median = Duration::from_millis(median);
        let one = TestStats {
            passed,
            failed,
            rate: Rate::of(passed, passed + failed),
            times: Some(Times {
                median,
                p95: median,
            }),
            ..TestStats::default()
        };
        Stats {
            tests: [("small::transfer".to_owned(), one)].into(),
        }
    }

    #[test]
    fn slower_is_more_than_a_tenth() {
        let before = stats(10, 0, 1_000);
        assert!(stats(10, 0, 1_100).worse_than(&before).is_empty());
        let worse = stats(10, 0, 1_101).worse_than(&before);
        assert!(matches!(worse[0].kind, Worse::Slower { .. }) && worse[0].kind.is_sure());
    }

    #[test]
    fn less_reliable_may_be_chance() {
        let before = stats(10, 0, 1_000);
        let sure = |passed, failed| {
            let worse = stats(passed, failed, 1_000).worse_than(&before);
            worse.first().map(|one| one.kind.is_sure())
        };
        assert_eq!(sure(10, 0), None);
        assert_eq!(sure(9, 1), Some(false));
        assert_eq!(sure(7, 3), Some(true));
    }

    #[test]
    fn stats_survive_json() {
        let stats = stats(9, 1, 12_345);
        let json = serde_json::to_string(&stats).unwrap();
        assert_eq!(serde_json::from_str::<Stats>(&json).unwrap(), stats);
    }

    proptest! {
        #[test]
        fn intervals_hold_their_share(tested in 1_u32..1_000, passed in 0_u32..1_000) {
            let rate = Rate::of(passed.min(tested), tested).unwrap();
            prop_assert!(0.0 <= rate.low && rate.low <= rate.share);
            prop_assert!(rate.share <= rate.high && rate.high <= 1.0);
        }

        #[test]
        fn quantiles_are_within_what_was_seen(numbers in vec(0_u64..1_000, 1..40)) {
            let durations: Vec<Duration> = numbers.iter().copied().map(Duration::from_millis).collect();
            let (least, most) = (durations.iter().min().copied(), durations.iter().max().copied());
            let times = Times::of(durations).unwrap();
            prop_assert!(least <= Some(times.median) && times.median <= times.p95 && Some(times.p95) <= most);
        }
    }
}
