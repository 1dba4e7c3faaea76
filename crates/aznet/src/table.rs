//! Tables as all verbs show them: no borders, a quiet header, numbers to the right.

use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, Table, presets};

/// An empty table. A header that begins with `>` names a column of numbers.
pub(crate) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).enforce_styling();
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header.iter().map(|name| {
        Cell::new(name.trim_start_matches('>').to_uppercase()).add_attribute(Attribute::Dim)
    }));
    for (index, name) in header.iter().enumerate() {
        if let Some(column) = table.column_mut(index) {
            column.set_padding((0, 2));
            if name.starts_with('>') {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    table
}

/// The table as text, without trailing blanks.
pub(crate) fn render(table: &Table) -> String {
    table
        .lines()
        .map(|line| trim_end(&line))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Blanks may be followed by the code that ends a style.
fn trim_end(line: &str) -> String {
    const RESET: &str = "\u{1b}[0m";
    let bare = line.trim_end();
    match bare.strip_suffix(RESET) {
        Some(styled) => format!("{}{RESET}", styled.trim_end()),
        None => bare.to_owned(),
    }
}

/// A cell that says that something is as it should be.
pub(crate) fn good(text: impl ToString) -> Cell {
    Cell::new(text).fg(Color::Green)
}

/// A cell that says that something is not (yet) as it should be.
pub(crate) fn doubtful(text: impl ToString) -> Cell {
    Cell::new(text).fg(Color::Yellow)
}

/// A cell that says that something is wrong.
pub(crate) fn bad(text: impl ToString) -> Cell {
    Cell::new(text).fg(Color::Red)
}

/// `1 validator`, `2 validators`.
pub(crate) fn count(n: usize, noun: &str) -> String {
    if n == 1 {
        format!("1 {noun}")
    } else {
        format!("{n} {noun}s")
    }
}
