//! From the arguments to a plan that fits: what `plan`, `up` and `test --network` do first.

use anyhow::Context as _;
use aznet_cluster::source::Source;
use aznet_network::plan::{Plan, plan};
use aznet_network::units::Bytes;
use aznet_network::values::{Loaded, Request, load};
use serde_json::Value;

use crate::cli::ValuesArgs;
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

/// Memory that pods may count on: as given, else what this machine has available.
pub(crate) fn available_memory(given: Option<Bytes>) -> anyhow::Result<Bytes> {
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
