//! Which reports stay beside a new one.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use aznet_kit::files::{self, FileError};
use aznet_runner::event::Kind;
use aznet_runner::{Event, ExitCode};

use crate::run_folder;

/// The last event of a record is no longer than this.
const LAST: u64 = 1 << 14;

/// The report of an earlier run.
#[derive(Debug)]
struct Earlier {
    folder: PathBuf,
    passed: bool,
    ended: SystemTime,
}

/// Removes reports beside `folder`, so that with the new one no more than `keep` are there; says which.
///
/// # Errors
/// [`FileError`] if one can't be removed.
pub(super) fn clear(folder: &Path, keep: NonZeroUsize) -> Result<Vec<PathBuf>, FileError> {
    let cleared = surplus(earlier(folder), keep);
    for one in &cleared {
        remove(one)?;
    }
    Ok(cleared)
}

/// Those that are too many: reports of runs that passed before all others, the oldest first.
fn surplus(mut earlier: Vec<Earlier>, keep: NonZeroUsize) -> Vec<PathBuf> {
    let count = (earlier.len() + 1).saturating_sub(keep.get());
    earlier.sort_by_key(|one| (!one.passed, one.ended));
    let surplus = earlier.into_iter().take(count);
    surplus.map(|one| one.folder).collect()
}

fn earlier(folder: &Path) -> Vec<Earlier> {
    let beside = folder.parent().map(|parent| match parent.as_os_str() {
        here if here.is_empty() => Path::new("."),
        _ => parent,
    });
    let entries = beside.and_then(|beside| fs::read_dir(beside).ok());
    let entries = entries.into_iter().flatten().flatten();
    let others = entries.filter(|entry| {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        is_folder && Some(entry.file_name().as_os_str()) != folder.file_name()
    });
    others.filter_map(|entry| read(entry.path())).collect()
}

/// `None` of a folder that holds no report.
fn read(folder: PathBuf) -> Option<Earlier> {
    let mut record = File::open(folder.join(run_folder::EVENTS)).ok()?;
    let about = record.metadata().ok()?;
    let mut end = Vec::new();
    let from = SeekFrom::Start(about.len().saturating_sub(LAST));
    record
        .seek(from)
        .and_then(|_| record.read_to_end(&mut end))
        .ok()?;
    Some(Earlier {
        folder,
        passed: has_passed(&end),
        ended: about.modified().ok()?,
    })
}

/// A run that did not get to its end has not.
fn has_passed(record: &[u8]) -> bool {
    let last = record
        .trim_ascii_end()
        .split(|byte| *byte == b'\n')
        .next_back();
    let last = last.and_then(|line| serde_json::from_slice::<Event>(line).ok());
    last.is_some_and(|event| match event.kind {
        Kind::RunFinished { summary } => summary.exit_code() == ExitCode::Passed,
        _ => false,
    })
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
    use std::time::Duration;

    use aznet_runner::Summary;
    use jiff::Timestamp;

    use super::*;

    fn event(failed: usize) -> String {
        let summary = Summary {
            passed: 1,
            failed,
            ..Summary::default()
        };
        let event = Event {
            at: Timestamp::UNIX_EPOCH,
            kind: Kind::RunFinished { summary },
        };
        format!("{}\n", serde_json::to_string(&event).expect("JSON"))
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
            let ended = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000 + nth);
            file.set_modified(ended).expect("a time");
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

    #[test]
    fn the_oldest_go_and_those_that_failed_last() {
        let (good, bad) = (event(0), event(1));
        let killed = "{\"at\":\"1970-01-01T00:00:00Z\",\"event\":\"interrupted\"}\n";
        let all = reports(&[
            ("1", &bad),
            ("2", &good),
            ("3", killed),
            ("4", &good),
            ("5", &good),
        ]);
        let new = all.path().join("6");
        let clear = |keep| clear(&new, NonZeroUsize::new(keep).expect("some")).expect("it clears");
        assert!(clear(6).is_empty());
        assert_eq!(clear(4).len(), 2);
        assert_eq!(left(all.path()), ["1", "3", "5"]);
        clear(3);
        assert_eq!(left(all.path()), ["1", "3"]);
        clear(1);
        assert!(left(all.path()).is_empty());
    }

    #[test]
    fn what_no_run_has_written_stays() {
        let all = reports(&[("1", &event(0))]);
        fs::write(all.path().join("1/notes.txt"), "mine").expect("a file");
        fs::create_dir(all.path().join("other")).expect("a folder");
        fs::write(all.path().join("other/report.txt"), "mine").expect("a file");
        clear(&all.path().join("2"), NonZeroUsize::MIN).expect("it clears");
        assert_eq!(left(all.path()), ["1", "other"]);
        assert_eq!(left(&all.path().join("1")), ["notes.txt"]);
        assert_eq!(left(&all.path().join("other")), ["report.txt"]);
    }

    #[test]
    fn a_new_report_that_is_there_already_is_none_of_the_earlier_ones() {
        let all = reports(&[("1", &event(0))]);
        clear(&all.path().join("1"), NonZeroUsize::MIN).expect("it clears");
        assert_eq!(
            left(&all.path().join("1")),
            ["bundle-chain.tar.gz", run_folder::EVENTS]
        );
    }
}
