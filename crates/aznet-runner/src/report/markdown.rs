use std::{
    fmt::{self, Write as _},
    io,
    time::Duration,
};

use super::{
    Reporter,
    words::{self, Ended, counts, nth},
};
use crate::{
    event::{Event, Kind, Outage, Summary},
    test::TestId,
    verdict::Verdict,
};

/// A summary in Markdown as GitHub shows it, written when the run ends.
#[derive(Debug)]
pub struct Markdown<W> {
    out: W,
    /// What the test under way has done.
    steps: Vec<(TestId, Vec<String>)>,
    finished: Vec<Finished>,
    outages: Vec<Outage>,
    /// How often each test runs.
    repeat: u32,
}

#[derive(Debug)]
struct Finished {
    /// The test, and which of its runs.
    name: String,
    ended: Ended,
    attempts: u32,
    took: Duration,
    verdict: Verdict,
    leaks: Vec<String>,
    steps: Vec<String>,
}

impl<W: io::Write> Markdown<W> {
    /// Writes to `out`.
    pub const fn new(out: W) -> Self {
        Self {
            out,
            steps: Vec::new(),
            finished: Vec::new(),
            outages: Vec::new(),
            repeat: 1,
        }
    }

    fn page(&self, summary: &Summary) -> Result<String, fmt::Error> {
        let mut page = String::new();
        writeln!(page, "## aznet test\n\n{}\n", counts(summary))?;
        if !self.finished.is_empty() {
            writeln!(page, "| test | verdict | time | attempts |")?;
            writeln!(page, "|---|---|---:|---:|")?;
        }
        for one in &self.finished {
            let (word, took) = (one.ended.word(), one.took.as_secs_f64());
            let Finished { name, attempts, .. } = one;
            writeln!(page, "| `{name}` | {word} | {took:.1} s | {attempts} |")?;
        }
        for one in &self.finished {
            one.details(&mut page)?;
        }
        for outage in &self.outages {
            writeln!(page, "\n### OUTAGE `{}`\n", outage.network)?;
            writeln!(page, "{}", escaped(&words::outage(outage)))?;
        }
        Ok(page)
    }
}

impl Finished {
    /// What there is to say of a test that did not pass.
    fn details(&self, page: &mut String) -> fmt::Result {
        if self.ended == Ended::Pass || self.ended == Ended::Flaky {
            return Ok(());
        }
        writeln!(page, "\n### {} `{}`\n", self.ended.word(), self.name)?;
        if let Some(message) = self.verdict.message() {
            let fence = fence(message);
            writeln!(page, "{fence}text\n{}\n{fence}", message.trim_end())?;
        }
        for leak in &self.leaks {
            writeln!(page, "\nNot proved to be cleaned up: {}", escaped(leak))?;
        }
        let passed = matches!(self.verdict, Verdict::Passed);
        let steps = self.steps.iter().filter(|_| !passed);
        if !passed && !self.steps.is_empty() {
            writeln!(page, "\nIt had done:\n")?;
        }
        for step in steps {
            writeln!(page, "- {}", escaped(step))?;
        }
        Ok(())
    }
}

/// A fence that the text can't close.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max();
    "`".repeat(longest.unwrap_or_default().max(2) + 1)
}

/// Text of one line that Markdown takes for nothing else.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        if matches!(
            c,
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '&'
        ) {
            escaped.push('\\');
        }
        escaped.push(if c.is_control() { ' ' } else { c });
    }
    escaped
}

impl<W: io::Write> Reporter for Markdown<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match &event.kind {
            Kind::AttemptFinished { test, steps, .. } => {
                self.steps.retain(|(of, _)| of != test);
                self.steps.push((test.clone(), steps.clone()));
            }
            Kind::RunStarted { repeat, .. } => self.repeat = *repeat,
            Kind::TestFinished {
                test,
                repetition,
                attempts,
                took,
                verdict,
                leaks,
            } => {
                let place = self.steps.iter().position(|(of, _)| of == test);
                let steps = place.map(|place| self.steps.swap_remove(place).1);
                self.finished.push(Finished {
                    name: format!("{test}{}", nth(*repetition, self.repeat)),
                    ended: Ended::of(verdict, *attempts, leaks),
                    attempts: *attempts,
                    took: *took,
                    verdict: verdict.clone(),
                    leaks: leaks.clone(),
                    steps: steps.unwrap_or_default(),
                });
            }
            Kind::OutageEnded(outage) => self.outages.push(outage.clone()),
            Kind::RunFinished { summary } => {
                let page = self.page(summary).map_err(io::Error::other)?;
                self.out.write_all(page.as_bytes())?;
                self.out.flush()?;
            }
            _ => {}
        }
        Ok(())
    }
}
