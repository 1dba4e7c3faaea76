//! Where a run is recorded: in the folder that `--report` names, else in one of its own.

use std::fs;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use aznet_kit::files::{self, Access, FileError};
use aznet_runner::Event;
use aznet_runner::report::Reporter;
use jiff::Timestamp;

use super::args::ReportArgs;
use super::reports::Reports;
use super::retention;
use crate::context::Context;
use crate::printer::Printer;
use crate::run_folder;

/// So many runs that named no folder are kept at most.
const KEPT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(19);

/// A run's record.
pub(super) struct Record {
    folder: Option<PathBuf>,
    files: Reports,
    /// Nobody asked for it: a run goes on without.
    is_own: bool,
    printer: Printer,
}

impl Record {
    /// Makes room for the record and begins it. Not before the run does: one that never begins leaves no empty record, and
    /// none is removed for it.
    ///
    /// # Errors
    /// If the folder that was named can't be written. Without any other the run keeps no record, and that is said.
    pub(super) fn begin(args: &ReportArgs, context: &Context) -> anyhow::Result<Self> {
        let printer = context.printer.clone();
        let Some(folder) = &args.folder else {
            let own = own(context.paths.runs(), Timestamp::now());
            return Ok(Self::of_own(own, printer));
        };
        if let Some(keep) = args.keep {
            for cleared in retention::clear(folder, keep, |_| true)? {
                printer.note(format_args!("removed the report {}", cleared.display()));
            }
        }
        Ok(Self {
            folder: Some(folder.clone()),
            files: Reports::in_folder(folder)?,
            is_own: false,
            printer,
        })
    }

    fn of_own(own: anyhow::Result<(PathBuf, Reports)>, printer: Printer) -> Self {
        let none = |error| {
            unrecorded(&printer, &error);
            (None, Reports::default())
        };
        let (folder, files) = own.map_or_else(none, |(folder, files)| (Some(folder), files));
        if let Some(folder) = &folder
            && let Err(error) = retention::clear(folder, KEPT, run_folder::is_own)
        {
            let error = anyhow::Error::new(error);
            printer.warn(format_args!("records of earlier runs stay: {error:#}"));
        }
        Self {
            folder,
            files,
            is_own: true,
            printer,
        }
    }

    /// The folder, if there is one.
    pub(super) fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Says how to see a record again that nobody gave a place.
    pub(super) fn tell(&self) {
        let Some(folder) = self.folder.as_deref().filter(|_| self.is_own) else {
            return;
        };
        let id = folder.file_name().unwrap_or_default().display();
        self.printer.note(format_args!(
            "`aznet report {id}` shows this run again; its record is in {}",
            folder.display()
        ));
    }
}

impl Reporter for Record {
    /// A folder that nobody named ends no run: it is given up, and that is said once.
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match self.files.event(event) {
            Err(error) if self.is_own => {
                self.files = Reports::default();
                unrecorded(&self.printer, &error.into());
                Ok(())
            }
            told => told,
        }
    }
}

fn unrecorded(printer: &Printer, error: &anyhow::Error) {
    printer.warn(format_args!(
        "this run is not recorded: {error:#}; --report DIR records it elsewhere"
    ));
}

/// Makes a folder for a run that begins now, and begins its files.
fn own(runs: &Path, now: Timestamp) -> anyhow::Result<(PathBuf, Reports)> {
    let folder = make(runs, now)?;
    let files = Reports::in_folder(&folder)?;
    Ok((folder, files))
}

/// A folder that was not there: another run may have begun in the same second.
fn make(runs: &Path, now: Timestamp) -> Result<PathBuf, FileError> {
    files::make_dir(runs, Access::Shared)?;
    let mut nth = 1;
    loop {
        let folder = runs.join(run_folder::own_name(now, nth));
        match fs::create_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => nth += 1,
            made => {
                let made = made.map_err(FileError::of("make folder", &folder));
                return made.map(|()| folder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use aznet_runner::event::Kind;

    use super::*;
    use crate::args::OutputFormat;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn begun() -> Event {
        let kind = Kind::RunStarted {
            seed: 1,
            selected: Vec::new(),
            left_out: 0,
            partition: None,
            repeat: 1,
            commit: None,
            dud_attacks: false,
        };
        Event { at: NOW, kind }
    }

    fn record(own: anyhow::Result<(PathBuf, Reports)>) -> Record {
        Record::of_own(own, Printer::new(OutputFormat::default()))
    }

    #[test]
    fn runs_of_one_second_have_a_folder_each() {
        let state = tempfile::tempdir().expect("a folder");
        let runs = state.path().join("runs");
        let mut first = record(own(&runs, NOW));
        let second = record(own(&runs, NOW));
        first.event(&begun()).expect("an event");
        let name = |record: &Record| {
            let folder = record.folder().expect("a folder");
            assert_eq!(folder.parent(), Some(runs.as_path()));
            let name = folder.file_name().expect("a name");
            assert!(run_folder::is_own(name), "{name:?}");
            name.to_owned()
        };
        assert_ne!(name(&first), name(&second));
        let events = run_folder::record(first.folder().expect("a folder"));
        assert_eq!(run_folder::read(&events).expect("events").len(), 1);
    }

    #[test]
    fn only_so_many_runs_are_kept_and_none_that_was_named() {
        let state = tempfile::tempdir().expect("a folder");
        let runs = state.path().join("runs");
        let mine = runs.join("mine");
        fs::create_dir_all(&mine).expect("a folder");
        fs::write(mine.join(run_folder::EVENTS), line(&begun())).expect("a file");
        for _ in 0..KEPT.get() + 2 {
            let mut one = record(own(&runs, NOW));
            one.event(&begun()).expect("an event");
            let summary = aznet_runner::Summary::default();
            let kind = Kind::RunFinished { summary };
            one.event(&Event { at: NOW, kind }).expect("an event");
        }
        let left = fs::read_dir(&runs).expect("a folder").flatten();
        let own = left.filter(|entry| run_folder::is_own(&entry.file_name()));
        assert_eq!(own.count(), KEPT.get());
        assert!(mine.is_dir());
    }

    #[test]
    fn a_run_goes_on_without_a_record() {
        let state = tempfile::tempdir().expect("a folder");
        let runs = state.path().join("runs");
        fs::write(&runs, "").expect("a file in its place");
        let mut none = record(own(&runs, NOW));
        assert_eq!(none.folder(), None);
        none.event(&begun()).expect("no error");
    }

    /// What is removed under a run that goes on.
    #[test]
    fn a_record_that_is_lost_ends_no_run_unless_it_was_asked_for() {
        let state = tempfile::tempdir().expect("a folder");
        let run = |is_own| {
            let (folder, files) = own(&state.path().join("runs"), NOW).expect("a folder");
            fs::remove_dir_all(&folder).expect("it goes");
            let printer = Printer::new(OutputFormat::default());
            let mut record = Record {
                folder: Some(folder),
                files,
                is_own,
                printer,
            };
            let summary = aznet_runner::Summary::default();
            let kind = Kind::RunFinished { summary };
            record
                .event(&begun())
                .and_then(|()| record.event(&Event { at: NOW, kind }))
        };
        assert!(run(true).is_ok());
        assert!(run(false).is_err());
    }

    fn line(event: &Event) -> String {
        serde_json::to_string(event).expect("JSON") + "\n"
    }
}
