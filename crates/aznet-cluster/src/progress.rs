//! What a library tells whoever watches it work.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Takes progress events; called from any thread, must not block.
pub type Reporter = Arc<dyn Fn(Progress) + Send + Sync>;

/// One event of a task that takes long enough to be watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// What is being made, such as `toolchain kubernetes` or `image aztec`; stable over the task.
    pub task: String,
    /// What is going on now, such as `building kubelet`.
    pub message: String,
    /// Which step of how many, where that is known.
    pub step: Option<Step>,
    /// Time since the task began.
    pub elapsed: Duration,
    /// Where the task stands.
    pub state: State,
}

/// Step `index` (from 1) of `total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The step under way, counted from 1.
    pub index: usize,
    /// How many steps there are.
    pub total: usize,
}

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// At work.
    Running,
    /// Waiting for something that is not ours, such as another run's lock.
    Waiting,
    /// Finished; the last event of its task.
    Done,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.task)?;
        if let Some(Step { index, total }) = self.step {
            write!(f, "[{index}/{total}] ")?;
        }
        write!(f, "{} ({}s)", self.message, self.elapsed.as_secs())
    }
}

/// A reporter that drops everything.
pub fn silent() -> Reporter {
    Arc::new(|_| {})
}
