//! Reporters: folds over the events of a run. None prints; each writes to what it is given.

mod human;
mod json;
mod junit;

use std::io;

pub use self::{human::Human, json::JsonLines, junit::Junit};
use crate::event::Event;

/// Hears every event of a run in order.
pub trait Reporter {
    /// Takes one event in.
    ///
    /// # Errors
    /// What writing the report yields.
    fn event(&mut self, event: &Event) -> io::Result<()>;
}

#[cfg(test)]
mod tests;
