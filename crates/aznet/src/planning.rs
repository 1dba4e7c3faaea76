//! From the arguments to a plan that fits: what `plan`, `up` and `test --network` do first.

use anyhow::Context as _;
use aznet_cluster::machine::capacity::{self, Amount};
use aznet_cluster::provider::Provider;
use aznet_cluster::provider::embedded::RESERVED_CPU;
use aznet_model::plan::{Capacity, Plan, plan};
use aznet_model::units::{Bytes, MilliCpu};
use aznet_model::values::Loaded;
use aznet_network::load::{Base, Request, load};
use aznet_network::namespace::{Network, NetworkInfo};
use aznet_network::observe::capacity::{Cpu, Held};
use serde_json::Value;

use crate::args::{MachineArgs, ValuesArgs};
use crate::clusters::{self, Connected};
use crate::context::Context;
use crate::failure::Failure;
use crate::owner;

/// Values and what they mean.
#[derive(Debug, Clone)]
pub(crate) struct Planned {
    /// The values.
    pub(crate) loaded: Loaded,
    /// What they mean.
    pub(crate) plan: Plan,
}

/// Loads the values of a new network and works them out. `implied` is what the cluster implies, such as names of images.
pub(crate) fn planned(
    context: &Context,
    args: &ValuesArgs,
    implied: Option<&Value>,
) -> anyhow::Result<Planned> {
    planned_on(Base::Network(args.network()), context, args, implied)
}

/// Loads values that are laid over `base`, and works them out.
pub(crate) fn planned_on(
    base: Base<'_>,
    context: &Context,
    args: &ValuesArgs,
    implied: Option<&Value>,
) -> anyhow::Result<Planned> {
    let request = Request {
        source: context.source.root(),
        base,
        implied,
        files: &args.files,
        sets: &args.set,
    };
    let unusable = || format!("these values of network `{}` can't be used", args.network());
    let loaded = load(&request).with_context(unusable)?;
    let plan = plan(&loaded.values)
        .map_err(Failure::Impossible)
        .with_context(unusable)?;
    Ok(Planned { loaded, plan })
}

/// What pods may count on in an embedded cluster on this machine: as given; else what is available of the smaller of the
/// machine and of the cgroups that this process is in, less what pods have asked for already. What the pods of the
/// network `replaced` have counts as available.
pub(crate) async fn capacity(
    context: &Context,
    cluster: &Provider,
    given: MachineArgs,
    replaced: Option<&NetworkInfo>,
) -> anyhow::Result<Capacity> {
    let here = capacity::capacity().context("reading this machine's memory and CPU")?;
    let cluster = clusters::connect(context, cluster).await.ok();
    let held = match (&cluster, replaced) {
        (Some(cluster), Some(info)) => Held::by(&cluster.client, &info.namespace).await?,
        _ => Held::default(),
    };
    let memory = match given.memory {
        Some(memory) => memory,
        None => Bytes(counted(context, "memory", &here.memory)) + held.memory,
    };
    let cpu = match given.cpu {
        Some(cpu) => Cpu {
            in_all: cpu,
            free: cpu,
        },
        None => free_cpu(context, cluster.as_ref(), held.cpu, &here.cpu).await,
    };
    Ok(Capacity {
        memory,
        cpu: cpu.free,
        cpu_in_all: cpu.in_all,
    })
}

/// What the cluster has left without a network that holds `held` of it; where none runs, all that one on this machine
/// would have.
async fn free_cpu(
    context: &Context,
    cluster: Option<&Connected>,
    held: MilliCpu,
    here: &Amount,
) -> Cpu {
    let cores = MilliCpu(counted(context, "processor time", here));
    let cores = cores.saturating_sub(MilliCpu(RESERVED_CPU));
    let all = Cpu {
        in_all: cores,
        free: cores,
    };
    let there = match cluster {
        Some(cluster) => Cpu::of(&cluster.client).await.unwrap_or(all),
        None => all,
    };
    left(there, held, cores)
}

/// The network of ours that `up` would change rather than make another of this name; `None` where none is seen to run.
pub(crate) async fn replaced(
    context: &Context,
    cluster: &Provider,
    name: &str,
) -> Option<NetworkInfo> {
    let connected = clusters::connect(context, cluster).await.ok()?;
    let place = cluster.to_string();
    let all = Network::list(&connected.client, &place, &context.scope).await;
    clusters::running(all.ok()?, name).filter(owner::is_mine)
}

/// An amount to count on; says so if it is less than the machine's.
fn counted(context: &Context, what: &str, amount: &Amount) -> u64 {
    if let Some(group) = &amount.cgroup {
        let group = group.display();
        context.printer.note(format_args!(
            "{what} is limited by cgroup {group}: counted on is what it leaves, not the machine's"
        ));
    }
    amount.value
}

/// What a cluster has left without a network that holds `held` of it; never more than the machine has.
fn left(cluster: Cpu, held: MilliCpu, here: MilliCpu) -> Cpu {
    let in_all = cluster.in_all.min(here);
    Cpu {
        in_all,
        free: MilliCpu(cluster.free.0.saturating_add(held.0)).min(in_all),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// B5: `plan small --set validator.replicas=6` was refused while `small` ran, for it was counted beside itself.
    #[test]
    fn b05_a_network_that_is_replaced_leaves_its_processor_time() {
        let cluster = Cpu {
            in_all: MilliCpu(1700),
            free: MilliCpu(840),
        };
        let beside = left(cluster, MilliCpu(0), MilliCpu(1700));
        let instead = left(cluster, MilliCpu(860), MilliCpu(1700));
        assert_eq!((beside.free, instead.free), (MilliCpu(840), MilliCpu(1700)));
        let less = left(cluster, MilliCpu(860), MilliCpu(1000));
        assert_eq!((less.free, less.in_all), (MilliCpu(1000), MilliCpu(1000)));
    }
}
