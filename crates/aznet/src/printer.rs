//! The only place that prints: data on stdout, talk on stderr, colour and live lines where a terminal shows them.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, OnceLock};

use indicatif::{MultiProgress, ProgressDrawTarget};
use owo_colors::OwoColorize;
use serde::Serialize;

use crate::args::OutputFormat;
use crate::page::{Page, fill};
use crate::report::Report;

/// Prints everything that a run of `aznet` says. Clones share the terminal.
#[derive(Debug, Clone)]
pub struct Printer {
    format: OutputFormat,
    bars: MultiProgress,
    live: bool,
    stderr: Page,
    unwritten: Arc<OnceLock<io::Error>>,
}

impl Printer {
    /// A printer for this process's stdout and stderr.
    pub fn new(format: OutputFormat) -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        // CI keeps a log, also where it gives its jobs a terminal.
        let logged = std::env::var_os("CI").is_some_and(|ci| !ci.is_empty() && ci != "false");
        let live = std::io::stderr().is_terminal() && !dumb && !logged;
        let target = if live {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        Self {
            format,
            bars: MultiProgress::with_draw_target(target),
            live,
            stderr: Page::of(&console::Term::stderr()),
            unwritten: Arc::default(),
        }
    }

    /// Whether the result is to be one JSON document.
    pub fn is_json(&self) -> bool {
        self.format == OutputFormat::Json
    }

    /// Whether lines can be redrawn: stderr is a terminal that somebody looks at.
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// Where live lines are drawn.
    pub(crate) fn bars(&self) -> &MultiProgress {
        &self.bars
    }

    /// Text for a live line that begins `indent` columns from the left. It does not go through the stream that removes
    /// colour where none is wanted, and must not fill the line: the terminal's own `^C` would then begin another.
    pub(crate) fn for_live(text: &str, indent: usize) -> String {
        let columns = live_columns(indent);
        for_stderr(&console::truncate_str(text, columns, "…"))
    }

    /// The same for a line that goes on in a second one, `further` columns to the right, where it does not fit: the end
    /// of a reason is what it is about, such as an address.
    pub(crate) fn for_live_lines(text: &str, indent: usize, further: usize) -> String {
        for_stderr(&two_lines(text, live_columns(indent), indent, further))
    }

    /// Prints a line of the result on stdout. What could not be written shows in [`Printer::unwritten`].
    pub fn out(&self, line: impl std::fmt::Display) {
        let written = self
            .bars
            .suspend(|| write_line(&mut anstream::stdout(), &line));
        if let Err(error) = written {
            // The first failure is the cause of the others.
            let _later = self.unwritten.set(error);
        }
    }

    /// Whether nobody reads the result any more (`aznet logs -f | head`).
    pub fn is_closed(&self) -> bool {
        let error = self.unwritten.get();
        error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Why the result could not be written; a reader that went away is no failure of ours.
    pub fn unwritten(&self) -> Option<&io::Error> {
        self.unwritten.get().filter(|_| !self.is_closed())
    }

    /// Prints `value` as the one JSON document on stdout.
    pub fn json<T: Serialize>(&self, value: &T) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(value)?;
        self.out(text);
        Ok(())
    }

    /// Prints the result: as JSON where that was asked for, otherwise as text for the width of stdout.
    pub fn result<T: Serialize>(
        &self,
        value: &T,
        text: impl FnOnce(&T, Page) -> String,
    ) -> anyhow::Result<()> {
        if self.is_json() {
            return self.json(value);
        }
        let page = Page::of(&console::Term::stdout());
        self.out(text(value, page).trim_end());
        Ok(())
    }

    /// How wide stderr is.
    pub(crate) fn page(&self) -> Page {
        self.stderr
    }

    /// Says something on stderr.
    pub fn note(&self, text: impl std::fmt::Display) {
        self.say(&text.to_string(), 0);
    }

    /// Says something on stderr; lines that do not fit go on `indent` columns from the left.
    pub(crate) fn say(&self, text: &str, indent: usize) {
        self.laid_out(&self.page().wrap(text, indent));
    }

    /// Says on stderr what is wrapped already, such as a table.
    pub(crate) fn laid_out(&self, text: &str) {
        // Without a stderr there is no one to tell.
        let _unheard = self
            .bars
            .suspend(|| write_line(&mut anstream::stderr(), &text));
    }

    /// Warns on stderr.
    pub fn warn(&self, line: impl std::fmt::Display) {
        self.say(&format!("{} {line}", "warning:".yellow().bold()), 2);
    }

    /// Explains on stderr why the run failed.
    pub fn failure(&self, report: &Report) {
        if let Some(evidence) = &report.evidence {
            self.note(evidence);
        }
        self.say(&format!("{} {}", "error:".red().bold(), report.message), 2);
        for line in &report.causes {
            self.note(self.page().indented(line, 2));
        }
        if !report.hints.is_empty() {
            self.note("");
        }
        for hint in &report.hints {
            self.say(&format!("{} {hint}", "hint:".cyan().bold()), 2);
        }
    }
}

/// The columns of a live line, which must not fill the terminal's.
fn live_columns(indent: usize) -> usize {
    const SPARE: usize = 4;
    let columns = usize::from(console::Term::stderr().size().1);
    columns.saturating_sub(indent + SPARE)
}

/// Live lines do not go through the stream that removes colour where none is wanted.
fn for_stderr(text: &str) -> String {
    match anstream::AutoStream::choice(&std::io::stderr()) {
        anstream::ColorChoice::Never => anstream::adapter::strip_str(text).to_string(),
        _ => text.to_owned(),
    }
}

/// Text in at most two lines of `columns`; the second begins `further` columns to the right of the first.
fn two_lines(text: &str, columns: usize, indent: usize, further: usize) -> String {
    let wrapped = fill(text, columns, &" ".repeat(further));
    let Some((first, rest)) = wrapped.split_once('\n') else {
        return console::truncate_str(&wrapped, columns, "…").into_owned();
    };
    let rest: Vec<&str> = rest.lines().map(str::trim_start).collect();
    let rest = format!("{:further$}{}", "", rest.join(" "));
    let (first, rest) = (
        console::truncate_str(first, columns, "…"),
        console::truncate_str(&rest, columns, "…"),
    );
    format!("{first}\n{:indent$}{rest}", "")
}

fn write_line(stream: &mut impl Write, line: &dyn std::fmt::Display) -> io::Result<()> {
    writeln!(stream, "{line}").and_then(|()| stream.flush())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C4: a reason was cut off before the port that it was about.
    #[test]
    fn c4_a_live_line_goes_on_in_a_second_one_and_then_ends() {
        let text =
            "· pxe-0 waiting for a node (23s): no answer from http://full-node:8080: refused";
        let lines = two_lines(text, 40, 4, 2);
        assert_eq!(
            lines,
            "· pxe-0 waiting for a node (23s): no\n      answer from http://full-node:8080: re…"
        );
        assert_eq!(two_lines("· pxe-0 ready", 40, 4, 2), "· pxe-0 ready");
        let wide = two_lines(text, 120, 4, 2);
        assert_eq!(wide, text);
        let widths = two_lines(&"word ".repeat(50), 20, 4, 2);
        assert!(
            widths.lines().all(|line| line.chars().count() <= 24),
            "{widths}"
        );
    }
}
