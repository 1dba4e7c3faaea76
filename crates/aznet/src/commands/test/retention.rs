//! Which reports stay beside a new one.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use aznet_kit::files::{self, FileError};
use aznet_runner::event::Kind;
use aznet_runner::{Event, ExitCode, Summary};

use crate::run_folder;

/// The first event of a record, which names all tests, is no longer than this.
const FIRST: u64 = 1 << 20;
/// The last event of a record is no longer than this.
const LAST: u64 = 1 << 14;
/// A record without an end may be of a run that goes on, unless it is older than this: in an outage, which may last for
/// most of a run of a day, nothing is written.
const SILENCE: Duration = Duration::from_hours(24);

/// The report of an earlier run.
#[derive(Debug)]
struct Earlier {
    folder: PathBuf,
    passed: bool,
    goes_on: bool,
    written: SystemTime,
}

/// Removes reports beside `folder`, which exists, in folders of names that are `meant`, so that with the new one no more
/// than `keep` are there; says which.
///
/// # Errors
/// [`FileError`] if one can't be removed, or `folder` not be found.
pub(super) fn clear(
    folder: &Path,
    keep: NonZeroUsize,
    meant: fn(&OsStr) -> bool,
) -> Result<Vec<PathBuf>, FileError> {
    // `.` has no name, and `..` that of another folder.
    let folder = fs::canonicalize(folder).map_err(FileError::of("find", folder))?;
    let cleared = surplus(earlier(&folder, meant), keep);
    for one in &cleared {
        remove(one)?;
    }
    Ok(cleared)
}

/// Those that are too many: reports of runs that passed before all others, the oldest first. One of a run that goes on
/// counts, but stays.
fn surplus(mut earlier: Vec<Earlier>, keep: NonZeroUsize) -> Vec<PathBuf> {
    let count = (earlier.len() + 1).saturating_sub(keep.get());
    earlier.retain(|one| !one.goes_on);
    earlier.sort_by_key(|one| (!one.passed, one.written));
    let surplus = earlier.into_iter().take(count);
    surplus.map(|one| one.folder).collect()
}

fn earlier(folder: &Path, meant: fn(&OsStr) -> bool) -> Vec<Earlier> {
    let entries = folder.parent().and_then(|beside| fs::read_dir(beside).ok());
    let entries = entries.into_iter().flatten().flatten();
    let others = entries.filter(|entry| {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let name = entry.file_name();
        is_folder && meant(&name) && Some(name.as_os_str()) != folder.file_name()
    });
    others.filter_map(|entry| read(entry.path())).collect()
}

/// `None` of a folder that holds no report.
fn read(folder: PathBuf) -> Option<Earlier> {
    let record = File::open(folder.join(run_folder::EVENTS)).ok()?;
    let written = record.metadata().and_then(|about| about.modified()).ok()?;
    let first = kind(&first_line(&record).ok()?)?;
    if !matches!(first, Kind::RunStarted { .. }) {
        return None;
    }
    let summary = summary(&end(&record).ok()?);
    // A time to come is no silence.
    let silence = written.elapsed().unwrap_or_default();
    Some(Earlier {
        folder,
        goes_on: summary.is_none() && silence < SILENCE,
        passed: summary.is_some_and(|summary| summary.exit_code() == ExitCode::Passed),
        written,
    })
}

fn first_line(record: &File) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    BufReader::new(record.take(FIRST)).read_until(b'\n', &mut line)?;
    Ok(line)
}

fn end(mut record: &File) -> io::Result<Vec<u8>> {
    let mut end = Vec::new();
    let from = record.metadata()?.len().saturating_sub(LAST);
    record.seek(SeekFrom::Start(from))?;
    record.read_to_end(&mut end)?;
    Ok(end)
}

/// `None` of a run that did not get to its end.
fn summary(record: &[u8]) -> Option<Summary> {
    let mut lines = record.trim_ascii_end().split(|byte| *byte == b'\n');
    match kind(lines.next_back()?)? {
        Kind::RunFinished { summary } => Some(summary),
        _ => None,
    }
}

fn kind(line: &[u8]) -> Option<Kind> {
    let event: Event = serde_json::from_slice(line).ok()?;
    Some(event.kind)
}

/// Removes what a run has written, and the folder unless it holds something else.
fn remove(folder: &Path) -> Result<(), FileError> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| run_folder::is_of_run(&entry.file_name())) {
        files::remove_if_there(&entry.path())?;
    }
    // What is not empty stays.
    let _ = fs::remove_dir(folder);
    Ok(())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn line(kind: Kind) -> String {
        let event = Event {
            at: Timestamp::UNIX_EPOCH,
            kind,
        };
        format!("{}\n", serde_json::to_string(&event).expect("JSON"))
    }

    /// The record of a run without an end.
    fn begun() -> String {
        line(Kind::RunStarted {
            seed: 1,
            selected: Vec::new(),
            left_out: 0,
            partition: None,
            repeat: 1,
            commit: None,
            dud_attacks: false,
        })
    }

    fn ended(failed: usize) -> String {
        let summary = Summary {
            passed: 1,
            failed,
            ..Summary::default()
        };
        begun() + &line(Kind::RunFinished { summary })
    }

    /// Reports of runs that ended one after the other.
    fn reports(records: &[(&str, &str)]) -> tempfile::TempDir {
        let all = tempfile::tempdir().expect("a folder");
        for (nth, (name, record)) in (0..).zip(records) {
            let folder = all.path().join(name);
            fs::create_dir(&folder).expect("a folder");
            fs::write(folder.join("bundle-chain.tar.gz"), "").expect("a file");
            let mut file = File::create(folder.join(run_folder::EVENTS)).expect("a file");
            std::io::Write::write_all(&mut file, record.as_bytes()).expect("a line");
            let written = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000 + nth);
            file.set_modified(written).expect("a time");
        }
        all
    }

    fn left(all: &Path) -> Vec<String> {
        let entries = fs::read_dir(all).expect("a folder").flatten();
        let mut names: Vec<_> = entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// Makes the folder of a new report and clears what is beside it.
    fn make(new: &Path, keep: usize) -> Vec<PathBuf> {
        fs::create_dir_all(new).expect("a folder");
        clear(new, NonZeroUsize::new(keep).expect("some"), |_| true).expect("it clears")
    }

    #[test]
    fn the_oldest_go_and_those_that_failed_last() {
        let (good, bad) = (ended(0), ended(1));
        let killed = begun() + &line(Kind::Interrupted);
        let all = reports(&[
            ("1", &bad),
            ("2", &good),
            ("3", &killed),
            ("4", &good),
            ("5", &good),
        ]);
        let new = all.path().join("6");
        assert!(make(&new, 6).is_empty());
        assert_eq!(make(&new, 4).len(), 2);
        assert_eq!(left(all.path()), ["1", "3", "5", "6"]);
        make(&new, 3);
        assert_eq!(left(all.path()), ["1", "3", "6"]);
        make(&new, 1);
        assert_eq!(left(all.path()), ["6"]);
    }

    #[test]
    fn what_no_run_has_written_stays() {
        let all = reports(&[
            ("1", &ended(0)),
            ("2", ""),
            (
                "3",
                "{\"at\":\"1970-01-01T00:00:00Z\",\"event\":\"login\"}\n",
            ),
            ("4", &line(Kind::Interrupted)),
            ("5", &format!("\n{}", ended(0))),
        ]);
        fs::write(all.path().join("1/notes.txt"), "mine").expect("a file");
        fs::create_dir(all.path().join("other")).expect("a folder");
        fs::write(all.path().join("other/report.txt"), "mine").expect("a file");
        let cleared = make(&all.path().join("6"), 1);
        assert_eq!(cleared, [all.path().join("1")]);
        assert_eq!(left(&all.path().join("1")), ["notes.txt"]);
        assert_eq!(left(&all.path().join("other")), ["report.txt"]);
        for foreign in ["2", "3", "4", "5"] {
            let files = left(&all.path().join(foreign));
            assert_eq!(files, ["bundle-chain.tar.gz", run_folder::EVENTS]);
        }
    }

    #[test]
    fn the_report_of_a_run_that_goes_on_counts_and_stays() {
        let all = reports(&[("1", &begun()), ("2", &ended(0)), ("3", &ended(0))]);
        let record = all.path().join("1").join(run_folder::EVENTS);
        let written = |ago| {
            let file = File::options().append(true).open(&record).expect("a file");
            file.set_modified(SystemTime::now() - ago).expect("a time");
        };
        let new = all.path().join("4");
        written(SILENCE / 2);
        make(&new, 3);
        assert_eq!(left(all.path()), ["1", "3", "4"]);
        make(&new, 1);
        assert_eq!(left(all.path()), ["1", "4"]);
        written(SILENCE * 2);
        make(&new, 1);
        assert_eq!(left(all.path()), ["4"]);
    }

    #[test]
    fn a_folder_that_is_not_meant_stays_and_does_not_count() {
        let all = reports(&[("mine", &ended(0)), ("1", &ended(0)), ("2", &ended(0))]);
        let new = all.path().join("3");
        fs::create_dir(&new).expect("a folder");
        let keep = NonZeroUsize::new(2).expect("some");
        let cleared = clear(&new, keep, |name| name != "mine").expect("it clears");
        assert_eq!(cleared, [all.path().join("1")]);
        assert_eq!(left(all.path()), ["2", "3", "mine"]);
    }

    #[test]
    fn the_new_report_is_none_of_the_earlier_ones_however_it_is_named() {
        for name in ["2", "2/sub/..", "link", "link/sub/.."] {
            let all = reports(&[("1", &ended(0)), ("2", &ended(0))]);
            let new = all.path().join("2");
            fs::create_dir(new.join("sub")).expect("a folder");
            // Reports inside the new one are not beside it.
            fs::create_dir(new.join("old")).expect("a folder");
            fs::write(new.join("old").join(run_folder::EVENTS), ended(0)).expect("a file");
            let elsewhere = tempfile::tempdir().expect("a folder");
            let named = match name.strip_prefix("link") {
                Some(rest) => {
                    let link = elsewhere.path().join("link");
                    std::os::unix::fs::symlink(&new, &link).expect("a link");
                    PathBuf::from(format!("{}{rest}", link.display()))
                }
                None => all.path().join(name),
            };
            make(&named, 1);
            assert_eq!(left(all.path()), ["2"], "{name}");
            assert_eq!(left(&new.join("old")), [run_folder::EVENTS], "{name}");
            assert!(new.join(run_folder::EVENTS).exists(), "{name}");
        }
    }
}
