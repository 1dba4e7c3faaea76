//! A recorded run, told again.

use std::{io, time::Duration};

use super::Reporter;
use crate::event::{Event, Kind, Summary};

/// A record that can't be read.
#[derive(Debug, thiserror::Error)]
#[error("line {line} is no event of a run")]
pub struct BadRecord {
    /// Which line, from 1.
    pub line: usize,
    /// Why.
    #[source]
    pub source: serde_json::Error,
}

/// Reads what [`JsonLines`](super::JsonLines) wrote. A last line that was not written to its end is left out: the run
/// was killed.
///
/// # Errors
/// [`BadRecord`] for the first line that is no event.
pub fn read(record: &str) -> Result<Vec<Event>, BadRecord> {
    let whole = record.rfind('\n').map_or("", |end| &record[..end]);
    let lines = whole.lines().enumerate();
    lines
        .map(|(index, line)| {
            serde_json::from_str(line).map_err(|source| BadRecord {
                line: index + 1,
                source,
            })
        })
        .collect()
}

/// Tells `reporter` a recorded run. One that did not get to its end is told as interrupted.
///
/// # Errors
/// What writing the report yields.
pub fn replay(events: &[Event], reporter: &mut dyn Reporter) -> io::Result<()> {
    for event in events {
        reporter.event(event)?;
    }
    match events.last() {
        Some(last) if !matches!(last.kind, Kind::RunFinished { .. }) => {
            let kind = Kind::RunFinished {
                summary: so_far(events),
            };
            reporter.event(&Event { at: last.at, kind })
        }
        _ => Ok(()),
    }
}

/// The numbers of a run that did not get to its end.
fn so_far(events: &[Event]) -> Summary {
    let mut summary = Summary {
        interrupted: true,
        ..Summary::default()
    };
    let mut selected = 0;
    for event in events {
        match &event.kind {
            Kind::RunStarted {
                selected: all,
                repeat,
                ..
            } => selected = all.len() * usize::try_from(*repeat).unwrap_or(usize::MAX),
            Kind::TestFinished {
                verdict,
                attempts,
                leaks,
                ..
            } => summary.count(verdict, *attempts, leaks),
            Kind::OutageBegan { .. } => summary.outages += 1,
            _ => {}
        }
    }
    summary.not_run = selected.saturating_sub(summary.finished());
    if let (Some(first), Some(last)) = (events.first(), events.last()) {
        summary.took = Duration::try_from(last.at.duration_since(first.at)).unwrap_or_default();
    }
    summary
}
