//! `aznet test --matrix`: topologies × conditions.

use std::collections::BTreeMap;
use std::sync::Arc;

use aznet_network::namespace::Network;
use aznet_runner::report::Grid;
use aznet_runner::{Selection, TestId};
use aznet_scenarios::condition::{CONDITIONS, Condition, ROLL_OUT};
use aznet_scenarios::matrix::{self, Allows, Row};
use aznet_scenarios::topology::{Facts, TOPOLOGIES};

use super::again;
use super::args::TestArgs;
use super::choice::Choice;
use super::engine::{asked, execute, options, prepared};
use super::gate;
use super::list::{Known, list};
use super::means::Means;
use super::network::{self, of_network, released};
use super::pool::Pool;
use super::regressions;
use crate::args::ValuesArgs;
use crate::bundles::Bundling;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::lines;
use crate::planning::{Planned, planned};
use crate::smoke::provide;

/// Lists or runs the cells that are asked for.
pub(super) async fn run(args: &TestArgs, context: &Context) -> anyhow::Result<Exit> {
    let choice = Choice::of(args)?;
    let conditions = conditions(args)?;
    let means = Means::new(args, context);
    let attached = attached(args, context).await?;
    let rows = match &attached {
        Some(attached) => vec![attached.row(args)],
        None => rows(args, &means.pool, context)?,
    };
    let mut tests = matrix::tests(&rows, &conditions, &means.equip);
    if is_whole(args) {
        tests.extend(regressions::tests(&means, context)?);
    }
    let selection = choice.select(tests)?;
    if args.list {
        return listed(&selection, &refusals(&rows, &conditions), context);
    }
    let baseline = prepared(args)?;
    let gate = attached.as_ref().map(|one| gate::of(&one.network));
    let gate = gate.unwrap_or_else(Pool::gate);
    let options = options(args, &choice, Some(gate), asked()?, context).await;
    let bundles = match &attached {
        Some(attached) => Bundling::of(&attached.network, again::anywhere(args)),
        None => means.bundles(args),
    };
    let with = (baseline.as_ref(), bundles);
    let outcome = execute(args, selection, &options, with, context).await;
    means.leave(context).await?;
    Ok(outcome?.exit)
}

/// Whether nothing of the matrix is left out: it has what once failed, too.
fn is_whole(args: &TestArgs) -> bool {
    let part = [&args.matrix.topologies, &args.matrix.conditions];
    args.network.is_none() && args.attach.is_none() && part.iter().all(|names| names.is_empty())
}

fn listed(
    selection: &Selection,
    refusals: &BTreeMap<TestId, String>,
    context: &Context,
) -> anyhow::Result<Exit> {
    if context.printer.is_json() {
        let known = Known {
            skipped: refusals.clone(),
            ..Known::default()
        };
        list(selection, &known, context)?;
        return Ok(Exit::Ok);
    }
    let tests = selection.selected.iter();
    let tests = tests.map(|test| (test.id.clone(), refusals.get(&test.id).cloned()));
    lines::grid(&Grid::selected(tests), false, &context.printer);
    Ok(Exit::Ok)
}

fn refusals(rows: &[Row], conditions: &[&'static Condition]) -> BTreeMap<TestId, String> {
    let cells = rows
        .iter()
        .flat_map(|row| conditions.iter().map(move |condition| (row, *condition)));
    cells
        .filter_map(|(row, condition)| {
            let reason = row.refusal(condition)?;
            Some((matrix::id(&row.topology, condition), reason))
        })
        .collect()
}

fn conditions(args: &TestArgs) -> Result<Vec<&'static Condition>, Failure> {
    let wanted = &args.matrix.conditions;
    let named = |one: &&Condition| wanted.is_empty() || wanted.iter().any(|name| name == one.name);
    let conditions: Vec<_> = CONDITIONS.iter().filter(named).collect();
    if args.matrix.roll_out.is_some() && conditions.iter().all(|one| one.name != ROLL_OUT) {
        return Err(Failure::NothingRolledOut);
    }
    Ok(conditions)
}

/// The network's values, with what is to be rolled out over them.
fn rolled_out(topology: &str, args: &TestArgs) -> ValuesArgs {
    ValuesArgs {
        files: args.matrix.roll_out.iter().cloned().collect(),
        ..of_network(topology)
    }
}

/// The topologies that are started for the run.
fn rows(args: &TestArgs, pool: &Pool, context: &Context) -> anyhow::Result<Vec<Row>> {
    let names = match &args.network {
        Some(network) => vec![network.clone()],
        None if args.matrix.topologies.is_empty() => {
            TOPOLOGIES.iter().map(|one| one.name.to_owned()).collect()
        }
        None => args.matrix.topologies.clone(),
    };
    let row = |topology: String| {
        let Planned { loaded, plan } = planned(context, &of_network(&topology), None)?;
        // What can't be had is said before anything starts.
        planned(context, &rolled_out(&topology, args), None)?;
        Ok(Row {
            facts: Facts::of(&loaded.values, &plan),
            allows: Allows::Everything,
            shared: pool.shared(&topology),
            fresh: pool.fresh(&topology),
            spoil: pool.spoil(),
            topology,
        })
    };
    names.into_iter().map(row).collect()
}

/// A network that was there before.
struct Attached {
    network: Network,
    facts: Facts,
}

impl Attached {
    fn row(&self, args: &TestArgs) -> Row {
        Row {
            topology: self.network.name().to_owned(),
            facts: self.facts.clone(),
            allows: match &args.matrix.roll_out {
                _ if !args.disruptive => Allows::Looking,
                Some(_) => Allows::RollingOut,
                None => Allows::Disturbing,
            },
            shared: provide(&self.network),
            fresh: provide(&self.network),
            // There is no other.
            spoil: Arc::new(|| ()),
        }
    }
}

async fn attached(args: &TestArgs, context: &Context) -> anyhow::Result<Option<Attached>> {
    if args.attach.is_none() {
        return Ok(None);
    }
    let network = network::attached(args, context).await?;
    let Planned { loaded, plan } = released(&network, &[], context).await?;
    released(&network, args.matrix.roll_out.as_slice(), context).await?;
    let facts = Facts::of(&loaded.values, &plan);
    Ok(Some(Attached { network, facts }))
}
