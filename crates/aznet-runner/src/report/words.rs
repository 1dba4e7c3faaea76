//! The words that reports for people share.

use jiff::Timestamp;

use crate::{
    event::{Outage, Running, Summary},
    test::Waiting,
    verdict::Verdict,
};

/// What a run is told to have that only goes through its attacks.
pub(super) const DUD_ATTACKS: &str = "attacks are only gone through: their tests must fail";

/// How a test or an attempt ended, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Pass,
    /// It passed on a retry.
    Flaky,
    /// It passed and left something behind.
    Leak,
    Fail,
    /// It could not be tested.
    Error,
    /// It could not be tested, for want of a fault.
    Fault,
    Skip,
    /// Another attempt follows.
    Retry,
}

impl Ended {
    pub(super) const fn of(verdict: &Verdict, attempts: u32, leaks: &[String]) -> Self {
        match verdict {
            Verdict::Passed if attempts > 1 => Self::Flaky,
            Verdict::Passed if !leaks.is_empty() => Self::Leak,
            Verdict::Passed => Self::Pass,
            Verdict::Failed { .. } => Self::Fail,
            Verdict::Infrastructure { .. } => Self::Error,
            Verdict::Fault { .. } => Self::Fault,
            Verdict::Skipped { .. } => Self::Skip,
        }
    }

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Flaky => "FLAKY",
            Self::Leak => "LEAK",
            Self::Fail => "FAIL",
            Self::Error => "ERROR",
            Self::Fault => "FAULT",
            Self::Skip => "SKIP",
            Self::Retry => "RETRY",
        }
    }
}

/// Which of several runs of a test: ` (run 2 of 10)`, or ` (run 2)` of as many as there is time for.
pub(super) fn nth(repetition: u32, repeat: u32) -> String {
    match (repetition, repeat) {
        (1, ..=1) => String::new(),
        (repetition, ..=1) => format!(" (run {repetition})"),
        (repetition, repeat) => format!(" (run {repetition} of {repeat})"),
    }
}

/// ` waits for block 12 (last seen: block 8)`.
pub(super) fn waits(waiting: Option<&Waiting>) -> String {
    waiting.map_or(String::new(), |Waiting { what, last }| {
        format!(" waits for {what} (last seen: {last})")
    })
}

/// What runs, for how long, what it waits for and the value seen last, as text of several lines.
pub fn running(tests: &[Running], queued: usize) -> String {
    let lines = tests.iter().map(|one| {
        let attempt = if one.attempt > 1 {
            format!(" (attempt {})", one.attempt)
        } else {
            String::new()
        };
        let (elapsed, waits) = (one.elapsed.as_secs_f64(), waits(one.waiting.as_ref()));
        format!("\n  {}{attempt} for {elapsed:.1}s{waits}", one.test)
    });
    let count = plural(tests.len(), "test");
    format!(
        "{count} running, {queued} queued{}",
        lines.collect::<String>()
    )
}

/// `2026-11-27 12:00:00 UTC`.
pub(super) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// `since 2026-11-27 02:11:04 UTC: network small is not healthy: no node is ready`.
pub(super) fn outage(
    Outage {
        since, why, healed, ..
    }: &Outage,
) -> String {
    let since = moment(*since);
    let end = if *healed {
        ""
    } else {
        ", until the end of the run"
    };
    format!("since {since}{end}: {why}")
}

/// A run's numbers in one sentence.
pub(super) fn counts(summary: &Summary) -> String {
    let Summary {
        passed,
        flaky,
        leaky,
        failed,
        infrastructure,
        faults,
        outages,
        skipped,
        not_run,
        interrupted,
        ..
    } = summary;
    let run = plural(passed + failed + summary.not_testable(), "test");
    let mut words = format!("{run} run: {passed} passed");
    let more = [
        (flaky, "flaky"),
        (leaky, "leaky"),
        (failed, "failed"),
        (infrastructure, "not testable"),
        (faults, "without their fault"),
    ];
    for (count, word) in more.into_iter().filter(|(count, _)| **count > 0) {
        words = format!("{words}, {count} {word}");
    }
    words = format!("{words}, {skipped} skipped");
    if *outages > 0 {
        words = format!("{words}, {}", plural(*outages, "outage"));
    }
    if *not_run > 0 {
        words = format!("{words}, {not_run} not run");
    }
    if *interrupted {
        format!("{words} (interrupted)")
    } else {
        words
    }
}

/// `1 test`, `2 tests`.
pub(super) fn plural(count: usize, word: &str) -> String {
    if count == 1 {
        format!("{count} {word}")
    } else {
        format!("{count} {word}s")
    }
}
