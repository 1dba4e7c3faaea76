//! Reporters: folds over the events of a run. None prints; each writes to what it is given.

mod document;
mod html;
mod human;
mod json;
mod junit;
mod markdown;
mod matrix;
mod replay;
mod words;

use std::io;

pub use self::{
    document::Document,
    html::Html,
    human::Human,
    json::JsonLines,
    junit::Junit,
    markdown::Markdown,
    matrix::{Cell, Grid, Outcome},
    replay::{BadRecord, read, replay},
    words::running,
};
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
