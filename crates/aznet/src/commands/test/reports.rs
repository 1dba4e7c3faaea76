//! What a run leaves behind.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use aznet_kit::files::{self, Access};
use aznet_runner::Event;
use aznet_runner::event::Kind;
use aznet_runner::report::{Html, JsonLines, Junit, Markdown, Reporter};
use aznet_runner::stats::Gathered;

use crate::failure::Failure;
use crate::run_folder;

/// Names the file that GitHub shows as the summary of a job.
const GITHUB_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// Refuses a folder for reports before anything is started for them: one that can't be written, or that holds the report of
/// another run, unless that may be written over.
pub(super) fn prepare(folder: &Path, force: bool) -> Result<(), Failure> {
    let unwritable = |error: &dyn std::fmt::Display| Failure::ReportUnwritable {
        folder: folder.display().to_string(),
        why: error.to_string(),
    };
    std::fs::create_dir_all(folder).map_err(|error| unwritable(&error))?;
    let there = run_folder::FILES
        .iter()
        .filter(|name| folder.join(name).exists());
    let files: Vec<&str> = there.copied().collect();
    if !files.is_empty() && !force {
        return Err(Failure::ReportThere {
            folder: folder.display().to_string(),
            files: files.join(", "),
        });
    }
    tempfile::tempfile_in(folder)
        .map(drop)
        .map_err(|error| unwritable(&error))
}

/// Writes a whole document in the place of the one before.
type Put = Box<dyn FnMut(&[u8]) -> io::Result<()> + Send>;

/// What is written while a run goes on.
#[derive(Default)]
pub(super) struct Reports(Vec<Box<dyn Reporter + Send>>);

impl Reports {
    /// The files of a run's folder.
    pub(super) fn in_folder(folder: &Path) -> anyhow::Result<Self> {
        for name in run_folder::FILES {
            files::remove_if_there(&folder.join(name))?;
        }
        let events = folder.join(run_folder::EVENTS);
        let events =
            File::create(&events).with_context(|| format!("making {}", events.display()))?;
        Ok(Self(vec![
            Box::new(JsonLines::new(events)),
            Box::new(Junit::new(put(folder.join(run_folder::JUNIT)))),
            Box::new(Html::new(put(folder.join(run_folder::HTML)))),
            Box::new(Statistics {
                gathered: Gathered::default(),
                put: put(folder.join(run_folder::STATS)),
            }),
        ]))
    }

    /// The summary for GitHub, where this is a job of its.
    pub(super) fn of_job() -> anyhow::Result<Self> {
        let Some(path) = std::env::var_os(GITHUB_SUMMARY).filter(|path| !path.is_empty()) else {
            return Ok(Self::default());
        };
        let summary = File::options().create(true).append(true).open(&path);
        let summary = summary.with_context(|| format!("opening {}", path.display()))?;
        Ok(Self(vec![Box::new(Markdown::new(summary))]))
    }
}

impl Reporter for Reports {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.0.iter_mut().try_for_each(|one| one.event(event))
    }
}

/// What is there at any moment is a whole document: a second Ctrl-C leaves at once.
fn put(path: PathBuf) -> Put {
    Box::new(move |document| {
        files::write(&path, document, Access::Shared).map_err(io::Error::other)
    })
}

/// The file that later runs are compared with.
struct Statistics {
    gathered: Gathered,
    put: Put,
}

impl Reporter for Statistics {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.gathered.event(event);
        if let Kind::RunFinished { .. } = event.kind {
            let document = serde_json::to_vec_pretty(&self.gathered.stats())?;
            (self.put)(&document)?;
        }
        Ok(())
    }
}
