//! The run as one HTML file that needs nothing else: a timeline to zoom into, and tables.

mod columns;
mod data;
mod model;
mod network;
mod page;
mod statistics;
mod tables;
#[cfg(test)]
mod tests;
mod words;

use std::io;

use self::model::Model;
use super::Reporter;
use crate::event::{Event, Kind};

/// An HTML page, written as a whole when the run ends, and when it is interrupted: it may have no time to end.
#[derive(Debug)]
pub struct Html<F> {
    put: F,
    model: Model,
}

impl<F: FnMut(&[u8]) -> io::Result<()>> Html<F> {
    /// Hands each document to `put`, the later in the place of the earlier.
    pub fn new(put: F) -> Self {
        Self {
            put,
            model: Model::default(),
        }
    }
}

impl<F: FnMut(&[u8]) -> io::Result<()>> Reporter for Html<F> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.model.event(event);
        match event.kind {
            Kind::Interrupted | Kind::RunFinished { .. } => {
                let page = page::page(&self.model)?;
                (self.put)(page.as_bytes())
            }
            _ => Ok(()),
        }
    }
}
