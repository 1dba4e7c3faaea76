//! The steps of a long run: live lines on a terminal, plain lines otherwise, and how long each took.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aznet_kit::time::Seconds;
use indicatif::{ProgressBar, ProgressStyle};
use owo_colors::OwoColorize;
use serde::Serialize;

use aznet_cluster::progress::{Progress, Reporter};

use crate::printer::Printer;

/// Without a terminal, a step that only counts up says so this often.
const PLAIN_INTERVAL: Duration = Duration::from_secs(15);
const NAME_WIDTH: usize = 9;
/// Columns before a step's text: mark, name, time.
const INDENT: usize = 21;
/// Columns before a row below a step: what it says may be long.
const ROW_INDENT: usize = 4;

/// A step that is over.
#[derive(Debug, Clone, Serialize)]
pub struct Phase {
    /// Name of the step.
    pub name: &'static str,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// When it ended, in seconds since the run began; steps may overlap.
    pub ended: f64,
    /// What came of it.
    pub outcome: String,
}

/// The steps of one run, in order. Clones are the same run.
#[derive(Debug, Clone)]
pub struct Steps {
    printer: Printer,
    began: Instant,
    phases: Arc<Mutex<Vec<Phase>>>,
}

impl Steps {
    /// No steps yet; the total time counts from now.
    pub fn new(printer: &Printer) -> Self {
        Self {
            printer: printer.clone(),
            began: Instant::now(),
            phases: Arc::default(),
        }
    }

    /// Begins a step. `doing` says what is going on in it, e.g. `looking at this machine`.
    pub fn begin(&self, name: &'static str, doing: &str) -> Step {
        Step::new(&self.printer, name, doing)
    }

    /// Ends a step that went well.
    pub fn end(&self, step: &Step, outcome: impl Into<String>) {
        let phase = Phase {
            name: step.0.name,
            seconds: step.0.began.elapsed().as_secs_f64(),
            ended: self.elapsed().as_secs_f64(),
            outcome: outcome.into(),
        };
        step.finish(&phase);
        self.phases
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(phase);
    }

    /// Says something between the steps.
    pub(crate) fn note(&self, text: impl std::fmt::Display) {
        self.printer.note(text);
    }

    /// The steps that ended.
    pub fn phases(&self) -> Vec<Phase> {
        self.phases
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Time since the first step.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}

/// A line below a step's: one of the things that it waits for.
#[derive(Debug, Clone)]
pub struct Row {
    /// Whose line it is.
    pub key: String,
    /// What it says.
    pub text: String,
    /// Whether that is bad news, and worth a line in a log.
    pub trouble: bool,
}

/// A step under way. Clones are the same step, so that a library's reporter can hold one.
#[derive(Debug, Clone)]
pub struct Step(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    printer: Printer,
    name: &'static str,
    began: Instant,
    bar: ProgressBar,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    rows: BTreeMap<String, (ProgressBar, String)>,
    said: Option<(String, Instant)>,
    over: bool,
}

impl Step {
    fn new(printer: &Printer, name: &'static str, doing: &str) -> Self {
        let bar = printer.bars().add(ProgressBar::new_spinner());
        bar.set_style(style("{spinner:.cyan} {prefix} {elapsed:>7.dim}  {msg}"));
        bar.set_prefix(format!("{name:NAME_WIDTH$}"));
        bar.enable_steady_tick(Duration::from_millis(120));
        let shared = Shared {
            printer: printer.clone(),
            name,
            began: Instant::now(),
            bar,
            state: Mutex::default(),
        };
        let step = Self(Arc::new(shared));
        step.say(doing);
        step
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// Says what the step is doing. Without a terminal that is said when more than its numbers changed, and then only
    /// now and again.
    pub fn say(&self, text: &str) {
        let mut state = self.state();
        if state.over {
            return;
        }
        if self.0.printer.is_live() {
            self.0.bar.set_message(Printer::for_live(text, INDENT));
            return;
        }
        let (name, topic) = (self.0.name, topic(text));
        match &state.said {
            Some((old, at)) if *old == topic && at.elapsed() < PLAIN_INTERVAL => return,
            Some((old, _)) if *old == topic => {
                let since = Seconds(self.0.began.elapsed());
                self.0
                    .printer
                    .note(format_args!("{name}: {text} ({since})"));
            }
            _ => self.0.printer.note(format_args!("{name}: {text}")),
        }
        state.said = Some((topic, Instant::now()));
    }

    /// Shows, below the step's line, one line for each of `rows`. Without a terminal a row is said only while there is
    /// trouble, and when more than its numbers changed.
    pub fn show(&self, rows: &[Row]) {
        let mut state = self.state();
        if state.over {
            return;
        }
        let shown: HashSet<&str> = rows.iter().map(|row| row.key.as_str()).collect();
        let gone = |key: &&String| !shown.contains(key.as_str());
        let removed: Vec<_> = state.rows.keys().filter(gone).cloned().collect();
        for key in removed {
            if let Some((bar, _)) = state.rows.remove(&key) {
                bar.finish_and_clear();
            }
        }
        let mut last = self.0.bar.clone();
        for row in rows {
            last = self.show_row(&mut state, &last, row);
        }
    }

    fn show_row(&self, state: &mut State, after: &ProgressBar, row: &Row) -> ProgressBar {
        let Row { key, text, trouble } = row;
        let (bar, old) = state.rows.entry(key.clone()).or_insert_with(|| {
            let bar = self
                .0
                .printer
                .bars()
                .insert_after(after, ProgressBar::new_spinner());
            bar.set_style(style(&format!("{:ROW_INDENT$}{{msg}}", "")));
            (bar, String::new())
        });
        bar.set_message(Printer::for_live_lines(text, ROW_INDENT, 2));
        let topic = topic(text);
        if *trouble && *old != topic && !self.0.printer.is_live() {
            self.0.printer.note(format_args!("  {text}"));
        }
        *old = topic;
        bar.clone()
    }

    /// Takes the step's lines off the terminal, without a word: it did not end well, and an error will say why.
    pub fn abandon(&self) {
        let mut state = self.state();
        state.over = true;
        for (bar, _) in std::mem::take(&mut state.rows).into_values() {
            bar.finish_and_clear();
        }
        self.0.bar.finish_and_clear();
    }

    fn finish(&self, phase: &Phase) {
        self.abandon();
        let (mark, name) = ("✓".green(), format!("{:NAME_WIDTH$}", phase.name));
        let took = format!("{:>7}", Seconds(Duration::from_secs_f64(phase.seconds)));
        let line = format!("{mark} {name} {}  {}", took.dimmed(), phase.outcome);
        self.0.printer.say(&line, INDENT);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shows a library's progress as what the step does.
pub(crate) fn reporter(step: &Step) -> Reporter {
    let step = step.clone();
    Arc::new(
        move |Progress {
                  task,
                  message,
                  step: at,
                  ..
              }: Progress| {
            let place = at
                .map(|at| format!("[{}/{}] ", at.index, at.total))
                .unwrap_or_default();
            // `cluster x` and `toolchain` say in the steps of that name what everybody knows.
            if task.starts_with(step.name()) && !task.starts_with("image ") {
                step.say(&format!("{place}{message}"));
            } else {
                step.say(&format!("{place}{task}: {message}"));
            }
        },
    )
}

/// What a text is about: the text without its numbers.
fn topic(text: &str) -> String {
    text.chars().filter(|c| !c.is_ascii_digit()).collect()
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
