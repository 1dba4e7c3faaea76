//! `aznet test [FILTER]…`.

mod again;
mod args;
mod baseline;
mod choice;
mod commit;
mod engine;
mod gate;
mod generate;
mod list;
mod matrix;
mod means;
mod network;
mod pool;
mod record;
mod regressions;
mod reports;
mod retention;
mod settings;

use std::sync::Arc;

use aznet_runner::{Class, Failure, Selection, Test};
use aznet_scenarios::Provide;
use futures::FutureExt;
use tokio_util::sync::CancellationToken;

pub use self::args::TestArgs;
use self::choice::Choice;
use self::engine::{asked, execute, options, prepared};
use self::list::{Known, list};
use self::means::Means;
use self::network::of_network;
use crate::bundles::Bundling;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure as Refusal;
use crate::planning::planned;
use crate::remove;
use crate::smoke::provide;

/// The network that unattached tests are listed for.
const USUAL: &str = "small";

/// Lists or runs tests; exit code 4 when none is selected or all were skipped, 100 when one failed, 22 when one could not be run.
pub async fn run(args: &TestArgs, context: &Context) -> anyhow::Result<Exit> {
    if args.generate.wanted {
        return Box::pin(generate::run(args, context)).await;
    }
    if args.matrix.wanted {
        return Box::pin(matrix::run(args, context)).await;
    }
    let nothing: Provide = Arc::new(|| async { Err(Failure::skipped("no network")) }.boxed());
    let label = args
        .network
        .as_deref()
        .or(args.attach.as_deref())
        .unwrap_or(USUAL);
    let choice = Choice::of(args)?;
    let means = Means::new(args, context);
    let kept = match (&args.network, &args.attach) {
        (None, None) => regressions::tests(&means, context)?,
        _ => Vec::new(),
    };
    let tests = [aznet_scenarios::tests(label, &nothing, None), kept.clone()].concat();
    let selection = choice.select(tests)?;
    if args.list {
        list(&selection, &Known::default(), context)?;
        return Ok(Exit::Ok);
    }
    if selection.selected.iter().all(has_its_own) {
        return Box::pin(regressions::run(
            args,
            (&choice, selection),
            &means,
            context,
        ))
        .await;
    }
    let selection = allowed(args, selection, context)?;
    Box::pin(on_one(args, (&choice, selection, kept), context)).await
}

/// Runs the tests of one network.
async fn on_one(
    args: &TestArgs,
    (choice, selection, kept): (&Choice, Selection, Vec<Test>),
    context: &Context,
) -> anyhow::Result<Exit> {
    let baseline = prepared(args)?;
    check_needs(args, &selection, context)?;
    let asked = asked()?;
    let (network, values) = Box::pin(network::network(args, context)).await?;
    let name = args.network.as_deref().unwrap_or(network.name());
    let tests = aznet_scenarios::tests(name, &provide(&network), values.as_ref());
    let tests = [tests, kept].concat();
    let selection = leaving_alone(args, choice.select(tests)?).0;
    let gate = gate::of(&network);
    let options = options(args, choice, Some(gate), asked, context).await;
    let again = again::on(args, network.name());
    let with = (baseline.as_ref(), Bundling::of(&network, again));
    let outcome = execute(args, selection, &options, with, context).await;
    if args.network.is_some() {
        // Also after Ctrl-C: nobody else knows of this network.
        remove::network(&network, context, &CancellationToken::new()).await?;
    }
    Ok(outcome?.exit)
}

/// The tests that may run; those that may not are named, and where that is all of them nothing begins.
fn allowed(args: &TestArgs, selection: Selection, context: &Context) -> anyhow::Result<Selection> {
    let (selection, [disturbing, own]) = leaving_alone(args, selection);
    if selection.selected.is_empty() {
        return Err(Refusal::Disturbing { tests: disturbing }.into());
    }
    let note = |tests: Vec<String>, why: &str, but: &str| {
        if !tests.is_empty() {
            let tests = tests.join(", ");
            let printer = &context.printer;
            printer.note(format_args!(
                "left out, since {why}: {tests}; {but} runs them"
            ));
        }
    };
    let disturb = "they disturb a network that was there before";
    note(disturbing, disturb, "--disruptive");
    note(
        own,
        "each has a network of its own",
        "`aznet test regression`",
    );
    Ok(selection)
}

/// Whether a test has a network of its own, whichever others run on.
fn has_its_own(test: &Test) -> bool {
    test.class == Class::Own
}

/// Without tests that disturb a network that was there before, unless they were asked for, and without those that run on
/// none that others run on; and the names of both.
fn leaving_alone(args: &TestArgs, mut selection: Selection) -> (Selection, [Vec<String>; 2]) {
    let may_disturb = args.network.is_some() || args.disruptive;
    let all = std::mem::take(&mut selection.selected);
    let (own, all): (Vec<_>, Vec<_>) = all.into_iter().partition(has_its_own);
    let (quiet, disturbing): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|test| may_disturb || test.class == Class::Observe);
    selection.left_out += disturbing.len() + own.len();
    selection.selected = quiet;
    let disturbing = disturbing.into_iter().map(|test| test.id.name);
    let own = own.into_iter().map(|test| test.id.to_string());
    (selection, [disturbing.collect(), own.collect()])
}

/// Nothing is started for tests all of which would be skipped.
fn check_needs(args: &TestArgs, selection: &Selection, context: &Context) -> anyhow::Result<()> {
    let Some(network) = &args.network else {
        return Ok(());
    };
    let values = planned(context, &of_network(network), None)?.loaded.values;
    let tests = selection.selected.iter();
    let lacking: Vec<String> = tests
        .filter_map(|test| {
            let what = aznet_scenarios::lacks(&test.id.name, &values)?;
            Some(format!("{} needs {what}", test.id.name))
        })
        .collect();
    if lacking.len() < selection.selected.len() {
        return Ok(());
    }
    let network = network.clone();
    Err(Refusal::NothingToTest { network, lacking }.into())
}
