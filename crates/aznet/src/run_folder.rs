//! The files of a run's folder, as `aznet test --report` writes them and `aznet report` reads them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use aznet_runner::Event;
use aznet_runner::report;
use jiff::Timestamp;

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

/// When a run began that named no folder, as the name of its own.
const BEGAN: &str = "%Y%m%dT%H%M%SZ";

/// The name of a folder for a run that begins now, the n-th of this second: `20261128T091500Z`, `20261128T091500Z-2`.
pub(crate) fn own_name(now: Timestamp, nth: u32) -> String {
    let began = now.strftime(BEGAN);
    match nth {
        0 | 1 => began.to_string(),
        nth => format!("{began}-{nth}"),
    }
}

/// Whether a folder of that name is one that a run without `--report` made for itself.
pub(crate) fn is_own(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let (began, nth) = name.split_once('-').unwrap_or((&*name, "2"));
    // Exactly as it is written, with every digit.
    let shape = |(place, byte): (usize, u8)| match place {
        8 => byte == b'T',
        15 => byte == b'Z',
        _ => byte.is_ascii_digit(),
    };
    began.len() == 16 && began.bytes().enumerate().all(shape) && nth.parse::<u32>().is_ok()
}

/// What is called `named`, in the working directory or else among the `runs` that named no folder.
pub(crate) fn find(named: &Path, runs: &Path) -> PathBuf {
    let among = runs.join(named);
    if !named.exists() && among.exists() {
        among
    } else {
        named.to_owned()
    }
}

/// The newest of the `runs` that named no folder.
///
/// # Errors
/// [`Failure::NoRun`] if there is none.
pub(crate) fn newest(runs: &Path) -> Result<PathBuf, Failure> {
    let entries = std::fs::read_dir(runs).into_iter().flatten().flatten();
    let recorded =
        |folder: &PathBuf| folder.join(EVENTS).is_file() && folder.file_name().is_some_and(is_own);
    let folders = entries.map(|entry| entry.path()).filter(recorded);
    folders.max().ok_or_else(|| Failure::NoRun {
        record: runs.display().to_string(),
        why: "no run is recorded there".to_owned(),
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runs_own_folder_is_known_by_its_name() {
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(own_name(now, 1), "19700101T000000Z");
        assert_eq!(own_name(now, 12), "19700101T000000Z-12");
        let is_own = |name: &str| is_own(OsStr::new(name));
        assert!(is_own(&own_name(now, 1)) && is_own(&own_name(now, 12)));
        let named = [
            "last",
            "20260102",
            "19700101T000000Z-mine",
            "19700101T000000Z-",
            "19700101t000000z",
        ];
        assert!(!named.into_iter().any(is_own));
    }

    #[test]
    fn what_is_named_is_found_among_the_runs_unless_it_is_there() {
        let runs = tempfile::tempdir().expect("a folder");
        assert!(newest(runs.path()).is_err());
        for id in ["20260101T000000Z", "20260102T000000Z", "zebra"] {
            std::fs::create_dir(runs.path().join(id)).expect("a folder");
            std::fs::write(runs.path().join(id).join(EVENTS), "").expect("a file");
        }
        // It has no record yet.
        std::fs::create_dir(runs.path().join("20260103T000000Z")).expect("a folder");
        let newest = newest(runs.path()).expect("a run");
        assert_eq!(newest, runs.path().join("20260102T000000Z"));
        let found = |named: &str| find(Path::new(named), runs.path());
        assert_eq!(found("20260102T000000Z"), newest);
        assert_eq!(found("20260102T000000Z/events.jsonl"), record(&newest));
        assert_eq!(found("no-such-run"), Path::new("no-such-run"));
        let there = newest.to_string_lossy().into_owned();
        assert_eq!(found(&there), newest);
    }
}
