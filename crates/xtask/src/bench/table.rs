//! What was measured, and the page that shows it.

use super::machine;
use super::median::median;
use std::fmt::Write as _;

/// One measurement: what, the budget if there is one, and its unit.
#[derive(Clone, Copy)]
pub(super) struct What {
    pub(super) what: &'static str,
    pub(super) budget: &'static str,
    pub(super) unit: &'static str,
}

impl What {
    pub(super) const fn new(what: &'static str, unit: &'static str) -> Self {
        let budget = "–";
        Self { what, budget, unit }
    }

    pub(super) const fn budget(self, budget: &'static str) -> Self {
        Self { budget, ..self }
    }

    /// The same with its value, which is shown at once.
    pub(super) fn is(self, value: f64) -> Figure {
        println!("  {}: {value:.1} {}", self.what, self.unit);
        Figure { what: self, value }
    }
}

pub(super) struct Figure {
    what: What,
    value: f64,
}

/// One row of the table: a value for each run.
struct Row {
    what: What,
    values: Vec<f64>,
}

impl Row {
    /// What a start costs beside what a user has today, minutes apart on the same machine.
    fn beside(&self, today: &[f64]) -> String {
        if self.what.unit != "s" || !self.what.what.contains('→') {
            return "–".into();
        }
        let ratios: Vec<f64> = self.values.iter().zip(today).map(|(v, t)| v / t).collect();
        format!("{:.2}", median(&ratios))
    }

    fn line(&self, today: &[f64]) -> String {
        let values = self.values.iter();
        let (low, high) = values.fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
        let What { what, budget, unit } = self.what;
        let (middle, beside) = (median(&self.values), self.beside(today));
        format!("| {what} | {budget} | {middle:.1} {unit} | {low:.1} – {high:.1} | {beside} |")
    }
}

/// The rows of runs that measured the same.
#[derive(Default)]
pub(super) struct Table(Vec<Row>);

impl Table {
    pub(super) fn add(&mut self, run: Vec<Figure>) {
        for (at, Figure { what, value }) in run.into_iter().enumerate() {
            match self.0.get_mut(at) {
                Some(row) => row.values.push(value),
                None => self.0.push(Row {
                    what,
                    values: vec![value],
                }),
            }
        }
    }

    pub(super) fn page(&self) -> String {
        let mut text = String::from("# Benchmarks\n\n");
        let runs = self.0.first().map_or(0, |row| row.values.len());
        let _ = writeln!(
            text,
            "Written by `cargo xtask bench --runs {runs}`: medians, with the smallest and the largest value, all in one run on one machine"
        );
        let _ = writeln!(
            text,
            "({}). Everything is built and cached before (warm); the cluster is created anew in each run.\n",
            machine::describe()
        );
        text.push_str("A row “CPU time of the machine until then” bounds the row above it from below: divided by the number of cores it is the time that the\n");
        text.push_str("machine computed, whatever waited for what.\n\n");
        text.push_str("| what | budget | median | min – max | ÷ today's first block, same run |\n|---|---|---|---|---|\n");
        let today = self.0.first().map_or(&[][..], |row| &row.values);
        for row in &self.0 {
            let _ = writeln!(text, "{}", row.line(today));
        }
        text
    }
}
