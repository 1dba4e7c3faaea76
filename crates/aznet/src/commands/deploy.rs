//! `aznet deploy [NETWORK]`.

use std::time::Duration;

use aznet_kit::time::Seconds;
use aznet_model::plan::Need;
use aznet_model::units::count;
use aznet_network::preflight::{Seen, Verdict};
use clap::Args;
use owo_colors::OwoColorize;

use crate::args::{
    ClusterArg, MachineArgs, NamespaceArg, OutputArgs, Place, ValuesArgs, network_name,
};
use crate::bring_up::{Manner, Outcome, Up, Wanted, bring_up};
use crate::commands::preflight::{L1Args, look};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::page::Page;
use crate::planning::planned;
use crate::smoke::Smoke;

const EXAMPLES: &str = "\
Examples:
  aznet deploy staging --cluster context:aznet-staging -f images.yaml --yes
  aznet deploy small --set validator.replicas=6
  aznet deploy small --smoke 'test(=chain)'

The network becomes what its files and this command line say: what an earlier deployment said besides is dropped. It is `aznet up --reset`, and then the network must be ready, as `aznet status` judges it, and pass a test: by default `transfer`, or `chain` where there is no wallet server. If it does not, its release goes back to the revision that was good, and the exit code says why: 21 not up, 22 not healthy, 100 the test failed. A new network has no such revision and is left to be looked at.

Where the L1 is not the chart's own, what `aznet preflight` looks at must be there first, as far as it can be looked at.\n\nIt does not wait while another run changes the network, but ends with exit code 21. What a killed run left half-made is undone first. After Ctrl-C nothing is taken back.";

/// Arguments of `aznet deploy`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct DeployArgs {
    /// The network and what differs from it.
    #[command(flatten)]
    pub values: ValuesArgs,
    /// Where it runs.
    #[command(flatten)]
    pub cluster: ClusterArg,
    /// In which namespace.
    #[command(flatten)]
    pub namespace: NamespaceArg,
    /// Name of the network (default: NETWORK).
    #[arg(long, value_name = "NAME", value_parser = network_name)]
    pub name: Option<String>,
    /// The L1, and who pays on it: where it is not the chart's own, what is needed of it is looked at first.
    #[command(flatten)]
    pub l1: L1Args,
    /// The tests that must pass: an expression, as for `aznet test -E`. They may only look on.
    #[arg(long, value_name = "EXPR")]
    pub smoke: Option<String>,
    /// Do what can't be undone without asking.
    #[arg(long, short = 'y')]
    pub yes: bool,
    /// Change the network even if someone else made it, and make it yours.
    #[arg(long)]
    pub take_over: bool,
    /// How the result is printed.
    #[command(flatten)]
    pub output: OutputArgs,
    /// What to count on.
    #[command(flatten)]
    pub machine: MachineArgs,
}

/// Deploys the network; what does not stand its test is taken back.
pub async fn run(args: &DeployArgs, context: &Context) -> anyhow::Result<Exit> {
    let network = args.values.network();
    let wanted = Wanted {
        values: &args.values,
        cluster: args.cluster.cluster.clone().unwrap_or_default(),
        name: args.name.clone().unwrap_or_else(|| network.to_owned()),
        kubernetes: None,
        ttl: None,
        reset: true,
        yes: args.yes,
        take_over: args.take_over,
        port_base: None,
        manner: Manner::Unattended(Smoke::of(args.smoke.as_deref())?),
        machine: args.machine,
    };
    let place = Place {
        cluster: args.cluster.cluster.clone(),
        namespace: args.namespace.namespace.clone(),
    };
    preflight(args, &place, context).await?;
    let up = Box::pin(bring_up(&wanted, context)).await?;
    context
        .printer
        .result(&up, |up, page| render(up, &place, page))?;
    Ok(Exit::Ok)
}

/// Nothing is spent for what can't work: what is needed of an L1 that costs money is looked at first.
async fn preflight(args: &DeployArgs, place: &Place, context: &Context) -> anyhow::Result<()> {
    let planned = planned(context, &args.values, None)?;
    if !planned.plan.needs.iter().any(Need::is_of_l1) {
        return Ok(());
    }
    let network = args.values.network();
    let seen = look(network, &planned, &args.l1, place, context).await?;
    let mut unmet = Vec::new();
    for Seen { need, verdict } in &seen {
        let words = verdict.words();
        match verdict {
            Verdict::Met(_) => {}
            Verdict::Unmet(_) => unmet.push(format!("{need}: {words}")),
            Verdict::Unseen(_) => {
                let note = format_args!("not looked at: {need}: {words}");
                context.printer.note(note);
            }
        }
    }
    if unmet.is_empty() {
        return Ok(());
    }
    let network = network.to_owned();
    Err(Failure::Unmet { network, unmet }.into())
}

fn render(up: &Up, place: &Place, page: Page) -> String {
    let done = match up.outcome {
        Outcome::Created => "deployed",
        Outcome::Upgraded => "deployed with its new values",
        Outcome::Unchanged => "as deployed before, nothing changed",
    };
    let took = Seconds(Duration::from_secs_f64(up.seconds));
    let mut lines = vec![format!("network {} is {done}, in {took}", up.name.bold())];
    if let Some(proof) = &up.proof {
        let tests = count(proof.smoke.len(), "test");
        let revision = &proof.revision;
        lines.push(format!("revision   {revision}, ready, {tests} passed"));
        let registry = proof.registry.iter();
        lines.extend(registry.map(|address| format!("registry   {address}")));
    }
    lines.push(format!("namespace  {} on {}", up.namespace, up.cluster));
    if let Some(served) = &up.joining {
        let url = &served.url;
        lines.push(format!("bundles    {url}, for those who join"));
    }
    let (name, flags) = (&up.name, place.flags());
    lines.push(format!(
        "`aznet status {name}{flags}` shows how it is doing"
    ));
    page.wrap(&lines.join("\n"), 11)
}
