//! `aznet forward NAME` (hidden): the process behind `aznet env`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use aznet_cluster::machine::process::Process;
use aznet_model::role::Role;
use aznet_network::clients::forward::{Forward, OnFailure, Target};
use aznet_network::namespace::Network;
use aznet_network::observe::endpoints::{Endpoint, endpoints};
use aznet_network::observe::pods::{COMPONENT, NETWORK_PODS};
use clap::Args;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use tokio::time::MissedTickBehavior;

use crate::clusters::{self, Meant};
use crate::context::Context;
use crate::exit::Exit;
use crate::forwarder::{Files, Record};
use crate::ports;
use aznet_cluster::provider::Provider;

/// Port of the nodes' admin RPC.
const ADMIN_PORT: u16 = 8880;
/// How often it looks whether its network is still there.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// A cluster that does not answer for so many looks is gone for good: ten minutes.
const PATIENCE: u32 = 200;

/// Arguments of `aznet forward`.
#[derive(Debug, Args)]
pub struct ForwardArgs {
    /// Namespace of the network.
    #[arg(value_name = "NAMESPACE")]
    pub namespace: String,
    /// Where it runs.
    #[arg(long, value_name = "CLUSTER")]
    pub cluster: Provider,
}

/// Forwards until the network is gone, or it is told to end.
pub async fn run(args: &ForwardArgs, context: &Context) -> anyhow::Result<Exit> {
    // It must not end with the terminal of whoever started it; fails if it leads a session already, which is as good.
    let _leads_already = nix::unistd::setsid();
    let files = Files::new(&context.paths, &args.namespace);
    let Some(lock) = files.lock()? else {
        return Ok(Exit::Ok);
    };
    let meant = Meant::One(Some(&args.namespace));
    let networks = clusters::networks(context, Some(&args.cluster), meant).await?;
    let (_, network) = networks.open(Some(&args.namespace))?;
    let ports = open_all(&network, &files, context).await?;
    let process = Process::this().context("reading /proc about this process")?;
    let record = Record {
        process,
        cluster: args.cluster.to_string(),
        network: network.name().to_owned(),
        base: network.info().port_base,
        ports,
    };
    files.write(&record)?;
    if until_gone(&network, args, context).await {
        files.remove(lock);
    }
    Ok(Exit::Ok)
}

/// Opens a port for everything that users talk to: the one of the network's row; where it has none, the one of before if
/// it is free.
async fn open_all(
    network: &Network,
    files: &Files,
    context: &Context,
) -> anyhow::Result<BTreeMap<String, u16>> {
    let before = files
        .record()
        .map(|record| record.ports)
        .unwrap_or_default();
    let mut ports = BTreeMap::new();
    for (variable, role, port) in wanted(network).await? {
        let fixed = network.info().port_base;
        let fixed = fixed.and_then(|base| ports::port(base, &variable));
        let wish = fixed.or_else(|| before.get(&variable).copied());
        let wish = wish.unwrap_or(0);
        let forward = match open(network, role, port, wish, context).await {
            Err(_) if wish != 0 && fixed.is_none() => open(network, role, port, 0, context).await?,
            other => other?,
        };
        ports.insert(variable, forward.local().port());
    }
    Ok(ports)
}

async fn open(
    network: &Network,
    role: Role,
    port: u16,
    local: u16,
    context: &Context,
) -> anyhow::Result<Forward> {
    let printer = context.printer.clone();
    let on_failure: OnFailure = Arc::new(move |error| printer.warn(error));
    let cancel = context.interrupt.token().clone();
    Ok(Forward::open(network, Target::Role(role), port, local, on_failure, cancel).await?)
}

/// Environment variable, role and port of what is to be open.
async fn wanted(network: &Network) -> anyhow::Result<Vec<(String, Role, u16)>> {
    let pods: Api<Pod> = Api::namespaced(network.client().clone(), network.namespace());
    let pods = pods
        .list(&ListParams::default().labels(NETWORK_PODS))
        .await
        .context("listing the network's pods")?;
    let role = |pod: &Pod| {
        pod.labels()
            .get(COMPONENT)
            .and_then(|name| Role::from_name(name))
    };
    let roles: Vec<Role> = pods.iter().filter_map(role).collect();
    let found = endpoints(network.namespace(), &roles);
    let admin = found.iter().find(|endpoint| endpoint.role.is_node());
    let admin = admin.map(|endpoint| ("AZTEC_ADMIN_URL".to_owned(), endpoint.role, ADMIN_PORT));
    let public = found.iter().map(
        |Endpoint {
             variable,
             role,
             port,
             ..
         }| ((*variable).to_owned(), *role, *port),
    );
    Ok(public.chain(admin).collect())
}

/// Whether the network is gone; `false` if this process was told to end.
async fn until_gone(network: &Network, args: &ForwardArgs, context: &Context) -> bool {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut silent = 0;
    loop {
        tokio::select! {
            () = context.interrupt.token().cancelled() => return false,
            _ = ticks.tick() => {}
        }
        match network.is_leaving().await {
            Ok(true) => return true,
            Ok(false) => silent = 0,
            Err(_)
                if silent >= PATIENCE || args.cluster.is_gone(&context.paths).unwrap_or(false) =>
            {
                return true;
            }
            Err(_) => silent += 1,
        }
    }
}
