//! The files of a run's folder, as `aznet test --report` writes them and `aznet report` reads them.

use std::path::{Path, PathBuf};

use aznet_runner::Event;
use aznet_runner::report;

use crate::failure::Failure;

/// Every event, a line each: all other files can be made of it.
pub(crate) const EVENTS: &str = "events.jsonl";
/// The report for CI servers.
pub(crate) const JUNIT: &str = "junit.xml";
/// The page with the timeline.
pub(crate) const HTML: &str = "report.html";
/// The summary for GitHub.
pub(crate) const SUMMARY: &str = "summary.md";
/// What later runs are compared with.
pub(crate) const STATS: &str = "stats.json";
/// All of them.
pub(crate) const FILES: [&str; 5] = [EVENTS, JUNIT, HTML, SUMMARY, STATS];

/// The record of a run: `run` itself, or the one in the folder `run`.
pub(crate) fn record(run: &Path) -> PathBuf {
    if run.is_dir() {
        run.join(EVENTS)
    } else {
        run.to_owned()
    }
}

/// The events in a record.
pub(crate) fn read(record: &Path) -> anyhow::Result<Vec<Event>> {
    let no_run = |why: String| Failure::NoRun {
        record: record.display().to_string(),
        why,
    };
    let text = std::fs::read_to_string(record).map_err(|error| no_run(error.to_string()))?;
    let events = report::read(&text).map_err(|error| no_run(error.to_string()))?;
    if events.is_empty() {
        return Err(no_run("it is empty".to_owned()).into());
    }
    Ok(events)
}
