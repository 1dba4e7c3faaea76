//! What every step of a build works with.

use tokio_util::sync::CancellationToken;

use crate::parts::toolchain::Toolchain;
use crate::paths::Paths;
use crate::progress::Task;
use crate::source::Source;

/// What building an image takes.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub(super) paths: &'a Paths,
    pub(super) source: &'a Source,
    /// Where its programs are; images that hold none do without.
    pub(super) toolchain: Option<&'a Toolchain>,
    pub(super) task: &'a Task,
    pub(super) cancel: &'a CancellationToken,
}
