//! A test: a name, its limits, and what it does.

use std::{fmt, sync::Arc, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{observation::Observation, verdict::Failure};

/// Which test: `small::transfer`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TestId {
    /// The network it runs on.
    pub network: String,
    /// Its own name.
    pub name: String,
}

impl fmt::Display for TestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}", self.network, self.name)
    }
}

type Body = Arc<dyn Fn(Context) -> BoxFuture<'static, Result<(), Failure>> + Send + Sync>;

/// A test.
#[derive(Clone)]
pub struct Test {
    /// Which.
    pub id: TestId,
    /// What it shows, in one line.
    pub about: String,
    /// An attempt that takes longer has failed.
    pub deadline: Duration,
    /// After this long, and every time again, the run says what the test waits for.
    pub slow_after: Duration,
    body: Body,
}

impl Test {
    /// A test with a deadline of ten minutes that is slow after one.
    pub fn new<F, Fut>(
        network: impl Into<String>,
        name: impl Into<String>,
        about: impl Into<String>,
        body: F,
    ) -> Self
    where
        F: Fn(Context) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        Self {
            id: TestId {
                network: network.into(),
                name: name.into(),
            },
            about: about.into(),
            deadline: Duration::from_mins(10),
            slow_after: Duration::from_mins(1),
            body: Arc::new(move |context| body(context).boxed()),
        }
    }

    /// The same with another deadline.
    #[must_use]
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// The same, slow after another time.
    #[must_use]
    pub fn slow_after(self, slow_after: Duration) -> Self {
        Self { slow_after, ..self }
    }

    pub(crate) fn start(&self, context: Context) -> BoxFuture<'static, Result<(), Failure>> {
        (self.body)(context)
    }
}

impl fmt::Debug for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Test")
            .field("id", &self.id)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// What a test gets from the run.
#[derive(Debug, Clone)]
pub struct Context {
    /// Fires when the deadline has passed or the run is interrupted; the test then has a moment to clean up.
    pub cancel: CancellationToken,
    /// The run's seed, the only source of chance.
    pub seed: u64,
    notes: mpsc::UnboundedSender<Note>,
}

/// What a test waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// What for.
    pub what: String,
    /// The value seen last.
    pub last: String,
}

/// What a test tells while it runs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Note {
    Observed(Box<Observation>),
    Step(String),
    Waiting(Waiting),
}

impl Context {
    pub(crate) const fn new(
        cancel: CancellationToken,
        seed: u64,
        notes: mpsc::UnboundedSender<Note>,
    ) -> Self {
        Self {
            cancel,
            seed,
            notes,
        }
    }

    /// Tells what was done; kept, and shown if the test fails.
    pub fn step(&self, words: impl Into<String>) {
        self.tell(Note::Step(words.into()));
    }

    /// Tells what is waited for and the value seen last; shown when the test is slow or too late.
    pub fn waiting(&self, what: impl Into<String>, last: impl Into<String>) {
        self.tell(Note::Waiting(Waiting {
            what: what.into(),
            last: last.into(),
        }));
    }

    /// Tells what was seen of the test's network.
    pub fn observed(&self, seen: Observation) {
        self.tell(Note::Observed(Box::new(seen)));
    }

    fn tell(&self, note: Note) {
        // A run that has ended needs no more notes.
        let _ = self.notes.send(note);
    }
}
