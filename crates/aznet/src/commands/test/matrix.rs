//! `aznet test --matrix`: topologies × conditions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aznet_network::deploy::Reporter;
use aznet_network::deploy::helm::Helm;
use aznet_network::load::Base;
use aznet_network::namespace::Network;
use aznet_runner::report::Grid;
use aznet_runner::{Failure, Selection, TestId};
use aznet_scenarios::condition::{CONDITIONS, Condition};
use aznet_scenarios::matrix::{self, Allows, Equip, Row};
use aznet_scenarios::topology::{Facts, TOPOLOGIES};
use aznet_scenarios::{Tools, UnderWay, Upgrade};
use futures::FutureExt;
use tokio::sync::OnceCell;

use super::args::TestArgs;
use super::choice::Choice;
use super::engine::{asked, execute, options, prepared};
use super::gate;
use super::list::list;
use super::network::{Site, of_network};
use super::pool::Pool;
use crate::args::ValuesArgs;
use crate::bring_up::cluster;
use crate::changing::Changing;
use crate::chaos_mesh;
use crate::context::Context;
use crate::exit::Exit;
use crate::lines;
use crate::planning::{Planned, planned, planned_on};
use crate::running::Running;
use crate::smoke::provide;
use crate::steps::Steps;

/// Undoing a fault has deadlines of its own; this is beyond all of them.
const UNDONE_WITHIN: Duration = Duration::from_mins(10);

/// Lists or runs the cells that are asked for.
pub(super) async fn run(args: &TestArgs, context: &Context) -> anyhow::Result<Exit> {
    let choice = Choice::of(args)?;
    let conditions = conditions(args);
    let pool = Pool::new(Site::of(args), context);
    let attached = attached(args, context).await?;
    let rows = match &attached {
        Some(attached) => vec![attached.row(args)],
        None => rows(args, &pool, context)?,
    };
    let under_way = UnderWay::default();
    let equip = equip(&under_way, context);
    let selection = choice.select(matrix::tests(&rows, &conditions, &equip))?;
    if args.list {
        return listed(&selection, &refusals(&rows, &conditions), context);
    }
    let baseline = prepared(args)?;
    let token = context.interrupt.token();
    // A network that is made anew for each topology is looked at by the tests themselves.
    let gate = attached.as_ref().map(|one| gate::of(&one.network, token));
    let options = options(args, &choice, gate, asked()?, context).await;
    let outcome = execute(
        args,
        selection,
        &options,
        (baseline.as_ref(), None),
        context,
    )
    .await;
    if !under_way.settled(UNDONE_WITHIN).await {
        let words = "faults may still be there; `aznet chaos clear NAME` lifts those of a network";
        context.printer.warn(words);
    }
    pool.clear().await?;
    outcome
}

fn listed(
    selection: &Selection,
    refusals: &BTreeMap<TestId, String>,
    context: &Context,
) -> anyhow::Result<Exit> {
    if context.printer.is_json() {
        list(selection, refusals, context)?;
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

fn conditions(args: &TestArgs) -> Vec<&'static Condition> {
    let wanted = &args.matrix.conditions;
    let named = |one: &&Condition| wanted.is_empty() || wanted.iter().any(|name| name == one.name);
    CONDITIONS.iter().filter(named).collect()
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
        Ok(Row {
            facts: Facts::of(&loaded.values, &plan),
            allows: Allows::Everything,
            shared: pool.shared(&topology),
            fresh: pool.fresh(&topology),
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
            allows: if args.disruptive {
                Allows::Disturbing
            } else {
                Allows::Looking
            },
            shared: provide(&self.network),
            fresh: provide(&self.network),
        }
    }
}

async fn attached(args: &TestArgs, context: &Context) -> anyhow::Result<Option<Attached>> {
    let Some(name) = &args.attach else {
        return Ok(None);
    };
    let (choice, network) = Site::of(args).open(Some(name), context).await?;
    let helm = cluster::attach(context, &choice).await?.helm;
    let Running { network, values } = Running::read(network, &helm, context).await?;
    let none = ValuesArgs {
        network: network.info().values_from.clone(),
        files: Vec::new(),
        set: Vec::new(),
    };
    let Planned { loaded, plan } = planned_on(Base::Release(&values), context, &none, None)?;
    let facts = Facts::of(&loaded.values, &plan);
    Ok(Some(Attached { network, facts }))
}

/// Installs Chaos Mesh when the first test needs it.
fn equip(under_way: &UnderWay, context: &Context) -> Equip {
    let tools: Arc<OnceCell<Tools>> = Arc::default();
    let (under_way, context) = (under_way.clone(), context.clone());
    Arc::new(move |network| {
        let (tools, under_way, context) = (tools.clone(), under_way.clone(), context.clone());
        async move {
            let made = tools.get_or_try_init(|| made(&network, under_way, &context));
            let made = made.await.cloned();
            made.map_err(|error| Failure::Infrastructure(format!("{error:#}")))
        }
        .boxed()
    })
}

async fn made(network: &Network, under_way: UnderWay, context: &Context) -> anyhow::Result<Tools> {
    let choice = network.info().cluster.parse()?;
    let steps = Steps::new(&context.printer);
    let ready = Box::pin(chaos_mesh::ready(context, &steps, &choice)).await?;
    Ok(Tools {
        upgrade: upgrade(&ready.helm, context),
        helm: ready.helm,
        chart: context.source.charts().join("aztec-chaos"),
        under_way,
    })
}

/// Changes networks as the other verbs do, without their tables: the test says what is seen.
fn upgrade(helm: &Helm, context: &Context) -> Upgrade {
    let (helm, context) = (helm.clone(), context.clone());
    Upgrade::new(move |network, sets, cancel| {
        let (helm, context) = (helm.clone(), context.clone());
        async move {
            let silent: Reporter = Arc::new(|_| {});
            let changing = Changing::prepare(&context, &helm, &network, sets).await;
            let made = match &changing {
                Ok(changing) => Box::pin(changing.make(&silent, &cancel)).await,
                Err(error) => return Err(format!("{error:#}")),
            };
            made.map_err(|error| format!("{error:#}"))
        }
        .boxed()
    })
}
