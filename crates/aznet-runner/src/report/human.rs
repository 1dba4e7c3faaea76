use std::{io, time::Duration};

use jiff::Timestamp;
use owo_colors::{OwoColorize, Style};

use super::Reporter;
use crate::{
    event::{Event, Kind, Summary},
    test::{TestId, Waiting},
    verdict::Verdict,
};

/// Lines for people, in nextest's grammar; the summary repeats only what did not go well.
#[derive(Debug)]
pub struct Human<W> {
    out: W,
    colour: bool,
    steps: bool,
    started: Option<Timestamp>,
    bad: Vec<(&'static str, Style, Duration, TestId)>,
}

impl<W: io::Write> Human<W> {
    /// Writes to `out`; `colour` with ANSI colours, `steps` every step of every test.
    pub const fn new(out: W, colour: bool, steps: bool) -> Self {
        Self {
            out,
            colour,
            steps,
            started: None,
            bad: Vec::new(),
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

    fn attempt(
        &mut self,
        test: &TestId,
        attempt: u32,
        took: Duration,
        verdict: &Verdict,
        again: bool,
    ) -> io::Result<()> {
        let (word, style) = if again {
            ("RETRY", Style::new().yellow().bold())
        } else {
            words(verdict, attempt)
        };
        let nth = if attempt > 1 || again {
            format!(" (attempt {attempt})")
        } else {
            String::new()
        };
        let reason = match verdict {
            Verdict::Skipped { reason } => format!(": {reason}"),
            _ => String::new(),
        };
        self.line(
            word,
            style,
            &bracket("", took),
            &format!("{test}{nth}{reason}"),
        )
    }

    /// What a test has done, and since when it has run.
    fn step(&mut self, at: Timestamp, test: &TestId, words: &str) -> io::Result<()> {
        let since = self.started.map(|started| at.duration_since(started));
        let time = since.and_then(|since| Duration::try_from(since).ok());
        let time = time.map_or_else(String::new, |time| bracket("", time));
        self.line(
            "STEP",
            Style::new().dimmed(),
            &time,
            &format!("{test}: {words}"),
        )
    }

    /// The message and what the test had done, indented.
    fn details(&mut self, verdict: &Verdict, steps: &[String]) -> io::Result<()> {
        let (Verdict::Failed { message } | Verdict::Infrastructure { message }) = verdict else {
            return Ok(());
        };
        for line in message.lines() {
            writeln!(self.out, "             {line}")?;
        }
        // Already told as they were done.
        for step in steps.iter().filter(|_| !self.steps) {
            writeln!(self.out, "             - {step}")?;
        }
        Ok(())
    }

    fn summary(&mut self, summary: &Summary) -> io::Result<()> {
        writeln!(self.out, "------------")?;
        let good = summary.failed + summary.infrastructure == 0 && !summary.interrupted;
        let style = if good {
            Style::new().green().bold()
        } else {
            Style::new().red().bold()
        };
        self.line(
            "Summary",
            style,
            &bracket("", summary.took),
            &counts(summary),
        )?;
        for (word, style, took, test) in std::mem::take(&mut self.bad) {
            self.line(word, style, &bracket("", took), &test.to_string())?;
        }
        if summary.finished() + summary.not_run == 0 {
            self.line(
                "",
                Style::new(),
                "",
                "no test fits the filters; `--list` shows those there are",
            )?;
        }
        self.out.flush()
    }
}

impl<W: io::Write> Reporter for Human<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        if matches!(event.kind, Kind::TestStarted { .. }) {
            self.started = Some(event.at);
        }
        match &event.kind {
            Kind::AttemptFinished {
                test,
                attempt,
                took,
                verdict,
                steps,
                again,
            } => {
                self.attempt(test, *attempt, *took, verdict, *again)?;
                self.details(verdict, steps)
            }
            Kind::TestFinished {
                test,
                attempts,
                took,
                verdict,
            } => {
                if !matches!(verdict, Verdict::Passed) || *attempts > 1 {
                    let (word, style) = words(verdict, *attempts);
                    self.bad.push((word, style, *took, test.clone()));
                }
                Ok(())
            }
            Kind::RunFinished { summary } => self.summary(summary),
            Kind::Step { .. } if !self.steps => Ok(()),
            Kind::Step { test, words } => self.step(event.at, test, words),
            other => match line(other) {
                Some((word, style, time, text)) => self.line(word, style, &time, &text),
                None => Ok(()),
            },
        }
    }
}

/// Events that are one line: its word, style, time and text.
fn line(kind: &Kind) -> Option<(&'static str, Style, String, String)> {
    let (green, yellow) = (Style::new().green().bold(), Style::new().yellow().bold());
    Some(match kind {
        Kind::RunStarted {
            seed,
            selected,
            left_out,
            partition,
        } => {
            let part =
                partition.map_or_else(String::new, |partition| format!(", part {partition}"));
            let tests = plural(selected.len(), "test");
            let text = format!("{tests} ({left_out} left out{part}), seed {seed}");
            ("Starting", green, String::new(), text)
        }
        Kind::TestStarted { test, attempt: 1 } => ("START", green, String::new(), test.to_string()),
        Kind::Slow {
            test,
            elapsed,
            waiting,
        } => {
            let text = format!("{test}{}", waits(waiting.as_ref()));
            ("SLOW", yellow, bracket(">", *elapsed), text)
        }
        Kind::Interrupted => {
            let text = "the running test may clean up; once more leaves now".to_owned();
            ("INTERRUPTED", yellow, String::new(), text)
        }
        _ => return None,
    })
}

fn words(verdict: &Verdict, attempts: u32) -> (&'static str, Style) {
    match verdict {
        Verdict::Passed if attempts > 1 => ("FLAKY", Style::new().yellow().bold()),
        Verdict::Passed => ("PASS", Style::new().green().bold()),
        Verdict::Failed { .. } => ("FAIL", Style::new().red().bold()),
        Verdict::Infrastructure { .. } => ("ERROR", Style::new().red().bold()),
        Verdict::Skipped { .. } => ("SKIP", Style::new().yellow().bold()),
    }
}

fn waits(waiting: Option<&Waiting>) -> String {
    waiting.map_or(String::new(), |Waiting { what, last }| {
        format!(" waits for {what} (last seen: {last})")
    })
}

fn bracket(mark: &str, time: Duration) -> String {
    let width = 7 - mark.len();
    format!("[{mark}{:>width$.1}s]", time.as_secs_f64())
}

fn counts(summary: &Summary) -> String {
    let Summary {
        passed,
        flaky,
        failed,
        infrastructure,
        skipped,
        not_run,
        interrupted,
        ..
    } = summary;
    let run = plural(passed + failed + infrastructure, "test");
    let mut words = format!("{run} run: {passed} passed");
    let more = [
        (flaky, "flaky"),
        (failed, "failed"),
        (infrastructure, "not testable"),
    ];
    for (count, word) in more.into_iter().filter(|(count, _)| **count > 0) {
        words = format!("{words}, {count} {word}");
    }
    words = format!("{words}, {skipped} skipped");
    if *not_run > 0 {
        words = format!("{words}, {not_run} not run");
    }
    if *interrupted {
        format!("{words} (interrupted)")
    } else {
        words
    }
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 {
        format!("{count} {word}")
    } else {
        format!("{count} {word}s")
    }
}
