//! Tests called `SCENARIO@CONDITION` as a grid: the networks that they run on × their conditions.

use std::fmt::Write as _;

use serde::Serialize;

use super::words::Ended;
use crate::{
    event::{Event, Kind},
    test::TestId,
};

/// Blanks between two columns.
const GAP: usize = 2;

/// What became of the cells of a matrix.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Grid {
    cells: Vec<Cell>,
}

/// A cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// The network.
    pub topology: String,
    /// The condition.
    pub condition: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Why it was skipped or did not pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What became of a cell; of several runs the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It is selected, and did not end.
    Selected,
    /// It is not possible.
    Skipped,
    /// It passed.
    Passed,
    /// It passed, and did not prove that it cleaned up.
    Leaky,
    /// It passed on a retry.
    Flaky,
    /// It could not be tested, for want of a fault.
    Fault,
    /// It could not be tested.
    Error,
    /// It failed.
    Failed,
}

impl Outcome {
    const fn of(ended: Ended) -> Self {
        match ended {
            Ended::Pass => Self::Passed,
            Ended::Flaky | Ended::Retry => Self::Flaky,
            Ended::Leak => Self::Leaky,
            Ended::Fail => Self::Failed,
            Ended::Fault => Self::Fault,
            Ended::Error => Self::Error,
            Ended::Skip => Self::Skipped,
        }
    }

    const fn word(self, ended: bool) -> &'static str {
        match self {
            Self::Selected if ended => "not run",
            Self::Selected => "run",
            Self::Skipped => "skip",
            Self::Passed => "pass",
            Self::Leaky => "leaky",
            Self::Flaky => "flaky",
            Self::Fault => "FAULT",
            Self::Error => "ERROR",
            Self::Failed => "FAIL",
        }
    }
}

impl Grid {
    /// The cells among tests that are selected, with the reason why one would be skipped.
    pub fn selected(tests: impl IntoIterator<Item = (TestId, Option<String>)>) -> Self {
        let mut grid = Self::default();
        for (test, reason) in tests {
            let outcome = match reason {
                Some(_) => Outcome::Skipped,
                None => Outcome::Selected,
            };
            grid.take(&test, outcome, reason);
        }
        grid
    }

    /// Takes an event in.
    pub fn event(&mut self, event: &Event) {
        match &event.kind {
            Kind::RunStarted { selected, .. } => {
                for test in selected {
                    self.take(test, Outcome::Selected, None);
                }
            }
            Kind::TestFinished {
                test,
                attempts,
                verdict,
                leaks,
                ..
            } => {
                let outcome = Outcome::of(Ended::of(verdict, *attempts, leaks));
                self.take(test, outcome, verdict.message().map(str::to_owned));
            }
            _ => {}
        }
    }

    /// Whether there is no cell.
    pub const fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    fn take(&mut self, test: &TestId, outcome: Outcome, reason: Option<String>) {
        let Some((_, condition)) = test.name.split_once('@') else {
            return;
        };
        let same = |cell: &&mut Cell| cell.topology == test.network && cell.condition == condition;
        let Some(cell) = self.cells.iter_mut().find(same) else {
            self.cells.push(Cell {
                topology: test.network.clone(),
                condition: condition.to_owned(),
                outcome,
                reason,
            });
            return;
        };
        if outcome > cell.outcome {
            (cell.outcome, cell.reason) = (outcome, reason);
        }
    }

    /// The grid as text of at most so many columns, where its names allow that: networks from left to right, conditions from
    /// top to bottom, and below them the reasons by number. `ended`: the run is over.
    pub fn render(&self, columns: usize, ended: bool) -> String {
        let mut notes = Notes::default();
        let topologies = distinct(self.cells.iter().map(|cell| cell.topology.as_str()));
        let conditions = distinct(self.cells.iter().map(|cell| cell.condition.as_str()));
        notes.number(&self.cells, &conditions, &topologies);
        let mut names = column("condition", conditions.iter().map(ToString::to_string));
        let mut blocks = vec![names.clone()];
        for topology in topologies {
            let words = conditions.iter().map(|condition| {
                let mut cells = self.cells.iter();
                let cell =
                    cells.find(|cell| cell.topology == topology && cell.condition == *condition);
                cell.map_or_else(|| "-".to_owned(), |cell| notes.cell(cell, ended))
            });
            let next = column(topology, words);
            let last = blocks.last_mut().unwrap_or(&mut names);
            if last.len() > 1 && width(last) + GAP + width(&next) > columns {
                blocks.push([names.clone(), next].concat());
            } else {
                last.extend(next);
            }
        }
        let mut text = String::new();
        for block in &blocks {
            text.push_str(&rows(block));
            text.push('\n');
        }
        text.push_str(&notes.render(columns));
        text.trim_end().to_owned()
    }
}

/// A column: its name and its cells.
type Column = Vec<String>;

fn column(name: &str, cells: impl Iterator<Item = String>) -> Vec<Column> {
    vec![std::iter::once(name.to_owned()).chain(cells).collect()]
}

fn width(columns: &[Column]) -> usize {
    let widths = columns.iter().map(|column| widest(column) + GAP);
    widths.sum::<usize>().saturating_sub(GAP)
}

fn widest(column: &[String]) -> usize {
    column.iter().map(String::len).max().unwrap_or_default()
}

fn rows(columns: &[Column]) -> String {
    let mut text = String::new();
    for row in 0..columns.first().map_or(0, Vec::len) {
        let cells = columns
            .iter()
            .map(|column| format!("{:<width$}", column[row], width = widest(column) + GAP));
        text.push_str(cells.collect::<String>().trim_end());
        text.push('\n');
    }
    text
}

fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = Vec::new();
    for name in names {
        if !seen.contains(&name) {
            seen.push(name);
        }
    }
    seen
}

/// Reasons in the order in which they are first named.
#[derive(Default)]
struct Notes(Vec<String>);

impl Notes {
    /// Numbers reasons as the grid is read, line by line.
    fn number(&mut self, cells: &[Cell], conditions: &[&str], topologies: &[&str]) {
        for condition in conditions {
            for topology in topologies {
                let mut cells = cells.iter();
                let here =
                    |cell: &&Cell| cell.condition == *condition && cell.topology == *topology;
                if let Some(reason) = cells.find(here).and_then(|cell| cell.reason.as_ref()) {
                    self.place(reason);
                }
            }
        }
    }

    fn place(&mut self, reason: &str) -> usize {
        let known = self.0.iter().position(|known| known == reason);
        known.unwrap_or_else(|| {
            self.0.push(reason.to_owned());
            self.0.len() - 1
        })
    }

    fn cell(&mut self, cell: &Cell, ended: bool) -> String {
        let word = cell.outcome.word(ended);
        let Some(reason) = &cell.reason else {
            return word.to_owned();
        };
        let place = self.place(reason);
        format!("{word} {}", place + 1)
    }

    fn render(&self, columns: usize) -> String {
        let mut text = String::new();
        let digits = self.0.len().to_string().len();
        for (place, reason) in self.0.iter().enumerate() {
            let first = format!("{:>digits$}  ", place + 1);
            let rest = " ".repeat(first.len());
            let options = textwrap::Options::new(columns)
                .initial_indent(&first)
                .subsequent_indent(&rest);
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{}", textwrap::fill(reason.trim_end(), options));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::*;
    use crate::verdict::Verdict;

    fn id(network: &str, name: &str) -> TestId {
        TestId {
            network: network.to_owned(),
            name: name.to_owned(),
        }
    }

    fn finished(test: TestId, attempts: u32, verdict: Verdict) -> Event {
        Event {
            at: Timestamp::UNIX_EPOCH,
            kind: Kind::TestFinished {
                test,
                repetition: 1,
                attempts,
                took: Duration::ZERO,
                verdict,
                leaks: Vec::new(),
            },
        }
    }

    fn grid() -> Grid {
        let networks = ["one", "small", "two-pods"];
        let names = ["transfer@calm", "transfer@validator-offline"];
        let mut grid = Grid::default();
        let selected = networks
            .iter()
            .flat_map(|network| names.iter().map(|name| id(network, name)));
        grid.event(&Event {
            at: Timestamp::UNIX_EPOCH,
            kind: Kind::RunStarted {
                seed: 0,
                selected: selected.chain([id("small", "transfer")]).collect(),
                left_out: 0,
                partition: None,
                repeat: 1,
                commit: None,
                dud_attacks: false,
            },
        });
        let skipped = Verdict::Skipped {
            reason: "a validator pod holds all attesters of the committee: without it none of the three that a checkpoint needs are left".into(),
        };
        let failed = Verdict::Failed {
            message: "the chain stood still".into(),
        };
        let ended = [
            ("one", names[0], 1, Verdict::Passed),
            ("one", names[1], 1, skipped.clone()),
            ("small", names[0], 2, Verdict::Passed),
            ("small", names[1], 1, failed),
            ("two-pods", names[1], 1, skipped),
            ("small", "transfer", 1, Verdict::Passed),
        ];
        for (network, name, attempts, verdict) in ended {
            grid.event(&finished(id(network, name), attempts, verdict));
        }
        grid
    }

    #[test]
    fn a_grid_names_each_reason_once() {
        insta::assert_snapshot!(grid().render(80, true));
    }

    #[test]
    fn a_narrow_terminal_gets_the_grid_in_parts() {
        let narrow = grid().render(40, true);
        insta::assert_snapshot!(narrow);
        assert!(narrow.lines().all(|line| line.len() <= 40), "{narrow}");
    }

    /// A run that failed once has not passed, whatever the others say.
    #[test]
    fn of_several_runs_the_worst_counts() {
        let test = id("small", "transfer@calm");
        let fail = Verdict::Failed {
            message: "no".into(),
        };
        for order in [[fail.clone(), Verdict::Passed], [Verdict::Passed, fail]] {
            let mut grid = Grid::default();
            for verdict in order {
                grid.event(&finished(test.clone(), 1, verdict));
            }
            assert_eq!(grid.cells[0].outcome, Outcome::Failed);
            assert_eq!(grid.cells[0].reason.as_deref(), Some("no"));
        }
    }

    #[test]
    fn other_tests_are_no_cells() {
        assert!(Grid::selected([(id("small", "transfer"), None)]).is_empty());
    }
}
