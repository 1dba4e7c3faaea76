use std::io;

use super::Reporter;
use crate::event::Event;

/// Every event as a line of JSON, written as it happens.
#[derive(Debug)]
pub struct JsonLines<W> {
    out: W,
}

impl<W: io::Write> JsonLines<W> {
    /// Writes to `out`.
    pub const fn new(out: W) -> Self {
        Self { out }
    }
}

impl<W: io::Write> Reporter for JsonLines<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, event)?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }
}
