//! A run of one test that is made up, for tests of what a test's context does to its verdict.

use std::sync::Arc;
use std::time::Duration;

use aznet_runner::event::Kind;
use aznet_runner::verdict::Leaks;
use aznet_runner::{Context, Event, Failure, Options, Selection, Test, Verdict};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

/// What a run of this test tells.
pub(crate) async fn events_of<F, Fut>(body: F) -> Vec<Kind>
where
    F: Fn(Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), Failure>> + Send + 'static,
{
    let selection = Selection {
        selected: vec![Test::new("small", "a", "", body)],
        left_out: 0,
        partition: None,
    };
    let options = Options {
        now: Timestamp::UNIX_EPOCH,
        seed: 0,
        repeat: 1,
        lasts: Duration::ZERO,
        commit: None,
        dud_attacks: false,
        max_fail: None,
        capacity: 1,
        networks: 1,
        leaks: Leaks::Report,
        grace: Duration::ZERO,
        gate: None,
        asked: Arc::default(),
    };
    let mut heard = Vec::new();
    let mut hear = |event: &Event| heard.push(event.kind.clone());
    aznet_runner::run(selection, &options, &CancellationToken::new(), &mut hear).await;
    heard
}

/// How a run of this test ends.
pub(crate) async fn verdict_of<F, Fut>(body: F) -> Verdict
where
    F: Fn(Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), Failure>> + Send + 'static,
{
    let events = events_of(body).await;
    let verdict = events.into_iter().find_map(|kind| match kind {
        Kind::TestFinished { verdict, .. } => Some(verdict),
        _ => None,
    });
    verdict.expect("a test that finished")
}
