//! What a library tells whoever watches it work.

use std::fmt;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aznet_kit::lock::{Lock, LockError, Share};
use aznet_kit::process::{ProcessError, Tool};
use aznet_kit::time::Seconds;
use aznet_kit::wait::Deadline;
use tokio_util::sync::CancellationToken;

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
        write!(f, "{} ({})", self.message, Seconds(self.elapsed))
    }
}

/// A reporter that drops everything.
pub fn silent() -> Reporter {
    Arc::new(|_| {})
}

/// Reports one task's progress.
#[derive(Clone)]
pub(crate) struct Task {
    report: Reporter,
    name: String,
    step: Option<Step>,
    started: Instant,
}

impl Task {
    /// How often a message is repeated, so that its elapsed time is seen to grow.
    const PULSE: Duration = Duration::from_secs(1);
    /// How long another run may hold a lock of the cache: a cold build of everything takes a third of this.
    const LONGEST_HOLD: Deadline =
        Deadline::after(Duration::from_hours(1)).every(Duration::from_millis(200));

    pub(crate) fn new(report: &Reporter, name: impl Into<String>) -> Self {
        Self {
            report: Arc::clone(report),
            name: name.into(),
            step: None,
            started: Instant::now(),
        }
    }

    /// Moves on to step `index` (from 1) of `total`.
    pub(crate) fn step(&mut self, index: usize, total: usize) {
        self.step = Some(Step { index, total });
    }

    /// Says what is going on.
    pub(crate) fn say(&self, message: &str) {
        self.send(message, State::Running);
    }

    /// Says what is being waited for.
    pub(crate) fn waiting(&self, message: &str) {
        self.send(message, State::Waiting);
    }

    /// Says how it ended well.
    pub(crate) fn done(&self, message: &str) {
        self.send(message, State::Done);
    }

    /// Says `message` again every second until `work` is done.
    pub(crate) async fn during<T>(&self, message: &str, work: impl Future<Output = T>) -> T {
        let mut pulse = tokio::time::interval(Self::PULSE);
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                outcome = &mut work => return outcome,
                _ = pulse.tick() => self.say(message),
            }
        }
    }

    /// Runs a program to its end, saying `message` meanwhile; returns what it printed on stdout.
    pub(crate) async fn run(
        &self,
        message: &str,
        tool: Tool,
        deadline: Duration,
        cancel: &CancellationToken,
    ) -> Result<String, ProcessError> {
        self.during(message, tool.output(deadline, cancel)).await
    }

    /// Takes a lock of the cache, saying who has it while another run does.
    pub(crate) async fn lock(
        &self,
        path: &Path,
        cancel: &CancellationToken,
    ) -> Result<Lock, LockError> {
        Lock::acquire(path, Share::Alone, Self::LONGEST_HOLD, cancel, |holder| {
            self.waiting(&format!("waiting for {holder} to finish the same"));
        })
        .await
    }

    fn send(&self, message: &str, state: State) {
        (self.report)(Progress {
            task: self.name.clone(),
            message: message.to_owned(),
            step: self.step,
            elapsed: self.started.elapsed(),
            state,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn whoever_waits_for_a_lock_says_who_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.lock");
        let events: Arc<Mutex<Vec<Progress>>> = Arc::default();
        let seen = Arc::clone(&events);
        let report: Reporter = Arc::new(move |event| seen.lock().unwrap().push(event));
        let task = Task::new(&report, "t");
        let cancel = CancellationToken::new();
        let held = task.lock(&path, &cancel).await.unwrap();
        let release = async {
            while events.lock().unwrap().is_empty() {
                tokio::task::yield_now().await;
            }
            drop(held);
        };
        let (second, ()) = tokio::join!(task.lock(&path, &cancel), release);
        second.unwrap();
        let events = events.lock().unwrap();
        assert_eq!(events[0].state, State::Waiting);
        let pid = std::process::id().to_string();
        assert!(events[0].message.contains(&pid), "{}", events[0].message);
    }
}
