//! What was measured, and the page that shows it.

use super::median::median;
use std::fmt::{self, Write as _};

/// What a measurement may come to.
#[derive(Clone, Copy)]
pub(super) enum Budget {
    /// So much of its unit.
    AtMost(f64),
    /// So many times what a user's first block takes today.
    TimesToday(f64),
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "≤ {most}"),
            Self::TimesToday(times) => write!(f, "≤ {times} ×"),
        }
    }
}

/// One measurement: what, the budget if there is one, and its unit.
#[derive(Clone, Copy)]
pub(super) struct What {
    pub(super) name: &'static str,
    pub(super) budget: Option<Budget>,
    pub(super) unit: &'static str,
}

impl What {
    pub(super) const fn new(name: &'static str, unit: &'static str) -> Self {
        Self {
            name,
            budget: None,
            unit,
        }
    }

    pub(super) const fn budget(self, budget: Budget) -> Self {
        Self {
            budget: Some(budget),
            ..self
        }
    }

    /// The same with its value, which is shown at once.
    pub(super) fn is(self, value: f64) -> Figure {
        println!("  {}: {value:.1} {}", self.name, self.unit);
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
    fn beside(&self, today: &[f64]) -> Option<f64> {
        if self.what.unit != "s" || !self.what.name.contains('→') {
            return None;
        }
        let ratios: Vec<f64> = self.values.iter().zip(today).map(|(v, t)| v / t).collect();
        Some(median(&ratios))
    }

    fn line(&self, today: &[f64]) -> String {
        let values = self.values.iter();
        let (low, high) = values.fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
        let What { name, budget, unit } = self.what;
        let (middle, beside) = (median(&self.values), self.beside(today));
        let ratio = beside.map_or("–".to_owned(), |ratio| format!("{ratio:.2}"));
        let shown = format!("{middle:.1} {unit}");
        let (shown, ratio) = match budget {
            Some(Budget::AtMost(most)) => (marked(shown, middle > most), ratio),
            Some(Budget::TimesToday(times)) => (
                shown,
                marked(ratio, beside.is_some_and(|ratio| ratio > times)),
            ),
            None => (shown, ratio),
        };
        let budget = budget.map_or("–".to_owned(), |budget| budget.to_string());
        format!("| {name} | {budget} | {shown} | {low:.1} – {high:.1} | {ratio} |")
    }
}

/// What misses its budget stands out.
fn marked(text: String, misses: bool) -> String {
    if misses {
        format!("**{text}** misses")
    } else {
        text
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

    /// The page; `machine` is the one they were measured on.
    pub(super) fn page(&self, machine: &str) -> String {
        let mut text = String::from("# Benchmarks\n\n");
        let runs = self.0.first().map_or(0, |row| row.values.len());
        let _ = writeln!(
            text,
            "Written by `cargo xtask bench --runs {runs}`: medians, with the smallest and the largest value, all in one run on one machine"
        );
        let _ = writeln!(
            text,
            "({machine}). Everything is built and cached before (warm); the cluster is created anew in each run.\n",
        );
        text.push_str("A row “CPU time of the machine until then” bounds the row above it from below: divided by the number of cores it is the time that the\n");
        text.push_str(
            "machine computed, whatever waited for what. What misses its budget is bold.\n\n",
        );
        text.push_str("| what | budget | median | min – max | ÷ today's first block, same run |\n|---|---|---|---|---|\n");
        let today = self.0.first().map_or(&[][..], |row| &row.values);
        for row in &self.0 {
            let _ = writeln!(text, "{}", row.line(today));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(what: What, value: f64) -> String {
        let values = vec![value];
        Row { what, values }.line(&[40.0])
    }

    #[test]
    fn what_misses_its_budget_is_marked() {
        let start = What::new("start → end", "s");
        let ratio = start.budget(Budget::TimesToday(1.1));
        assert_eq!(
            line(ratio, 50.0),
            "| start → end | ≤ 1.1 × | 50.0 s | 50.0 – 50.0 | **1.25** misses |"
        );
        assert!(line(ratio, 44.0).ends_with("| 1.10 |"));
        let most = start.budget(Budget::AtMost(6.0));
        assert_eq!(
            line(most, 7.0),
            "| start → end | ≤ 6 | **7.0 s** misses | 7.0 – 7.0 | 0.17 |"
        );
        assert!(!line(most, 6.0).contains("misses"));
        let memory = What::new("memory", "GB");
        assert_eq!(line(memory, 1.0), "| memory | – | 1.0 GB | 1.0 – 1.0 | – |");
    }
}
