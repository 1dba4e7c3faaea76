//! Everything that can be found wrong before anything is built or started.

use aznet_cluster::provider::Provider;
use aznet_network::adopt::by_helm;
use aznet_network::namespace::{Network, NetworkInfo, Scope};

use super::parts::Extent;
use super::wanted::Wanted;
use crate::clusters;
use crate::context::Context;
use crate::forwarder;
use crate::owner;
use crate::planning::{Planned, capacity, planned};
use crate::ports;
use crate::running::Running;
use crate::steps::Steps;
use aznet_model::units::count;

/// Works out the values: of a network that runs, over those of its release.
pub(super) async fn check(
    wanted: &Wanted<'_>,
    steps: &Steps,
    context: &Context,
) -> anyhow::Result<Extent> {
    let step = steps.begin("plan", "evaluating the values");
    let planned = Box::pin(values(wanted, context))
        .await
        .inspect_err(|_| step.abandon())?;
    let Planned { plan, loaded } = planned;
    steps.end(
        &step,
        format!(
            "{}, {} of memory",
            count(plan.pods.len(), "pod"),
            plan.demand.memory
        ),
    );
    Ok(Extent::of(&loaded.values))
}

async fn values(wanted: &Wanted<'_>, context: &Context) -> anyhow::Result<Planned> {
    // What is wrong with the words themselves is wrong whatever runs.
    let anew = planned(context, wanted.values, None)?;
    let there = there(wanted, context).await?;
    if let Some(base) = wanted.port_base {
        let namespace = there.as_ref().map(Network::namespace);
        let own = namespace.and_then(|namespace| forwarder::process(&context.paths, namespace));
        ports::check(base, own)?;
    }
    if let Some(network) = there {
        let running = Running::read(network).await?;
        let wish = running.wish(context, wanted.values, wanted.reset, None)?;
        // What runs has its place; only what is to become of it may lack one.
        if !wish.changes.is_empty() {
            let info = Some(running.network.info());
            fits(&wish.planned, info, wanted, context).await?;
        }
        return Ok(wish.planned);
    }
    fits(&anew, None, wanted, context).await?;
    Ok(anew)
}

/// Refuses what a cluster on this machine has no room for, without the network `replaced`.
async fn fits(
    planned: &Planned,
    replaced: Option<&NetworkInfo>,
    wanted: &Wanted<'_>,
    context: &Context,
) -> anyhow::Result<()> {
    if wanted.cluster.is_local() {
        let available = capacity(context, &wanted.cluster, wanted.machine, replaced).await?;
        planned.plan.check_machine(&available)?;
    }
    Ok(())
}

/// The network, if it runs already; a cluster made here that does not run yet has none.
async fn there(wanted: &Wanted<'_>, context: &Context) -> anyhow::Result<Option<Network>> {
    let cluster = match clusters::connect(context, &wanted.cluster).await {
        Ok(cluster) => cluster,
        Err(_) if wanted.cluster.is_local() => return Ok(None),
        Err(error) => return Err(error),
    };
    // That its nodes are stopped, as after a reboot, only their engine knows.
    let is_kind = matches!(wanted.cluster, Provider::Kind(_));
    if is_kind && cluster.client.apiserver_version().await.is_err() {
        return Ok(None);
    }
    running(&cluster.client, wanted, &context.scope).await
}

/// The network of this name on the cluster; one that someone else made is not ours to change, unless it is taken over.
pub(super) async fn running(
    client: &kube::Client,
    wanted: &Wanted<'_>,
    scope: &Scope,
) -> anyhow::Result<Option<Network>> {
    let cluster = wanted.cluster.to_string();
    let all = Network::list(client, &cluster, scope).await?;
    if let (Scope::Namespace(_), true) = (scope, all.is_empty())
        && let Some(theirs) = by_helm(client, &cluster, scope, &all).await?.first()
    {
        clusters::adopted(theirs)?;
    }
    let Some(info) = clusters::running(all, &wanted.name) else {
        return Ok(None);
    };
    let info = owner::allowed(info, wanted.take_over)?;
    Ok(Some(Network::known(client.clone(), info)))
}
