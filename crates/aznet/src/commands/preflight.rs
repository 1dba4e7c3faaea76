//! `aznet preflight [NETWORK]`.

use std::collections::BTreeMap;

use alloy_primitives::Address;
use anyhow::Context as _;
use aznet_model::plan::{Need, Plan};
use aznet_network::namespace::Network;
use aznet_network::preflight::{Seen, Site, Verdict, check};
use aznet_network::secrets::{self, Unfit};
use clap::Args;
use owo_colors::OwoColorize;
use serde::Serialize;

use crate::args::{ClusterArg, NamespaceArg, OutputArgs, Place, ValuesArgs};
use crate::clusters;
use crate::context::Context;
use crate::exit::Exit;
use crate::page::Page;
use crate::planning::{Planned, planned};

const EXAMPLES: &str = "\
Examples:
  aznet preflight spartan --l1-url https://l1.example
  aznet preflight spartan --cluster context:lab --namespace spartan

It looks at what `aznet plan` lists as needed: the L1's chain id, that it takes the deployment's largest transaction, traces and blobs where they are needed, the balances of --account, and the Secrets in --namespace. URLs that are not given are those of the values; those in a Secret are not read. Nothing is sent or changed.

Exit code 3 when something is missing. What could not be looked at is said, and fails nothing.";

/// The L1 as this machine reaches it, and accounts on it.
#[derive(Debug, Clone, Args)]
pub struct L1Args {
    /// An execution client of the L1, as this machine reaches it. Repeatable.
    #[arg(
        long = "l1-url",
        value_name = "URL",
        env = "AZNET_L1_URL",
        hide_env_values = true
    )]
    pub execution: Vec<String>,
    /// A consensus client of the L1, as this machine reaches it. Repeatable.
    #[arg(
        long = "beacon-url",
        value_name = "URL",
        env = "AZNET_BEACON_URL",
        hide_env_values = true
    )]
    pub consensus: Vec<String>,
    /// An account that pays on the L1, and whose key it is: `boot-node` (which deploys), `validator`, `prover-node`. Repeatable.
    #[arg(long = "account", value_name = "HOLDER=ADDRESS", value_parser = account)]
    pub accounts: Vec<(String, Address)>,
}

/// Arguments of `aznet preflight`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct PreflightArgs {
    /// The network and what differs from it.
    #[command(flatten)]
    pub values: ValuesArgs,
    /// The L1, and who pays on it.
    #[command(flatten)]
    pub l1: L1Args,
    /// Where the Secrets are.
    #[command(flatten)]
    pub cluster: ClusterArg,
    /// In which namespace.
    #[command(flatten)]
    pub namespace: NamespaceArg,
    /// How the result is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Looks at all that the network needs.
pub async fn run(args: &PreflightArgs, context: &Context) -> anyhow::Result<Exit> {
    let planned = planned(context, &args.values, None)?;
    let place = Place {
        cluster: args.cluster.cluster.clone(),
        namespace: args.namespace.namespace.clone(),
    };
    let network = args.values.network();
    let seen = look(network, &planned, &args.l1, &place, context).await?;
    let unmet = seen.iter().any(|seen| seen.verdict.is_unmet());
    let document = Document { network, seen };
    context.printer.result(&document, render)?;
    Ok(if unmet { Exit::InvalidValues } else { Exit::Ok })
}

/// Looks at each need of a network that is to be called so.
pub(crate) async fn look(
    network: &str,
    planned: &Planned,
    l1: &L1Args,
    place: &Place,
    context: &Context,
) -> anyhow::Result<Vec<Seen>> {
    let values = &planned.loaded.values.l1;
    // A variable that is there and empty says nothing.
    let or = |given: &[String], theirs: &[String]| {
        let mut urls = given.to_vec();
        urls.retain(|url| !url.is_empty());
        if urls.is_empty() {
            urls = theirs.to_vec();
        }
        urls
    };
    let site = Site {
        execution: or(&l1.execution, &values.execution_urls),
        consensus: or(&l1.consensus, &values.consensus_urls),
        traces: values.trace_urls.clone(),
        accounts: by_holder(&l1.accounts),
        secrets: in_namespace(network, &planned.plan, place, context).await?,
    };
    let needs = planned.plan.needs.clone();
    let look = tokio::task::spawn_blocking(move || check(&needs, &site));
    look.await.context("looking at the L1")
}

/// What is wrong with the Secrets, where there is a namespace to look in.
async fn in_namespace(
    network: &str,
    plan: &Plan,
    place: &Place,
    context: &Context,
) -> anyhow::Result<Option<Vec<Unfit>>> {
    let Some(namespace) = place
        .namespace
        .as_ref()
        .filter(|_| !plan.secrets.is_empty())
    else {
        return Ok(None);
    };
    let choice = place.cluster.clone().unwrap_or_default();
    let client = clusters::connect(context, &choice).await?.client;
    let there = Network::unmade(client, network, namespace, &choice.to_string());
    Ok(Some(secrets::check(&there, &plan.secrets).await?.unfit))
}

fn by_holder(accounts: &[(String, Address)]) -> BTreeMap<String, Vec<Address>> {
    let mut by_holder: BTreeMap<String, Vec<Address>> = BTreeMap::new();
    for (holder, address) in accounts {
        by_holder.entry(holder.clone()).or_default().push(*address);
    }
    by_holder
}

fn account(text: &str) -> Result<(String, Address), String> {
    let expected = || "expected HOLDER=ADDRESS, e.g. `validator=0x7099…79C8`".to_owned();
    let (holder, address) = text.split_once('=').ok_or_else(expected)?;
    let address = address.parse().map_err(|_| expected())?;
    Ok((holder.to_owned(), address))
}

#[derive(Serialize)]
struct Document<'a> {
    network: &'a str,
    seen: Vec<Seen>,
}

/// Columns before what a need is.
const INDENT: usize = 11;

/// The list with what was seen.
fn render(document: &Document<'_>, page: Page) -> String {
    if document.seen.is_empty() {
        return format!("{}: nothing has to be there first", document.network.bold());
    }
    let lines = document
        .seen
        .iter()
        .map(|seen| page.wrap(&line(seen), INDENT));
    lines.collect::<Vec<_>>().join("\n")
}

fn line(seen: &Seen) -> String {
    let mark = match seen.verdict {
        Verdict::Met(_) => "✓".green().to_string(),
        Verdict::Unmet(_) => "✗".red().to_string(),
        Verdict::Unseen(_) => "?".yellow().to_string(),
    };
    let (need, words) = (&seen.need, seen.verdict.words());
    let said = match seen.verdict {
        Verdict::Unseen(_) => format!("not looked at: {words}"),
        _ => words.to_owned(),
    };
    format!("{mark} {:8} {}: {said}", Need::name(need), need)
}
