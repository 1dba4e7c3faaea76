//! The network that tests run on: one that is up, or one that is started for them and removed afterwards.

use std::path::PathBuf;
use std::time::Duration;

use aznet_cluster::parts::kubernetes::Minor;
use aznet_cluster::provider::Provider;
use aznet_model::values::Values;
use aznet_network::load::Base;
use aznet_network::namespace::Network;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::args::TestArgs;
use crate::args::{MachineArgs, Place, ValuesArgs};
use crate::bring_up::{Manner, Wanted, bring_up};
use crate::clusters::{self, Meant};
use crate::context::Context;
use crate::failure::Failure;
use crate::healthy;
use crate::owner;
use crate::planning::{Planned, planned, planned_on};
use crate::remove;
use crate::report::on_place;
use crate::running::Running;

/// What a chain that stands still has to go on: on a busy machine a few slots in a row may have no checkpoint.
const TO_MOVE: Duration = Duration::from_mins(1);
/// A network that a killed run leaves is removed by a later `up`.
const TTL: Duration = Duration::from_hours(4);

/// Where a run starts networks, and what they may count on.
#[derive(Debug, Clone)]
pub(super) struct Site {
    cluster: Option<Provider>,
    namespace: Option<String>,
    kubernetes: Option<Minor>,
    machine: MachineArgs,
}

/// The network to test, brought up or one that is up, and its values.
pub(super) async fn network(
    args: &TestArgs,
    context: &Context,
) -> anyhow::Result<(Network, Option<Values>)> {
    let site = Site::of(args);
    let Some(name) = &args.network else {
        let network = attached(args, context).await?;
        let read = released(&network, &[], context).await;
        // Whoever may not read the release's Secret may test its network all the same.
        let read =
            read.inspect_err(|error| tracing::debug!("values of {}: {error:#}", network.name()));
        return Ok((network, read.ok().map(|planned| planned.loaded.values)));
    };
    let args = of_network(name);
    let values = planned(context, &args, None)?.loaded.values;
    let network = site.start(name, &args, context).await?;
    Ok((network, Some(values)))
}

/// A network that was there before, in a state to be tested, and ours if it is to be disturbed.
pub(super) async fn attached(args: &TestArgs, context: &Context) -> anyhow::Result<Network> {
    let name = args.attach.as_deref();
    let (_, network) = Site::of(args).open(name, context).await?;
    if args.list {
        return Ok(network);
    }
    let info = network.info();
    if args.disruptive && !owner::is_mine(info) {
        let (network, maker) = (info.name.clone(), owner::of(info).to_owned());
        return Err(Failure::Theirs { network, maker }.into());
    }
    let moving = healthy::moving(&network, TO_MOVE, context.interrupt.token()).await;
    moving.map_err(|wait| Failure::NotHealthy {
        network: network.name().to_owned(),
        wait,
    })?;
    Ok(network)
}

/// What a network that is up was made of, with these files over it.
pub(super) async fn released(
    network: &Network,
    files: &[PathBuf],
    context: &Context,
) -> anyhow::Result<Planned> {
    let Running { network, values } = Running::read(network.clone()).await?;
    let none = ValuesArgs {
        network: network.info().values_from.clone(),
        files: files.to_vec(),
        set: Vec::new(),
    };
    planned_on(Base::Release(&values), context, &none, None)
}

impl Site {
    pub(super) fn of(args: &TestArgs) -> Self {
        Self {
            cluster: args.cluster.cluster.clone(),
            namespace: args.namespace.namespace.clone(),
            kubernetes: args.kubernetes.kubernetes,
            machine: args.machine,
        }
    }

    /// The network of this name, and its cluster; without a name the only one.
    pub(super) async fn open(
        &self,
        name: Option<&str>,
        context: &Context,
    ) -> anyhow::Result<(Provider, Network)> {
        let cluster = self.cluster.as_ref();
        let networks = clusters::networks(context, cluster, Meant::One(name)).await?;
        Ok(networks.open(name)?)
    }

    /// A new network of these values, with a name of its own: neither somebody's network nor another run's is tested or
    /// removed by accident.
    pub(super) async fn start(
        &self,
        network: &str,
        values: &ValuesArgs,
        context: &Context,
    ) -> anyhow::Result<Network> {
        let name = format!("{network}-{}", suffix(Timestamp::now(), std::process::id()));
        let wanted = Wanted {
            values,
            cluster: self.cluster.clone().unwrap_or_default(),
            name: name.clone(),
            kubernetes: self.kubernetes,
            ttl: Some(TTL),
            reset: false,
            yes: false,
            take_over: false,
            port_base: None,
            manner: Manner::Attended,
            machine: self.machine,
        };
        if let Err(error) = Box::pin(bring_up(&wanted, context)).await {
            self.left(&name, context).await;
            return Err(error);
        }
        Ok(self.open(Some(&name), context).await?.1)
    }

    /// The network did not come up: it is kept to be looked at, and nobody else knows of it; after Ctrl-C it is removed.
    async fn left(&self, name: &str, context: &Context) {
        let Ok((_, network)) = self.open(Some(name), context).await else {
            return;
        };
        let printer = &context.printer;
        if context.interrupt.token().is_cancelled() {
            let removed = remove::network(&network, context, &CancellationToken::new()).await;
            if let Err(error) = removed {
                printer.warn(format_args!("network {name} stays: {error:#}"));
            }
            return;
        }
        let until = network.info().expires;
        let until = until.map_or_else(String::new, |end| format!(" until {end:.0}"));
        let text = format!(
            "network {name} is kept{until}, to be looked at; `aznet down {name}` removes it"
        );
        let place = Place {
            cluster: self.cluster.clone(),
            namespace: self.namespace.clone(),
        };
        printer.note(on_place(&text, &place));
    }
}

/// A network of `networks/` as it is.
pub(super) fn of_network(name: &str) -> ValuesArgs {
    ValuesArgs {
        network: Some(name.to_owned()),
        files: Vec::new(),
        set: Vec::new(),
    }
}

/// Names a run's network apart from those of other runs on the cluster.
fn suffix(now: Timestamp, process: u32) -> String {
    const DIGITS: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut rest =
        u64::try_from(now.as_microsecond()).unwrap_or_default() ^ u64::from(process) << 20;
    let digit = |_| {
        let digit = char::from(DIGITS[usize::try_from(rest % 36).unwrap_or_default()]);
        rest /= 36;
        digit
    };
    (0..6).map(digit).collect()
}
