//! A job of a workflow.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// What act runs.
#[derive(Debug)]
pub(super) struct Job {
    /// The repository whose workflow it is of.
    pub(super) repository: PathBuf,
    /// In the repository.
    pub(super) workflow: PathBuf,
    /// Which job of it, and how.
    pub(super) arguments: Vec<String>,
    /// What it is made of.
    pub(super) definitions: Vec<PathBuf>,
    /// Folders of repositories on this machine that it uses as well.
    pub(super) local: BTreeMap<String, PathBuf>,
    /// Whether cargo compiles here, where our crates are compiled already, and not in act's copy of the tree.
    pub(super) compiled_here: bool,
    /// The artifact with its report.
    pub(super) report: String,
}
