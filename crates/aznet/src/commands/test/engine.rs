//! From selected tests to an exit code, whichever networks they run on.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use aznet_runner::event::Kind;
use aznet_runner::report::{Document, Human, Reporter, running};
use aznet_runner::{Event, ExitCode, Gate, Options, Selection, Stats, Summary, Test, Verdict};
use jiff::Timestamp;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use super::args::TestArgs;
use super::baseline;
use super::choice::Choice;
use super::commit;
use super::record::Record;
use super::reports::{self, Reports};
use crate::bundles::{Bundles, Bundling};
use crate::context::Context;
use crate::exit::Exit;
use crate::lines::{self, Lines};

/// What a test gets to clean up after its deadline or an interruption.
const GRACE: Duration = Duration::from_secs(20);
/// There is one network at a time: a machine that has room for one may not have it for two.
const NETWORKS: usize = 1;

/// Looks at what the run is compared with, and at where its report goes.
pub(super) fn prepared(args: &TestArgs) -> anyhow::Result<Option<Stats>> {
    let baseline = args.repetition.baseline.as_deref();
    let baseline = baseline.map(baseline::read).transpose()?;
    if let Some(folder) = &args.report.folder {
        reports::prepare(folder, args.report.force)?;
    }
    Ok(baseline)
}

/// Is notified by SIGUSR1. From now on that ends no run, also while its network starts.
pub(super) fn asked() -> anyhow::Result<Arc<Notify>> {
    let mut signals = signal(SignalKind::user_defined1()).context("listening to SIGUSR1")?;
    let asked = Arc::new(Notify::new());
    let notify = asked.clone();
    tokio::spawn(async move {
        while signals.recv().await.is_some() {
            notify.notify_one();
        }
    });
    Ok(asked)
}

/// The seed that is given, or another one each time.
pub(super) fn seed(args: &TestArgs) -> u64 {
    let anew = || u64::try_from(Timestamp::now().as_microsecond()).unwrap_or_default();
    args.seed.unwrap_or_else(anew)
}

pub(super) async fn options(
    args: &TestArgs,
    choice: &Choice,
    gate: Option<Gate>,
    asked: Arc<Notify>,
    context: &Context,
) -> Options {
    Options {
        now: Timestamp::now(),
        seed: seed(args),
        repeat: args.repetition.repeat,
        lasts: args.repetition.lasts.unwrap_or_default(),
        commit: commit::of(&context.source, context.interrupt.token()).await,
        dud_attacks: aznet_scenarios::dud_attacks(),
        max_fail: choice.max_fail(),
        capacity: choice.profile.capacity.get(),
        networks: NETWORKS,
        leaks: choice.profile.leaks,
        grace: GRACE,
        gate,
        asked,
    }
}

/// What became of a run.
pub(super) struct Outcome {
    pub(super) exit: Exit,
    pub(super) tests: Vec<Kind>,
}

/// Runs one test again, beside what is reported; how it ended.
pub(super) async fn verdict(test: Test, options: &Options, context: &Context) -> Verdict {
    let selection = Selection {
        selected: vec![test],
        left_out: 0,
        partition: None,
    };
    let once = Options {
        repeat: 1,
        lasts: Duration::ZERO,
        ..options.clone()
    };
    let mut human = Human::new(Lines::talk(&context.printer), true, true);
    let mut verdict = None;
    let mut hear = |event: &Event| {
        // That a line could not be printed says nothing of the test.
        let _ = human.event(event);
        if let Kind::TestFinished { verdict: ended, .. } = &event.kind {
            verdict = Some(ended.clone());
        }
    };
    aznet_runner::run(selection, &once, context.interrupt.token(), &mut hear).await;
    verdict.unwrap_or(Verdict::Infrastructure {
        message: "interrupted".to_owned(),
    })
}

/// Runs the selected tests, records and reports them.
pub(super) async fn execute(
    args: &TestArgs,
    selection: Selection,
    options: &Options,
    (baseline, bundling): (Option<&Stats>, Bundling),
    context: &Context,
) -> anyhow::Result<Outcome> {
    let mut record = Record::begin(&args.report, context)?;
    let folder = record.folder();
    let mut bundles = folder.map(|folder| Bundles::new(folder, bundling));
    let mut summary = Reports::of_job()?;
    let mut human = Human::new(Lines::new(&context.printer), true, true);
    let mut document = Document::default();
    let mut broken = None;
    let mut hear = |event: &Event| {
        if let Kind::Running { tests, queued } = &event.kind {
            context.printer.note(running(tests, *queued));
        }
        let told = document
            .event(event)
            .and_then(|()| human.event(event))
            .and_then(|()| summary.event(event))
            .and_then(|()| record.event(event));
        broken = broken.take().or(told.err());
        if let Some(bundles) = &mut bundles {
            bundles.event(event);
        }
    };
    let ended = aznet_runner::run(selection, options, context.interrupt.token(), &mut hear).await;
    if let Some(bundles) = bundles {
        bundles.finish(&context.printer).await;
    }
    if let Some(error) = broken {
        return Err(error).context("writing the report");
    }
    if !context.printer.is_json() {
        lines::grid(&document.matrix, true, &context.printer);
    }
    let worse = baseline.map(|baseline| document.statistics.worse_than(baseline));
    let worse = worse.unwrap_or_default();
    baseline::tell(&worse, context);
    if context.printer.is_json() {
        context
            .printer
            .json(&baseline::Compared::new(&document, &worse))?;
    }
    record.tell();
    let regressed =
        args.repetition.fail_on_regression && worse.iter().any(|one| one.kind.is_sure());
    Ok(Outcome {
        exit: exit(&ended, regressed),
        tests: document.tests,
    })
}

fn exit(summary: &Summary, regressed: bool) -> Exit {
    match summary.exit_code() {
        ExitCode::Passed if regressed => Exit::TestsFailed,
        ExitCode::Passed => Exit::Ok,
        ExitCode::NoTests => Exit::NoTest,
        ExitCode::Infrastructure => Exit::Unhealthy,
        ExitCode::Fault => Exit::Fault,
        ExitCode::Failed => Exit::TestsFailed,
        ExitCode::Interrupted => Exit::Interrupted,
    }
}

#[cfg(test)]
mod tests {
    use nix::sys::signal::{Signal, raise};

    use super::*;

    /// By default the signal ends the process.
    #[tokio::test]
    async fn sigusr1_is_a_question() {
        let asked = asked().expect("a signal to listen to");
        raise(Signal::SIGUSR1).expect("a signal to oneself");
        let heard = tokio::time::timeout(Duration::from_secs(10), asked.notified()).await;
        assert!(heard.is_ok(), "nobody was asked");
    }
}
