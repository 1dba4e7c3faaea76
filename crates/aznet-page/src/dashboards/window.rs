//! The time that dashboards show, and in which steps.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

/// Points that a panel shows at most; it has about as many columns.
const POINTS: u64 = 600;

/// From when to when, and the time between two points. Both ends are multiples of the step since 1970, as Grafana has it:
/// all series then have their points at the same moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Window {
    /// The first moment.
    pub from: Timestamp,
    /// The last one.
    pub to: Timestamp,
    /// Seconds between two.
    #[serde(rename = "stepSeconds")]
    pub step: u32,
    /// Seconds between two samples that Prometheus collects.
    #[serde(skip)]
    collected: u32,
}

impl Window {
    /// The time `since` before `now`, of what is collected every so many seconds.
    pub fn new(now: Timestamp, since: Duration, collected: Duration) -> Self {
        let seconds = |time: Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX).max(1);
        let (whole, collected) = (seconds(since), seconds(collected));
        let step = u64::from(whole).div_ceil(POINTS);
        let step = u32::try_from(step).unwrap_or(u32::MAX).max(collected);
        let aligned = |second: i64| second.div_euclid(step.into()) * i64::from(step);
        let last = aligned(now.as_second());
        // At least one step: a line has two ends.
        let first = aligned(last - i64::from(whole.max(step)));
        let moment = |second| Timestamp::from_second(second).unwrap_or_default();
        Self {
            from: moment(first),
            to: moment(last),
            step,
            collected,
        }
    }

    /// Moments that have a point.
    pub(super) fn count(&self) -> usize {
        self.place(self.to.as_second()).map_or(0, |last| last + 1)
    }

    /// Which of them a second is.
    pub(super) fn place(&self, second: i64) -> Option<usize> {
        let since = second - self.from.as_second();
        usize::try_from(since / i64::from(self.step)).ok()
    }

    /// What Grafana sets of itself: `$__interval`, `$__rate_interval` and the like.
    pub(super) fn variables(&self) -> [(String, String); 5] {
        let range = self.to.as_second() - self.from.as_second();
        let rate = (self.step + self.collected).max(4 * self.collected);
        let seconds = |count: i64| format!("{count}s");
        [
            ("__interval", seconds(self.step.into())),
            ("__interval_ms", (u64::from(self.step) * 1000).to_string()),
            ("__rate_interval", seconds(rate.into())),
            ("__range", seconds(range)),
            ("__range_s", range.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(since: u64) -> Window {
        let now = "2026-11-27T07:00:08Z".parse().unwrap();
        Window::new(now, Duration::from_secs(since), Duration::from_secs(15))
    }

    #[test]
    fn short_times_have_every_sample_and_long_ones_few_enough() {
        let short = window(1800);
        assert_eq!((short.step, short.count()), (15, 121));
        assert_eq!(short.to.to_string(), "2026-11-27T07:00:00Z");
        let long = window(15 * 86_400);
        assert_eq!((long.step, long.count()), (2160, 601));
        assert_eq!(long.from.as_second() % 2160, 0);
        assert_eq!(window(1).count(), 2);
    }

    #[test]
    fn a_rate_spans_four_samples_as_in_grafana() {
        let of = |window: Window| {
            let variables = window.variables();
            [0, 2, 3].map(|place: usize| variables[place].1.clone())
        };
        assert_eq!(of(window(1800)), ["15s", "60s", "1800s"]);
        assert_eq!(of(window(86_400)), ["144s", "159s", "86400s"]);
    }
}
