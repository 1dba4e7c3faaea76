//! From the arguments to a plan that fits: what `plan`, `up` and `test --network` do first.

use anyhow::Context as _;
use aznet_cluster::machine::capacity::{self, Amount};
use aznet_cluster::provider::Provider;
use aznet_cluster::provider::embedded::RESERVED_CPU;
use aznet_model::plan::{Capacity, Plan, plan};
use aznet_model::units::{Bytes, MilliCpu};
use aznet_model::values::Loaded;
use aznet_network::load::{Base, Request, load};
use aznet_network::observe::capacity::Cpu;
use serde_json::Value;

use crate::args::{MachineArgs, ValuesArgs};
use crate::clusters;
use crate::context::Context;
use crate::failure::Failure;

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
/// machine and of the cgroups that this process is in, less what pods have asked for already.
pub(crate) async fn capacity(
    context: &Context,
    cluster: &Provider,
    given: MachineArgs,
) -> anyhow::Result<Capacity> {
    let here = capacity::capacity().context("reading this machine's memory and CPU")?;
    let memory = match given.memory {
        Some(memory) => memory,
        None => Bytes(counted(context, "memory", &here.memory)),
    };
    let cpu = if let Some(cpu) = given.cpu {
        Cpu {
            in_all: cpu,
            free: cpu,
        }
    } else {
        let cores = MilliCpu(counted(context, "processor time", &here.cpu));
        free_cpu(
            context,
            cluster,
            cores.saturating_sub(MilliCpu(RESERVED_CPU)),
        )
        .await
    };
    Ok(Capacity {
        memory,
        cpu: cpu.free,
        cpu_in_all: cpu.in_all,
    })
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

/// What the cluster has left; where it does not run, all that one on this machine would have. Never more than `here`.
async fn free_cpu(context: &Context, cluster: &Provider, here: MilliCpu) -> Cpu {
    let all = Cpu {
        in_all: here,
        free: here,
    };
    let Ok(cluster) = clusters::connect(context, cluster).await else {
        return all;
    };
    Cpu::of(&cluster.client).await.map_or(all, |cpu| Cpu {
        in_all: cpu.in_all.min(here),
        free: cpu.free.min(here),
    })
}
