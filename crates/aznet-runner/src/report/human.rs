use std::{collections::BTreeMap, io, time::Duration};

use jiff::Timestamp;
use owo_colors::{OwoColorize, Style};

use super::{
    Reporter,
    words::{self, DUD_ATTACKS, Ended, counts, nth, plural, waits},
};
use crate::{
    drift::{self, Drift, Unknown},
    event::{Event, Kind, Outage, Summary},
    observation::Measure,
    stats::{Gathered, TestStats},
    test::TestId,
    verdict::Verdict,
};

/// Less comes and goes.
const GROWN: f64 = 0.1;

/// Lines for people, in nextest's grammar; the summary repeats only what did not go well.
#[derive(Debug)]
pub struct Human<W> {
    out: W,
    colour: bool,
    steps: bool,
    /// How often each test runs.
    repeat: u32,
    started: BTreeMap<TestId, Timestamp>,
    bad: Vec<(Ended, Duration, String)>,
    outages: Vec<Outage>,
    gathered: Gathered,
    drift: drift::Gathered,
    /// The last round.
    round: u32,
}

impl<W: io::Write> Human<W> {
    /// Writes to `out`; `colour` with ANSI colours, `steps` every step of every test.
    pub fn new(out: W, colour: bool, steps: bool) -> Self {
        Self {
            out,
            colour,
            steps,
            repeat: 1,
            started: BTreeMap::new(),
            bad: Vec::new(),
            outages: Vec::new(),
            gathered: Gathered::default(),
            drift: drift::Gathered::default(),
            round: 1,
        }
    }

    fn line(&mut self, word: &str, style: Style, time: &str, text: &str) -> io::Result<()> {
        let word = format!("{word:>12}");
        let word = if self.colour {
            word.style(style).to_string()
        } else {
            word
        };
        writeln!(self.out, "{word} {time:<10} {text}")
    }

    /// A line below another.
    fn below(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "             {text}")
    }

    /// The test, and which of its runs.
    fn name(&self, test: &TestId, repetition: u32) -> String {
        format!("{test}{}", nth(repetition, self.repeat))
    }

    fn attempt(&mut self, kind: &Kind) -> io::Result<()> {
        let Kind::AttemptFinished {
            test,
            repetition,
            attempt,
            took,
            verdict,
            steps,
            again,
            not_retried,
            leaks,
        } = kind
        else {
            return Ok(());
        };
        let ended = if *again {
            Ended::Retry
        } else {
            Ended::of(verdict, *attempt, leaks)
        };
        let mut text = self.name(test, *repetition);
        if *attempt > 1 || *again {
            text = format!("{text} (attempt {attempt})");
        }
        if let Verdict::Skipped { reason } = verdict {
            text = format!("{text}: {reason}");
        }
        self.line(ended.word(), style(ended), &bracket("", *took), &text)?;
        self.details(verdict, steps)?;
        for leak in leaks {
            self.below(&format!("not proved to be cleaned up: {leak}"))?;
        }
        match not_retried {
            Some(why) => self.below(&format!("not retried: {why}")),
            None => Ok(()),
        }
    }

    /// What a test has done, and since when it has run.
    fn step(&mut self, at: Timestamp, test: &TestId, words: &str) -> io::Result<()> {
        let since = self.started.get(test);
        let since = since.map(|started| at.duration_since(*started));
        let time = since.and_then(|since| Duration::try_from(since).ok());
        let time = time.map_or_else(String::new, |time| bracket("", time));
        let line = format!("{test}: {words}");
        self.line("STEP", Style::new().dimmed(), &time, &line)
    }

    /// The message and what the test had done, indented.
    fn details(&mut self, verdict: &Verdict, steps: &[String]) -> io::Result<()> {
        let message = verdict.message().filter(|_| verdict.is_bad());
        let Some(message) = message else {
            return Ok(());
        };
        for line in message.lines() {
            self.below(line)?;
        }
        if self.steps {
            // Already told as they were done.
            return Ok(());
        }
        steps
            .iter()
            .try_for_each(|step| self.below(&format!("- {step}")))
    }

    fn summary(&mut self, summary: &Summary) -> io::Result<()> {
        writeln!(self.out, "------------")?;
        let bad = summary.failed + summary.not_testable() + summary.outages;
        let good = bad == 0 && !summary.interrupted;
        let style_of = if good {
            Style::new().green()
        } else {
            Style::new().red()
        };
        let time = bracket("", summary.took);
        self.line("Summary", style_of.bold(), &time, &counts(summary))?;
        for (ended, took, test) in std::mem::take(&mut self.bad) {
            self.line(ended.word(), style(ended), &bracket("", took), &test)?;
        }
        for outage in std::mem::take(&mut self.outages) {
            let text = words::outage(&outage);
            self.line(
                "OUTAGE",
                Style::new().red().bold(),
                &bracket("", outage.took),
                &text,
            )?;
        }
        if self.round > 1 {
            self.stats()?;
            self.drifts()?;
        }
        if summary.finished() + summary.not_run == 0 {
            let text = "no test fits the filters; `--list` shows those there are";
            self.line("", Style::new(), "", text)?;
        }
        self.out.flush()
    }

    fn stats(&mut self) -> io::Result<()> {
        let gathered = self.gathered.stats();
        for (test, stats) in &gathered.tests {
            let text = format!("{test}: {}", statistics(stats));
            self.line("Statistics", Style::new().bold(), "", &text)?;
        }
        Ok(())
    }
}

impl<W: io::Write> Human<W> {
    /// What has grown from round to round, and what is not known to have.
    fn drifts(&mut self) -> io::Result<()> {
        let drifts = self.drift.drifts();
        for measure in Measure::ALL {
            let of: Vec<_> = (drifts.iter())
                .filter(|drift| drift.measure == measure)
                .collect();
            let unknown = self.drift.unknown(measure);
            let grown = of.iter().filter(|drift| drift.growth() > GROWN);
            let mut lines: Vec<String> = grown.map(|drift| grew(drift)).collect();
            if lines.is_empty() && !of.is_empty() {
                let limit = GROWN * 100.0;
                let known = if unknown.is_empty() {
                    ""
                } else {
                    " where it is known"
                };
                lines.push(format!(
                    "no {measure} grew by more than {limit:.0} %{known}"
                ));
            }
            lines.extend(unknown.iter().map(|unknown| unmeasured(measure, unknown)));
            for line in lines {
                self.line("Drift", Style::new().bold(), "", &line)?;
            }
        }
        Ok(())
    }
}

/// `small: memory is not known since 2026-11-27 12:00:00 UTC: the kubelet of host: …`.
fn unmeasured(measure: Measure, unknown: &Unknown) -> String {
    let Unknown {
        network,
        since,
        why,
    } = unknown;
    let since = since.map_or_else(String::new, |since| {
        format!(" since {}", words::moment(since))
    });
    format!("{network}: {measure} is not known{since}: {why}")
}

/// `small: pxe-0 grew from 300 to 360 MiB of memory (+20 %)`.
fn grew(drift: &Drift) -> String {
    let Drift {
        network,
        pod,
        measure,
        ..
    } = drift;
    let (early, late) = (mebibytes(drift.early), mebibytes(drift.late));
    let percent = drift.growth() * 100.0;
    format!("{network}: {pod} grew from {early} to {late} MiB of {measure} (+{percent:.0} %)")
}

/// With a decimal where there are few.
#[expect(
    clippy::cast_precision_loss,
    reason = "bytes of a pod are far below what a float holds"
)]
fn mebibytes(bytes: u64) -> String {
    let mebibytes = bytes as f64 / f64::from(1 << 20);
    let decimals = usize::from(mebibytes < 10.0);
    format!("{mebibytes:.decimals$}")
}

impl<W: io::Write> Reporter for Human<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.gathered.event(event);
        self.drift.event(event);
        match &event.kind {
            Kind::RunStarted { repeat, .. } => self.repeat = *repeat,
            Kind::TestStarted {
                test, repetition, ..
            } => {
                self.round = self.round.max(*repetition);
                self.started.insert(test.clone(), event.at);
            }
            Kind::AttemptFinished { .. } => return self.attempt(&event.kind),
            Kind::TestFinished {
                test,
                repetition,
                attempts,
                took,
                verdict,
                leaks,
            } => {
                let ended = Ended::of(verdict, *attempts, leaks);
                if ended != Ended::Pass {
                    self.bad.push((ended, *took, self.name(test, *repetition)));
                }
            }
            Kind::OutageEnded(outage) => self.outages.push(outage.clone()),
            Kind::RunFinished { summary } => return self.summary(summary),
            Kind::Step { test, words } if self.steps => return self.step(event.at, test, words),
            _ => {}
        }
        match self.one_line(&event.kind) {
            Some((word, style, time, text)) => self.line(word, style, &time, &text),
            None => Ok(()),
        }
    }
}

impl<W> Human<W> {
    /// Events that are one line: its word, style, time and text.
    fn one_line(&self, kind: &Kind) -> Option<(&'static str, Style, String, String)> {
        let (green, yellow) = (Style::new().green().bold(), Style::new().yellow().bold());
        Some(match kind {
            Kind::RunStarted {
                seed,
                selected,
                left_out,
                partition,
                repeat,
                dud_attacks,
                ..
            } => {
                let part = partition.map_or_else(String::new, |part| format!(", part {part}"));
                let tests = plural(selected.len(), "test");
                let times = if *repeat > 1 {
                    format!(", {repeat} times each")
                } else {
                    String::new()
                };
                let mut text = format!("{tests}{times} ({left_out} left out{part}), seed {seed}");
                if *dud_attacks {
                    text = format!("{text}; {DUD_ATTACKS}");
                }
                ("Starting", green, String::new(), text)
            }
            Kind::TestStarted {
                test,
                repetition,
                attempt: 1,
            } => {
                let text = format!("{test}{}", nth(*repetition, self.repeat));
                ("START", green, String::new(), text)
            }
            Kind::Slow {
                test,
                elapsed,
                waiting,
            } => {
                let text = format!("{test}{}", waits(waiting.as_ref()));
                ("SLOW", yellow, bracket(">", *elapsed), text)
            }
            Kind::OutageBegan { why, .. } => {
                let text = format!("{why}; no round begins until it is healthy");
                ("OUTAGE", Style::new().red().bold(), String::new(), text)
            }
            Kind::OutageEnded(outage) if outage.healed => {
                let text = format!("network {} is healthy", outage.network);
                ("HEALTHY", green, bracket("", outage.took), text)
            }
            Kind::Interrupted => {
                let text = "what runs may clean up; once more leaves now".to_owned();
                ("INTERRUPTED", yellow, String::new(), text)
            }
            _ => return None,
        })
    }
}

/// How often a test passes and how long it takes.
fn statistics(stats: &TestStats) -> String {
    let tested = stats.passed + stats.flaky + stats.failed;
    let mut text = format!("{} of {tested} passed", stats.passed);
    if let Some(rate) = stats.rate {
        let (share, low, high) = (rate.share * 100.0, rate.low * 100.0, rate.high * 100.0);
        text = format!("{text}, {share:.0} % (95 % interval {low:.0} to {high:.0} %)");
    }
    if let Some(times) = stats.times {
        let (median, p95) = (times.median.as_secs_f64(), times.p95.as_secs_f64());
        text = format!("{text}, median {median:.1}s, p95 {p95:.1}s");
    }
    if stats.not_testable > 0 {
        text = format!("{text}; {} not testable", stats.not_testable);
    }
    text
}

/// The colour of a word.
fn style(ended: Ended) -> Style {
    let style = Style::new().bold();
    match ended {
        Ended::Pass => style.green(),
        Ended::Fail | Ended::Error | Ended::Fault => style.red(),
        Ended::Flaky | Ended::Leak | Ended::Retry | Ended::Skip => style.yellow(),
    }
}

fn bracket(mark: &str, time: Duration) -> String {
    let width = 7 - mark.len();
    format!("[{mark}{:>width$.1}s]", time.as_secs_f64())
}
