//! A test: a name, its limits, and what it does.

use std::{fmt, sync::Arc, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    cleanup::{CleanUp, CleanUps},
    observation::Observation,
    verdict::Failure,
};

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

/// What a test does to the network that it runs on.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// It only observes, or uses, the network: others of its kind run beside it.
    #[default]
    Observe,
    /// It disturbs the network: nothing else runs on it meanwhile.
    Disrupt,
    /// It has a fresh network of its own.
    Own,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 3] = [Self::Observe, Self::Disrupt, Self::Own];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Disrupt => "disrupt",
            Self::Own => "own",
        }
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
    /// What it does to its network.
    pub class: Class,
    /// Words to select it by.
    pub tags: Vec<String>,
    /// How much of the run's capacity it takes while it runs.
    pub weight: u32,
    /// How often it is tried again when it does not pass.
    pub retries: u32,
    /// An attempt that takes longer has failed.
    pub deadline: Duration,
    /// After this long, and every time again, the run says what the test waits for.
    pub slow_after: Duration,
    body: Body,
}

impl Test {
    /// A test that observes, weighs 1, is not retried, has a deadline of ten minutes and is slow after one.
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
            class: Class::Observe,
            tags: Vec::new(),
            weight: 1,
            retries: 0,
            deadline: Duration::from_mins(10),
            slow_after: Duration::from_mins(1),
            body: Arc::new(move |context| body(context).boxed()),
        }
    }

    /// The same of another class.
    #[must_use]
    pub fn class(self, class: Class) -> Self {
        Self { class, ..self }
    }

    /// The same with these tags.
    #[must_use]
    pub fn tags<T: Into<String>>(self, tags: impl IntoIterator<Item = T>) -> Self {
        let tags = tags.into_iter().map(Into::into).collect();
        Self { tags, ..self }
    }

    /// The same with another weight.
    #[must_use]
    pub fn weight(self, weight: u32) -> Self {
        Self { weight, ..self }
    }

    /// The same with another number of retries.
    #[must_use]
    pub fn retries(self, retries: u32) -> Self {
        Self { retries, ..self }
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
            .field("class", &self.class)
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
    clean_ups: CleanUps,
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
        clean_ups: CleanUps,
    ) -> Self {
        Self {
            cancel,
            seed,
            notes,
            clean_ups,
        }
    }

    /// Announces something that the test must clean up, before it makes it. Without a proof that it did, the test is
    /// reported as leaky.
    pub fn must_clean_up(&self, what: impl Into<String>) -> CleanUp {
        self.clean_ups.announce(what.into())
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
