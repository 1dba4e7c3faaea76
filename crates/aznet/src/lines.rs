//! Where reporters write that write lines as they hear of something.

use std::io::{self, Write};

use aznet_runner::report::Grid;

use crate::printer::Printer;

/// What is not a terminal has this many columns.
const COLUMNS: usize = 80;

/// Prints what became of a matrix, if there is one, on stdout; `ended`: the run is over.
pub(crate) fn grid(grid: &Grid, ended: bool, printer: &Printer) {
    if grid.is_empty() {
        return;
    }
    if ended {
        printer.out("");
    }
    let columns = printer.page().columns().unwrap_or(COLUMNS);
    for line in grid.render(columns, ended).lines() {
        printer.out(line);
    }
}

/// Hands whole lines to the printer: the result on stdout, or talk where the result is a document.
pub(crate) struct Lines {
    printer: Printer,
    talk: bool,
    begun: Vec<u8>,
}

impl Lines {
    pub(crate) fn new(printer: &Printer) -> Self {
        Self {
            printer: printer.clone(),
            talk: printer.is_json(),
            begun: Vec::new(),
        }
    }

    /// Where the result is something else, and what is written is talk in any case.
    pub(crate) fn talk(printer: &Printer) -> Self {
        Self {
            talk: true,
            ..Self::new(printer)
        }
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.begun.extend_from_slice(bytes);
        while let Some(end) = self.begun.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.begun.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            if self.talk {
                self.printer.note(line.trim_end());
            } else {
                self.printer.out(line.trim_end());
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
