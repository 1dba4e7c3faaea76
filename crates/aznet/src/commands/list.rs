//! `aznet list`.

use aznet_network::namespace::NetworkInfo;
use clap::Args;
use comfy_table::Cell;
use jiff::Timestamp;

use crate::cli::{ClusterArg, OutputArgs};
use crate::clusters;
use crate::commands::status::between;
use crate::context::Context;
use crate::exit::Exit;
use crate::table::{self, doubtful, good};

const EXAMPLES: &str = "\
Examples:
  aznet list
  aznet list -o json
  aznet list --cluster context:my-cluster";

/// Arguments of `aznet list`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ListArgs {
    /// Where to look (default: all embedded clusters).
    #[command(flatten)]
    pub cluster: ClusterArg,
    /// How the result is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Lists the networks.
pub async fn run(args: &ListArgs, context: &Context) -> anyhow::Result<Exit> {
    let networks = clusters::networks(context, args.cluster.cluster.as_ref()).await?;
    let infos: Vec<NetworkInfo> = networks.infos().cloned().collect();
    if infos.is_empty() {
        context
            .printer
            .note("no network is running; `aznet up` starts one");
    }
    if !infos.is_empty() || context.printer.is_json() {
        context.printer.result(&infos, |infos| {
            table::render(&render(infos, Timestamp::now()))
        })?;
    }
    Ok(Exit::Ok)
}

fn render(infos: &[NetworkInfo], now: Timestamp) -> comfy_table::Table {
    let mut table = table::table(&[
        "name",
        "cluster",
        "namespace",
        "state",
        ">age",
        "expires",
        "made by",
    ]);
    for info in infos {
        let state = match (info.leaving, info.expired(now)) {
            (true, _) => doubtful("being removed"),
            (false, true) => doubtful("expired"),
            (false, false) => good("running"),
        };
        let expires = info.expires.filter(|expires| *expires > now);
        table.add_row([
            Cell::new(&info.name),
            Cell::new(&info.cluster),
            Cell::new(&info.namespace),
            state,
            Cell::new(
                info.created
                    .map_or("-".to_owned(), |created| between(created, now).to_string()),
            ),
            Cell::new(expires.map_or("-".to_owned(), |expires| {
                format!("in {}", between(now, expires))
            })),
            Cell::new(info.created_by.as_deref().unwrap_or("-")),
        ]);
    }
    table
}
