//! From the arguments to a plan that fits: what `plan`, `up` and `test --network` do first.

use anyhow::Context as _;
use aznet_cluster::embedded::RESERVED_CPU;
use aznet_cluster::source::Source;
use aznet_model::plan::{Capacity, Plan, plan};
use aznet_model::units::{Bytes, MilliCpu};
use aznet_model::values::Loaded;
use aznet_network::load::{Request, load};
use aznet_network::observe::capacity::Cpu;
use serde_json::Value;

use crate::cli::{ClusterChoice, MachineArgs, ValuesArgs};
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

/// Loads values and works them out. `implied` is what the cluster implies, such as names of images.
pub(crate) fn planned(args: &ValuesArgs, implied: Option<&Value>) -> anyhow::Result<Planned> {
    let source = Source::locate()?;
    let request = Request {
        source: source.root(),
        network: Some(&args.network),
        implied,
        files: &args.files,
        sets: &args.set,
    };
    let unusable = || format!("these values of network `{}` can't be used", args.network);
    let loaded = load(&request).with_context(unusable)?;
    let plan = plan(&loaded.values)
        .map_err(Failure::Impossible)
        .with_context(unusable)?;
    Ok(Planned { loaded, plan })
}

/// What pods may count on in an embedded cluster on this machine: as given; else the memory that is available, and the
/// processor time that no pod has asked for.
pub(crate) async fn capacity(
    context: &Context,
    cluster: &ClusterChoice,
    given: MachineArgs,
) -> anyhow::Result<Capacity> {
    let memory = available_memory(given.memory)?;
    let cpu = match given.cpu {
        Some(cpu) => Cpu {
            in_all: cpu,
            free: cpu,
        },
        None => free_cpu(context, cluster).await?,
    };
    Ok(Capacity {
        memory,
        cpu: cpu.free,
        cpu_in_all: cpu.in_all,
    })
}

/// What the cluster has left; where it does not run, all that one on this machine would have.
async fn free_cpu(context: &Context, cluster: &ClusterChoice) -> anyhow::Result<Cpu> {
    if let Ok(cluster) = clusters::connect(context, cluster).await
        && let Ok(cpu) = Cpu::of(&cluster.client).await
    {
        return Ok(cpu);
    }
    let cores = std::thread::available_parallelism().context("counting this machine's cores")?;
    let cores = MilliCpu(1000 * u64::try_from(cores.get()).unwrap_or(u64::MAX / 1000));
    let in_all = cores.saturating_sub(MilliCpu(RESERVED_CPU));
    Ok(Cpu {
        in_all,
        free: in_all,
    })
}

/// Memory that pods may count on: as given, else what this machine has available.
fn available_memory(given: Option<Bytes>) -> anyhow::Result<Bytes> {
    if let Some(given) = given {
        return Ok(given);
    }
    let path = "/proc/meminfo";
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {path}"))?;
    mem_available(&text).with_context(|| format!("{path} has no line `MemAvailable: … kB`"))
}

fn mem_available(meminfo: &str) -> Option<Bytes> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(Bytes(kibibytes * 1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn available_memory_is_read_as_linux_writes_it() {
        let text = "MemTotal:       24576 kB\nMemFree:  1 kB\nMemAvailable:   2048 kB\n";
        assert_eq!(mem_available(text), Some(Bytes::mebibytes(2)));
        assert_eq!(mem_available("MemTotal: 1 kB\n"), None);
    }
}
