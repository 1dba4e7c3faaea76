use std::io;

use serde::Serialize;

use super::{Reporter, matrix::Grid};
use crate::{
    event::{Event, Kind, Outage, Summary},
    stats::{Gathered, Stats},
};

/// A run as one document: its numbers, how each test ended, and what its repetitions say together.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Document {
    /// In numbers.
    pub summary: Summary,
    /// How each test ended.
    pub tests: Vec<Kind>,
    /// Times in which nothing was tested, since a network was not healthy.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outages: Vec<Outage>,
    /// How often each test passed, and how long it took.
    pub statistics: Stats,
    /// What became of tests under conditions, if there were any.
    #[serde(skip_serializing_if = "Grid::is_empty")]
    pub matrix: Grid,
    #[serde(skip)]
    gathered: Gathered,
}

impl Reporter for Document {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.gathered.event(event);
        self.matrix.event(event);
        match &event.kind {
            Kind::TestFinished { .. } => self.tests.push(event.kind.clone()),
            Kind::OutageEnded(outage) => self.outages.push(outage.clone()),
            Kind::RunFinished { summary } => {
                self.summary = summary.clone();
                self.statistics = self.gathered.stats();
            }
            _ => {}
        }
        Ok(())
    }
}
