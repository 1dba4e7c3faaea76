//! `aznet list`.

use aznet_kit::error::chain;
use aznet_network::namespace::NetworkInfo;
use aznet_network::observe::summary::Summary;
use clap::Args;
use futures::future::join_all;
use jiff::Timestamp;
use serde::Serialize;

use crate::args::{ClusterArg, NamespaceArg, OutputArgs};
use crate::clusters::{self, Meant, Networks};
use crate::commands::status::between;
use crate::context::Context;
use crate::exit::Exit;
use crate::table::{Cell, Column, Table, doubtful, good};

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
    /// In which namespace.
    #[command(flatten)]
    pub namespace: NamespaceArg,
    /// How the result is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Lists the networks.
pub async fn run(args: &ListArgs, context: &Context) -> anyhow::Result<Exit> {
    let networks = clusters::networks(context, args.cluster.cluster.as_ref(), Meant::All).await?;
    let infos: Vec<NetworkInfo> = networks.infos().cloned().collect();
    let listed = join_all(infos.into_iter().map(|info| look(info, &networks, context))).await;
    if listed.is_empty() {
        context
            .printer
            .note("no network is running; `aznet up` starts one");
    }
    for info in networks.infos().filter(|info| info.by_helm) {
        let (name, namespace) = (&info.name, &info.namespace);
        context.printer.note(format_args!(
            "{name} was installed by plain Helm; `aznet adopt {namespace}` lets aznet change it"
        ));
    }
    if !listed.is_empty() || context.printer.is_json() {
        context.printer.result(&listed, |listed, page| {
            render(listed, Timestamp::now()).render(page)
        })?;
    }
    Ok(Exit::Ok)
}

/// A network and how far it is; nothing of that is known of one that is being removed, or can't be looked at.
#[derive(Debug, Serialize)]
struct Listed {
    #[serde(flatten)]
    info: NetworkInfo,
    #[serde(flatten)]
    summary: Option<Summary>,
}

async fn look(info: NetworkInfo, networks: &Networks, context: &Context) -> Listed {
    if info.leaving {
        return Listed {
            info,
            summary: None,
        };
    }
    let summary = summarize(&info, networks)
        .await
        .inspect_err(|error| context.printer.warn(chain(error.as_ref())))
        .ok();
    Listed { info, summary }
}

async fn summarize(info: &NetworkInfo, networks: &Networks) -> anyhow::Result<Summary> {
    let (_, network) = networks.open(Some(&info.namespace))?;
    Ok(Summary::of(&network).await?)
}

fn render(networks: &[Listed], now: Timestamp) -> Table {
    let mut table = Table::new([
        Column::text("name"),
        Column::text("cluster").yields(2),
        Column::text("namespace").yields(1),
        Column::text("state"),
        Column::number("age").yields(5),
        Column::text("expires").yields(4),
        Column::text("made by").yields(3),
    ]);
    for Listed { info, summary } in networks {
        let state = match (info.leaving, info.expired(now), summary) {
            (true, ..) => doubtful("being removed"),
            (false, true, _) => doubtful("expired"),
            (false, false, Some(Summary::Running)) => good("running"),
            (false, false, Some(summary)) => doubtful(summary),
            (false, false, None) => doubtful("unknown"),
        };
        let expires = info.expires.filter(|expires| *expires > now);
        table.row([
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::at_all_widths;

    #[test]
    fn networks_are_shown_at_a_glance() {
        let listed = |name: &str, summary, expires: Option<i64>| Listed {
            info: NetworkInfo {
                name: name.to_owned(),
                namespace: format!("aznet-{name}-x7k2p"),
                cluster: "embedded:default".to_owned(),
                created: Some(Timestamp::UNIX_EPOCH),
                expires: expires.map(|at| Timestamp::from_second(at).unwrap()),
                created_by: Some("ada@workstation".to_owned()),
                values_from: None,
                keeps_namespace: false,
                by_helm: false,
                port_base: None,
                good_revision: None,
                registry: None,
                leaving: false,
            },
            summary: Some(summary),
        };
        let networks = [
            listed("small", Summary::Running, None),
            listed(
                "of-a-longer-name",
                Summary::Incomplete {
                    ready: 3,
                    wanted: 12,
                },
                Some(7_200),
            ),
        ];
        let now = Timestamp::from_second(754).unwrap();
        insta::assert_snapshot!(at_all_widths(|page| render(&networks, now).render(page)));
    }
}
