//! What `aznet up` does, and `aznet test --network` before its tests: machine → parts → cluster → network.

mod asked;
pub(crate) mod cluster;
pub(crate) mod machine;
pub(crate) mod network;
pub(crate) mod parts;
mod wanted;

use anyhow::Context as _;
use aznet_cluster::parts::kubernetes::Minor;
use aznet_cluster::provider::Provider;
use aznet_network::namespace::{Network, PORT_BASE};
use jiff::Timestamp;

pub(crate) use self::wanted::{Outcome, Up, Wanted};

use self::cluster::{Check, Ready};
use self::network::Done;
use self::parts::Extent;
use crate::context::Context;
use crate::forwarder::{self, Urls};
use crate::observe;
use crate::owner;
use crate::remove;
use crate::steps::Steps;

/// Sees to it that the network runs as wanted, with everything that it needs.
pub(crate) async fn bring_up(wanted: &Wanted<'_>, context: &Context) -> anyhow::Result<Up> {
    let kubernetes = parts::kubernetes(context, &wanted.cluster, wanted.kubernetes)?;
    let steps = Steps::new(&context.printer);
    let extent = asked::check(wanted, &steps, context).await?;
    let (ready, check) = cluster_for(wanted, extent, kubernetes, &steps, context).await?;
    remove_expired(&ready, context).await;
    let done = network_while_checked(wanted, &ready, check, &steps, context).await?;
    let telemetry = observe::observe(&done.telemetry, &done.network, &steps, context).await?;
    let endpoints = urls(wanted, &done.network, context).await?;
    Ok(Up {
        name: wanted.name.clone(),
        namespace: done.network.namespace().to_owned(),
        cluster: wanted.cluster.to_string(),
        outcome: done.outcome,
        changes: done.changes,
        kept: done.kept,
        kubeconfig: ready.kubeconfig,
        endpoints,
        telemetry,
        phases: steps.phases(),
        seconds: steps.elapsed().as_secs_f64(),
        status: done.status,
    })
}

/// The network starts while its cluster is checked: pods that wait for each other cost the check nothing.
async fn network_while_checked(
    wanted: &Wanted<'_>,
    ready: &Ready,
    check: Check,
    steps: &Steps,
    context: &Context,
) -> anyhow::Result<Done> {
    let mut network = Box::pin(network::bring_up(wanted, ready, steps, context));
    let mut check = Box::pin(check.run(context, steps));
    let checked = tokio::select! {
        checked = &mut check => checked,
        done = &mut network => {
            let (done, checked) = (done?, check.await);
            return checked.map(|()| done);
        }
    };
    // An interrupted network cleans up, and says what is left; one on a cluster that does not work has no prospects.
    if !context.interrupt.token().is_cancelled() {
        checked?;
        return network.await;
    }
    let done = network.await?;
    checked.map(|()| done)
}

/// Machine → parts → cluster, as far as the cluster is ours to make.
async fn cluster_for(
    wanted: &Wanted<'_>,
    extent: Extent,
    kubernetes: Minor,
    steps: &Steps,
    context: &Context,
) -> anyhow::Result<(Ready, Check)> {
    match &wanted.cluster {
        Provider::Context(_) => cluster::existing(context, steps, &wanted.cluster).await,
        Provider::Embedded(name) => {
            machine::ready(context, steps).await?;
            let parts = parts::ready(context, steps, extent, kubernetes).await?;
            cluster::embedded(context, steps, name, &parts).await
        }
    }
}

/// The network is up, with or without URLs, unless somebody counts on their ports. Those are the network's: whoever
/// opens its URLs later, here or elsewhere, opens the same.
async fn urls(wanted: &Wanted<'_>, network: &Network, context: &Context) -> anyhow::Result<Urls> {
    let known = network.info().port_base;
    let base = wanted.port_base.or(known);
    if base != known {
        let note = base.map(|base| base.to_string());
        network.annotate(&[(PORT_BASE, note)]).await?;
    }
    match forwarder::urls(context, &wanted.cluster, network, base).await {
        Err(error) if base.is_none() => {
            let printer = &context.printer;
            printer.warn(format_args!("no URLs on this machine: {error:#}"));
            Ok(Urls::new())
        }
        opened => opened.with_context(|| format!("network {} is up without URLs", network.name())),
    }
}

/// Removes networks of ours whose time is over; one that can't be removed keeps nobody from another.
async fn remove_expired(ready: &Ready, context: &Context) {
    if let Err(error) = try_remove_expired(ready, context).await {
        context
            .printer
            .warn(format_args!("an expired network stays: {error:#}"));
    }
}

async fn try_remove_expired(ready: &Ready, context: &Context) -> anyhow::Result<()> {
    let cluster = ready.choice.to_string();
    for info in Network::list(&ready.client, &cluster, &context.scope).await? {
        if !info.expired(Timestamp::now()) || info.leaving {
            continue;
        }
        if !owner::is_mine(&info) {
            let (name, maker) = (&info.name, owner::of(&info));
            context
                .printer
                .note(format_args!("network {name} of {maker} has expired"));
            continue;
        }
        let network = Network::known(ready.client.clone(), info.clone());
        context
            .printer
            .note(format_args!("network {} has expired", info.name));
        remove::network(&network, context, context.interrupt.token()).await?;
    }
    Ok(())
}
