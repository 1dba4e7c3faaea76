//! Tables as all verbs show them: no borders, a quiet header, numbers to the right. On a narrow terminal the columns
//! that matter least are left out; where not even the others fit, each row becomes a paragraph.

use comfy_table::{Attribute, CellAlignment, Color, ContentArrangement, presets};
use console::measure_text_width;
use owo_colors::OwoColorize;

use crate::page::{self, Page};

/// Blanks between two columns.
const GAP: usize = 2;

/// A column: its name and how it takes to too little room.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    name: &'static str,
    number: bool,
    /// Wraps at words, down to this width.
    wraps: Option<usize>,
    /// Goes when there is little room: the greatest first. 0 stays.
    rank: u8,
}

impl Column {
    /// A column of texts that are never broken.
    pub(crate) const fn text(name: &'static str) -> Self {
        Self {
            name,
            number: false,
            wraps: None,
            rank: 0,
        }
    }

    /// A column of numbers.
    pub(crate) const fn number(name: &'static str) -> Self {
        Self {
            number: true,
            ..Self::text(name)
        }
    }

    /// A column of prose, which wraps at words if it has this much room and its longest word fits.
    pub(crate) const fn prose(name: &'static str, least: usize) -> Self {
        Self {
            wraps: Some(least),
            ..Self::text(name)
        }
    }

    /// The same column, left out on a narrow terminal: the greatest rank first.
    pub(crate) const fn yields(self, rank: u8) -> Self {
        Self { rank, ..self }
    }
}

/// A cell: a text, and the colour that says how good it is.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    text: String,
    colour: Option<Color>,
}

impl Cell {
    /// A cell that does not judge.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "numbers, texts and references to them are given alike"
    )]
    pub(crate) fn new(text: impl ToString) -> Self {
        Self {
            text: text.to_string(),
            colour: None,
        }
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "numbers, texts and references to them are given alike"
    )]
    fn coloured(text: impl ToString, colour: Color) -> Self {
        Self {
            text: text.to_string(),
            colour: Some(colour),
        }
    }

    /// The cell as it is drawn, in so many columns.
    fn drawn(&self, columns: usize) -> comfy_table::Cell {
        let lines = self.text.lines().map(|line| page::fill(line, columns, ""));
        let cell = comfy_table::Cell::new(lines.collect::<Vec<_>>().join("\n"));
        match self.colour {
            Some(colour) => cell.fg(colour),
            None => cell,
        }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, colour: None }
    }
}

/// Rows of cells.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// An empty table.
    pub(crate) fn new(columns: impl Into<Vec<Column>>) -> Self {
        Self {
            columns: columns.into(),
            rows: Vec::new(),
        }
    }

    /// Adds a row: a cell for each column.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = impl Into<Cell>>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// The table as text for this page, without trailing blanks.
    pub(crate) fn render(&self, page: Page) -> String {
        let all: Vec<usize> = (0..self.columns.len()).collect();
        let Some(columns) = page.columns() else {
            return self.lines(&all, None);
        };
        let Some(kept) = self.fitting(columns) else {
            return self.paragraphs(columns);
        };
        let lines = self.lines(&kept, Some(columns));
        let left_out = all.iter().filter(|index| !kept.contains(index));
        let names: Vec<_> = left_out.map(|index| self.columns[*index].name).collect();
        if names.is_empty() {
            return lines;
        }
        let note = format!("without {}: the terminal is too narrow", names.join(", "));
        format!("{lines}\n{}", page.wrap(&note, 0).dimmed())
    }

    /// The columns that this much room is enough for; `None` where those that stay do not fit.
    fn fitting(&self, columns: usize) -> Option<Vec<usize>> {
        let mut kept: Vec<usize> = (0..self.columns.len()).collect();
        while self.least(&kept) > columns {
            let yields = |index: &&usize| self.columns[**index].rank > 0;
            let next = kept.iter().filter(yields);
            let gone = *next.max_by_key(|index| self.columns[**index].rank)?;
            kept.retain(|index| *index != gone);
        }
        Some(kept)
    }

    /// The least width of a table of these columns.
    fn least(&self, kept: &[usize]) -> usize {
        let widths = kept.iter().map(|index| self.narrowest(*index));
        widths.sum::<usize>() + GAP * kept.len().saturating_sub(1)
    }

    /// The least width of a column. One of prose is never so narrow that a word sticks out, which the terminal would
    /// break.
    fn narrowest(&self, index: usize) -> usize {
        let natural = self.natural(index);
        let Some(least) = self.columns[index].wraps else {
            return natural;
        };
        let cells = self.rows.iter().filter_map(|row| row.get(index));
        let word = cells.map(|cell| page::longest_word(&cell.text)).max();
        natural.min(least.max(word.unwrap_or(0)))
    }

    /// The width of a column that is not wrapped.
    fn natural(&self, index: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(index));
        let widths = cells.map(|cell| widest(&cell.text));
        widths
            .max()
            .unwrap_or(0)
            .max(measure_text_width(self.columns[index].name))
    }

    /// The width of each of these columns, all of which fit: what is left goes to those that are still too narrow.
    fn widths(&self, kept: &[usize], columns: usize) -> Vec<usize> {
        let mut widths: Vec<usize> = kept.iter().map(|index| self.narrowest(*index)).collect();
        for _ in self.least(kept)..columns {
            let narrow = kept.iter().zip(&mut widths);
            let narrow = narrow.filter(|(index, width)| **width < self.natural(**index));
            let Some((_, width)) = narrow.min_by_key(|(_, width)| **width) else {
                break;
            };
            *width += 1;
        }
        widths
    }

    fn lines(&self, kept: &[usize], columns: Option<usize>) -> String {
        let endless = || vec![usize::MAX; kept.len()];
        let widths = columns.map_or_else(endless, |columns| self.widths(kept, columns));
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING).enforce_styling();
        table.set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(kept.iter().map(|index| {
            let name = self.columns[*index].name.to_uppercase();
            comfy_table::Cell::new(name).add_attribute(Attribute::Dim)
        }));
        for row in &self.rows {
            let cells = kept.iter().zip(&widths);
            table.add_row(cells.filter_map(|(index, room)| Some(row.get(*index)?.drawn(*room))));
        }
        for (at, index) in kept.iter().enumerate() {
            if let Some(column) = table.column_mut(at) {
                column.set_padding((0, 2));
                if self.columns[*index].number {
                    column.set_cell_alignment(CellAlignment::Right);
                }
            }
        }
        let lines: Vec<_> = table.lines().map(|line| trim_end(&line)).collect();
        lines.join("\n")
    }

    /// A paragraph for each row, a line for each of its cells.
    fn paragraphs(&self, columns: usize) -> String {
        let width = self.columns.iter().map(|column| column.name.len()).max();
        let indent = width.unwrap_or(0) + GAP;
        let paragraph = |row: &Vec<Cell>| {
            let cells = self.columns.iter().zip(row);
            let told = cells.filter(|(_, cell)| !["", "-"].contains(&cell.text.as_str()));
            let lines = told.map(|(column, cell)| {
                let name = format!("{:indent$}", column.name.to_uppercase());
                let text = cell.text.replace('\n', " ");
                let room = columns.saturating_sub(indent);
                if page::longest_word(&text) > room {
                    let text = page::fill(&text, columns, "");
                    return format!("{}\n{text}", name.trim_end().dimmed());
                }
                let text = page::fill(&text, room, "");
                let text = text.replace('\n', &format!("\n{:indent$}", ""));
                format!("{}{text}", name.dimmed())
            });
            lines.collect::<Vec<_>>().join("\n")
        };
        let paragraphs: Vec<_> = self.rows.iter().map(paragraph).collect();
        paragraphs.join("\n\n")
    }
}

fn widest(text: &str) -> usize {
    text.lines().map(measure_text_width).max().unwrap_or(0)
}

/// The line without the blanks at its end, before or after the codes of a style.
fn trim_end(line: &str) -> String {
    let parts: Vec<(&str, bool)> = console::AnsiCodeIterator::new(line).collect();
    let is_blank = |(text, code): &(&str, bool)| *code || text.trim_end().is_empty();
    let last = parts.iter().rposition(|part| !is_blank(part));
    let trimmed = parts.iter().enumerate().map(|(at, (text, code))| {
        if *code || last.is_some_and(|last| at < last) {
            text
        } else {
            text.trim_end()
        }
    });
    trimmed.collect()
}

/// A cell that says that something is as it should be.
pub(crate) fn good(text: impl ToString) -> Cell {
    Cell::coloured(text, Color::Green)
}

/// A cell that says that something is not (yet) as it should be.
pub(crate) fn doubtful(text: impl ToString) -> Cell {
    Cell::coloured(text, Color::Yellow)
}

/// A cell that says that something is wrong.
pub(crate) fn bad(text: impl ToString) -> Cell {
    Cell::coloured(text, Color::Red)
}

/// `text` as terminals of 40, 80 and 120 columns, and files, show it: for snapshots.
#[cfg(test)]
pub(crate) fn at_all_widths(text: impl Fn(Page) -> String) -> String {
    let pages = [40, 80, 120].map(|columns| (columns.to_string(), Page::of_columns(columns)));
    let pages = pages
        .into_iter()
        .chain([("endless".to_owned(), Page::ENDLESS)]);
    let shown = pages.map(|(name, page)| {
        let text = anstream::adapter::strip_str(&text(page)).to_string();
        format!("──── {name}\n{text}\n")
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(columns: usize) -> String {
        let mut table = Table::new([Column::text("what"), Column::prose("found", 4)]);
        table.row(["containerd", "version github.com/containerd/containerd"].map(Cell::new));
        let text = table.render(Page::of_columns(columns));
        anstream::adapter::strip_str(&text).to_string()
    }

    #[test]
    fn words_of_prose_are_never_too_long_for_their_column() {
        assert_eq!(
            shown(44),
            "WHAT        FOUND\ncontainerd  version\n            github.com/containerd/containerd"
        );
        assert_eq!(
            shown(43),
            "WHAT   containerd\nFOUND  version\n       github.com/containerd/containerd"
        );
        assert_eq!(
            shown(38),
            "WHAT   containerd\nFOUND\nversion\ngithub.com/containerd/containerd"
        );
    }
}
