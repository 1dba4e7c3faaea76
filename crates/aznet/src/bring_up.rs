//! What `aznet up` does, and `aznet test --network` before its tests.

use std::path::PathBuf;
use std::time::Duration;

use aznet_cluster::parts::kubernetes::Minor;
use aznet_cluster::provider::Provider;
use aznet_model::plan::Plan;
use aznet_network::deploy::{self, Chart};
use aznet_network::namespace::{NamespaceError, Network, NewNetwork};
use aznet_network::observe::status::{NetworkStatus, collect};
use aznet_network::observe::telemetry::Arrival;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::cli::{MachineArgs, ValuesArgs};
use crate::clusters;
use crate::commands::down;
use crate::context::Context;
use crate::diff::{Change, changes};
use crate::failure::Failure;
use crate::forwarder::{self, Urls};
use crate::live::Live;
use crate::observe;
use crate::planning::{Planned, capacity, planned};
use crate::setup::{self, Extent, Ready};
use crate::steps::{Phase, Steps};
use crate::table::count;

/// The network that is wanted.
#[derive(Debug, Clone)]
pub(crate) struct Wanted<'a> {
    /// Its values.
    pub(crate) values: &'a ValuesArgs,
    /// Where it is to run.
    pub(crate) cluster: Provider,
    /// Its name.
    pub(crate) name: String,
    /// Which Kubernetes, if its cluster is to be made.
    pub(crate) kubernetes: Option<Minor>,
    /// How long it may live.
    pub(crate) ttl: Option<Duration>,
    /// What it may count on, if that is not the machine's own.
    pub(crate) machine: MachineArgs,
}

/// What became of it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Up {
    /// The network's name.
    pub(crate) name: String,
    /// Its namespace.
    pub(crate) namespace: String,
    /// Its cluster, as in `--cluster`.
    pub(crate) cluster: String,
    /// What was done.
    pub(crate) outcome: Outcome,
    /// Values that an upgrade changed.
    pub(crate) changes: Vec<Change>,
    /// The cluster's kubeconfig; `None`: the user's own.
    pub(crate) kubeconfig: Option<PathBuf>,
    /// URLs on this machine by environment variable.
    pub(crate) endpoints: Urls,
    /// What arrived of each node; empty without a Prometheus of its own.
    pub(crate) telemetry: Vec<Arrival>,
    /// The steps and how long they took.
    pub(crate) phases: Vec<Phase>,
    /// How long all of it took, in seconds.
    pub(crate) seconds: f64,
    /// How it is, where nothing had to be done.
    #[serde(skip)]
    pub(crate) status: Option<NetworkStatus>,
}

/// What `up` did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// Made it.
    Created,
    /// It was there with other values.
    Upgraded,
    /// It was there with these values.
    Unchanged,
}

/// Sees to it that the network runs as wanted, with everything that it needs.
pub(crate) async fn bring_up(wanted: &Wanted<'_>, context: &Context) -> anyhow::Result<Up> {
    let kubernetes = setup::kubernetes(context, &wanted.cluster, wanted.kubernetes)?;
    let steps = Steps::new(&context.printer);
    let extent = check_first(wanted, &steps, context).await?;
    context.interrupt.leaves(
        "what was built so far is kept",
        "the same command goes on from there",
    );
    let ready = setup::cluster(context, &steps, &wanted.cluster, extent, kubernetes).await?;
    remove_expired(&ready, context).await?;
    let planned = planned(context, wanted.values, ready.implied.as_ref())?;
    let work = Work {
        wanted,
        context,
        steps: &steps,
        ready: &ready,
        planned: &planned,
    };
    let existing = running(&ready.client, wanted).await?;
    let done = match existing {
        Some(network) => work.keep(network).await?,
        None => work.create().await?,
    };
    let telemetry = &planned.loaded.values.telemetry;
    let telemetry = observe::observe(telemetry, &done.network, &steps, context).await?;
    let endpoints = urls(wanted, &done.network, context).await;
    Ok(Up {
        name: wanted.name.clone(),
        namespace: done.network.namespace().to_owned(),
        cluster: wanted.cluster.to_string(),
        outcome: done.outcome,
        changes: done.changes,
        kubeconfig: ready.kubeconfig,
        endpoints,
        telemetry,
        phases: steps.phases(),
        seconds: steps.elapsed().as_secs_f64(),
        status: done.status,
    })
}

/// The network is up, with or without URLs.
async fn urls(wanted: &Wanted<'_>, network: &Network, context: &Context) -> Urls {
    let opened = forwarder::urls(context, &wanted.cluster, network).await;
    opened.unwrap_or_else(|error| {
        context
            .printer
            .warn(format_args!("no URLs on this machine: {error:#}"));
        Urls::new()
    })
}

/// Everything that can be found wrong before anything is built or started.
async fn check_first(
    wanted: &Wanted<'_>,
    steps: &Steps,
    context: &Context,
) -> anyhow::Result<Extent> {
    let step = steps.begin("plan", "working out the values");
    let check = async {
        let Planned { plan, loaded } = planned(context, wanted.values, None)?;
        if !is_there(wanted, context).await? && matches!(wanted.cluster, Provider::Embedded(_)) {
            let available = capacity(context, &wanted.cluster, wanted.machine).await?;
            plan.check_machine(&available)?;
        }
        let extent = if loaded.values.telemetry.collects() {
            Extent::Telemetry
        } else {
            Extent::Base
        };
        anyhow::Ok((plan, extent))
    };
    let (plan, extent) = check.await.inspect_err(|_| step.abandon())?;
    steps.end(
        &step,
        format!(
            "{}, {} of memory",
            count(plan.pods.len(), "pod"),
            plan.demand.memory
        ),
    );
    Ok(extent)
}

/// Whether the network runs already; an embedded cluster that does not run yet has none.
async fn is_there(wanted: &Wanted<'_>, context: &Context) -> anyhow::Result<bool> {
    let cluster = match clusters::connect(context, &wanted.cluster).await {
        Ok(cluster) => cluster,
        Err(_) if matches!(wanted.cluster, Provider::Embedded(_)) => return Ok(false),
        Err(error) => return Err(error),
    };
    Ok(running(&cluster.client, wanted).await?.is_some())
}

/// The network of this name on the cluster; one that someone else made is not ours to change.
async fn running(client: &kube::Client, wanted: &Wanted<'_>) -> anyhow::Result<Option<Network>> {
    let cluster = wanted.cluster.to_string();
    let all = Network::list(client, &cluster).await?;
    let Some(info) = all
        .into_iter()
        .find(|info| info.name == wanted.name && !info.leaving)
    else {
        return Ok(None);
    };
    if let Some(maker) = info.created_by.filter(|maker| *maker != me()) {
        let (name, namespace) = (info.name, info.namespace);
        return Err(NamespaceError::NameTaken {
            name,
            cluster,
            namespace,
            created_by: maker,
        }
        .into());
    }
    Ok(Some(
        Network::find(client.clone(), &cluster, Some(&info.namespace)).await?,
    ))
}

async fn remove_expired(ready: &Ready, context: &Context) -> anyhow::Result<()> {
    let cluster = ready.choice.to_string();
    for info in Network::list(&ready.client, &cluster).await? {
        if info.expired(Timestamp::now()) && !info.leaving {
            let network =
                Network::find(ready.client.clone(), &cluster, Some(&info.namespace)).await?;
            context
                .printer
                .note(format_args!("network {} has expired", info.name));
            down::remove(&network, context, context.interrupt.token()).await?;
        }
    }
    Ok(())
}

/// `user@host`, as networks name their maker.
fn me() -> String {
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid())
        .ok()
        .flatten();
    let user = user.map_or_else(|| nix::unistd::geteuid().to_string(), |user| user.name);
    let host = nix::unistd::gethostname().map_or_else(
        |_| "localhost".into(),
        |host| host.to_string_lossy().into_owned(),
    );
    format!("{user}@{host}")
}

/// A network on a cluster that is ready for it.
struct Work<'a> {
    wanted: &'a Wanted<'a>,
    context: &'a Context,
    steps: &'a Steps,
    ready: &'a Ready,
    planned: &'a Planned,
}

/// A network that is up.
struct Done {
    network: Network,
    outcome: Outcome,
    changes: Vec<Change>,
    status: Option<NetworkStatus>,
}

impl Work<'_> {
    async fn create(&self) -> anyhow::Result<Done> {
        let name = &self.wanted.name;
        self.context.interrupt.leaves(
            "nothing of the network is left",
            format!("`aznet up {name}` starts it"),
        );
        let new = NewNetwork {
            name: name.clone(),
            cluster: self.wanted.cluster.to_string(),
            ttl: self.wanted.ttl,
            created_by: me(),
        };
        let live = self.live();
        let source = self.context.source.charts().join("aztec-network");
        let chart = self.chart(&source);
        let client = self.ready.client.clone();
        let made = deploy::deploy(
            client,
            &new,
            &chart,
            self.deadline(),
            &live.reporter(),
            self.context.interrupt.token(),
        )
        .await;
        live.close(made.is_ok());
        Ok(Done {
            network: made?,
            outcome: Outcome::Created,
            changes: Vec::new(),
            status: None,
        })
    }

    /// The network runs: brings it to these values, or lets it be.
    async fn keep(&self, network: Network) -> anyhow::Result<Done> {
        let cancel = self.context.interrupt.token();
        let (helm, name, namespace) = (&self.ready.helm, network.name(), network.namespace());
        // First: an upgrade that was killed has written down values that the network never got.
        helm.recover(name, namespace, cancel).await?;
        let old = helm.values(name, namespace, cancel).await?;
        let old = old.unwrap_or_default();
        let changes = changes(
            &Value::Object(old),
            &Value::Object(self.planned.loaded.overlay.clone()),
        );
        if changes.is_empty() {
            return self.settle(network).await;
        }
        self.upgrade(network, changes).await
    }

    async fn upgrade(&self, network: Network, changes: Vec<Change>) -> anyhow::Result<Done> {
        let printer = &self.context.printer;
        printer.note(format_args!(
            "network {} runs with other values:",
            network.name()
        ));
        for change in &changes {
            printer.note(format_args!("  {change}"));
        }
        let cancel = self.context.interrupt.token();
        let source = self.context.source.charts().join("aztec-network");
        let chart = self.chart(&source);
        let committee = &self.planned.plan.committee;
        let preview = deploy::preview(&network, &chart, committee, cancel).await?;
        if preview.refused().next().is_some() {
            return Err(Failure::Refused {
                network: network.name().to_owned(),
                refused: preview.refused().cloned().collect(),
            }
            .into());
        }
        let restarts = preview.restarts();
        if !restarts.is_empty() {
            printer.note(format_args!("restarting {}", restarts.join(", ")));
        }
        let live = self.live();
        let report = live.reporter();
        let upgraded = deploy::upgrade(&network, &chart, self.deadline(), &report, cancel).await;
        live.close(upgraded.is_ok());
        upgraded?;
        Ok(Done {
            network,
            outcome: Outcome::Upgraded,
            changes,
            status: None,
        })
    }

    /// Nothing to change; it may still be starting.
    async fn settle(&self, network: Network) -> anyhow::Result<Done> {
        let mut status = collect(&network, Timestamp::now()).await?;
        if !status.ready {
            let live = self.live();
            let cancel = self.context.interrupt.token();
            let ready =
                deploy::until_ready(&network, self.deadline(), &live.reporter(), cancel).await;
            live.close(ready.is_ok());
            ready?;
            status = collect(&network, Timestamp::now()).await?;
        }
        Ok(Done {
            network,
            outcome: Outcome::Unchanged,
            changes: Vec::new(),
            status: Some(status),
        })
    }

    fn live(&self) -> Live {
        Live::new(self.steps, &self.context.interrupt, &self.wanted.name)
    }

    fn chart<'a>(&'a self, path: &'a std::path::Path) -> Chart<'a> {
        Chart {
            helm: &self.ready.helm,
            path,
            overlay: &self.planned.loaded.overlay,
        }
    }

    fn deadline(&self) -> Duration {
        deadline(&self.planned.plan)
    }
}

/// Warm-up, then time for every pod to start on a machine that is busy with the others.
pub(crate) fn deadline(plan: &Plan) -> Duration {
    let pods = u64::try_from(plan.pods.len()).unwrap_or(u64::MAX);
    Duration::from_secs(
        plan.timing
            .warm_up_seconds
            .saturating_add(600)
            .saturating_add(pods.saturating_mul(5)),
    )
}
