//! What `aznet up` does, and `aznet test --network` before its tests: machine → parts → cluster → network.

mod asked;
pub(crate) mod cluster;
mod images;
pub(crate) mod machine;
pub(crate) mod network;
pub(crate) mod parts;
mod proof;
mod wanted;

use anyhow::Context as _;
use aznet_cluster::parts::kubernetes::Minor;
use aznet_cluster::provider::Provider;
use aznet_network::namespace::{Network, PORT_BASE};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

pub(crate) use self::wanted::{Manner, Outcome, Up, Wanted};

use self::cluster::{Check, Ready};
use self::network::Done;
use self::parts::Extent;
use crate::context::Context;
use crate::forwarder::{self, Urls};
use crate::joining;
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
    let done = Box::pin(network_while_checked(
        wanted, &ready, check, &steps, context,
    ))
    .await?;
    let telemetry =
        observe::observe(&done.values.telemetry, &done.network, &steps, context).await?;
    let (network, values) = (&done.network, &done.values);
    let joining = joining::up_to_date(network, values, &ready.helm, &steps, context).await;
    let endpoints = match wanted.manner {
        Manner::Attended => urls(wanted, &done, context).await?,
        Manner::Unattended(_) => Urls::new(),
    };
    Ok(Up {
        name: wanted.name.clone(),
        namespace: done.network.namespace().to_owned(),
        cluster: wanted.cluster.to_string(),
        outcome: done.outcome,
        changes: done.changes,
        kept: done.kept,
        proof: done.proof,
        kubeconfig: ready.kubeconfig,
        endpoints,
        telemetry,
        joining,
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
    let network = Box::pin(network::bring_up(wanted, ready, steps, context));
    let check = check.run(context, steps);
    while_checked(network, check, context.interrupt.token()).await
}

/// What `network` comes to, if nothing is wrong with its cluster: the first failure of either ends both.
async fn while_checked<T>(
    network: impl Future<Output = anyhow::Result<T>>,
    check: impl Future<Output = anyhow::Result<()>>,
    interrupted: &CancellationToken,
) -> anyhow::Result<T> {
    let (mut network, mut check) = (Box::pin(network), Box::pin(check));
    let checked = tokio::select! {
        checked = &mut check => checked,
        done = &mut network => {
            let (done, checked) = (done?, check.await);
            return checked.map(|()| done);
        }
    };
    // An interrupted network cleans up, and says what is left; one on a cluster that does not work has no prospects.
    if !interrupted.is_cancelled() {
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
        Provider::Kind(choice) => {
            machine::ready_for_kind(context, steps).await?;
            let parts = Box::pin(parts::for_kind(context, steps, choice, Some(extent))).await?;
            cluster::of_kind(context, steps, choice, &parts).await
        }
    }
}

/// The first port of a network's URLs, and whether that is to be noted: what is given, else what the network remembers.
fn base(given: Option<u16>, known: Option<u16>) -> (Option<u16>, bool) {
    let base = given.or(known);
    (base, base != known)
}

/// The network is up, with or without URLs, unless somebody counts on their ports. Those are the network's: whoever
/// opens its URLs later, here or elsewhere, opens the same.
async fn urls(wanted: &Wanted<'_>, done: &Done, context: &Context) -> anyhow::Result<Urls> {
    let network = &done.network;
    let (base, new) = base(wanted.port_base, network.info().port_base);
    if new {
        let note = base.map(|base| base.to_string());
        network.annotate(&[(PORT_BASE, note)]).await?;
    }
    if let Some(base) = base
        && new
        && done.outcome != Outcome::Created
    {
        context.printer.note(format_args!(
            "the network's URLs have other ports now, from {base} on"
        ));
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

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::atomic::{AtomicBool, Ordering};

    use anyhow::anyhow;

    use super::*;

    fn never() -> CancellationToken {
        CancellationToken::new()
    }

    #[tokio::test]
    async fn a_cluster_that_fails_its_check_ends_the_network_that_starts_on_it() {
        let check = async { Err(anyhow!("coredns has no ready pod")) };
        let ended = while_checked(pending::<anyhow::Result<()>>(), check, &never()).await;
        assert_eq!(ended.unwrap_err().to_string(), "coredns has no ready pod");
        let check = async {
            tokio::task::yield_now().await;
            Err(anyhow!("coredns has no ready pod"))
        };
        let ended = while_checked(async { Ok(1) }, check, &never()).await;
        let error = ended.expect_err("a network that is up on a cluster that does not work");
        assert_eq!(error.to_string(), "coredns has no ready pod");
    }

    #[tokio::test]
    async fn a_network_that_fails_does_not_wait_for_the_check() {
        let network = async { Err::<(), _>(anyhow!("validator-0 ended")) };
        let ended = while_checked(network, pending(), &never()).await;
        assert_eq!(ended.unwrap_err().to_string(), "validator-0 ended");
        let both = while_checked(async { Ok(7) }, async { Ok(()) }, &never()).await;
        assert_eq!(both.unwrap(), 7);
    }

    #[tokio::test]
    async fn an_interrupted_network_cleans_up_though_the_check_has_ended() {
        let (cleaned, interrupted) = (AtomicBool::new(false), never());
        interrupted.cancel();
        let network = async {
            tokio::task::yield_now().await;
            cleaned.store(true, Ordering::Relaxed);
            Err::<(), _>(anyhow!("interrupted"))
        };
        let check = async { Err(anyhow!("interrupted while checking")) };
        let ended = while_checked(network, check, &interrupted).await;
        assert_eq!(ended.unwrap_err().to_string(), "interrupted");
        assert!(cleaned.load(Ordering::Relaxed));
    }

    #[test]
    fn a_port_base_is_remembered_until_another_is_given() {
        assert_eq!(base(None, Some(9_000)), (Some(9_000), false));
        assert_eq!(base(Some(9_000), Some(9_000)), (Some(9_000), false));
        assert_eq!(base(Some(9_100), Some(9_000)), (Some(9_100), true));
        assert_eq!(base(Some(9_000), None), (Some(9_000), true));
        assert_eq!(base(None, None), (None, false));
    }
}
