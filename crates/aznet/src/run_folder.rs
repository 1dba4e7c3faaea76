//! The files of a run's folder, as `aznet test --report` writes them and `aznet report` reads them.

use std::ffi::OsStr;
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
/// How the name of a bundle of a test that did not pass begins and ends.
pub(crate) const BUNDLE: &str = "bundle-";
/// See [`BUNDLE`].
pub(crate) const ARCHIVE: &str = ".tar.gz";
/// All but the bundles.
pub(crate) const FILES: [&str; 5] = [EVENTS, JUNIT, HTML, SUMMARY, STATS];

/// Whether a file of that name is a run's: one of [`FILES`], or a bundle of a test.
pub(crate) fn is_of_run(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    FILES.contains(&&*name) || (name.starts_with(BUNDLE) && name.ends_with(ARCHIVE))
}

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
