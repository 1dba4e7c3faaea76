//! Whether this machine can run clusters, and what to do where it cannot.

use std::path::Path;

use aznet_kit::error::chain;
use tokio_util::sync::CancellationToken;

use super::finding::{Finding, Verdict, verdict};
use super::programs::{self, Work};
use super::{capacity, install, kernel, space};
use crate::paths::Paths;

const GIB: u64 = 1 << 30;

/// Looks at everything that a cluster on this machine needs, for this work.
pub async fn check(paths: &Paths, work: Work, cancel: &CancellationToken) -> Vec<Finding> {
    let mut findings = vec![root()];
    findings.extend(kernel::check(cancel).await);
    findings.extend(programs::check(work, cancel).await);
    findings.extend(install::left_over());
    // Cold: Go's build cache, the npm tree, the images; warm: one cluster with a network's volumes.
    findings.push(room("disk space for the cache", paths.cache(), 15 * GIB));
    findings.push(room("disk space for clusters", paths.state(), 5 * GIB));
    findings.push(memory());
    findings
}

fn root() -> Finding {
    let root = nix::unistd::geteuid().is_root();
    let user = nix::unistd::geteuid().to_string();
    let found = if root {
        "root".into()
    } else {
        format!("user {user}")
    };
    Finding::new("user", verdict(root), found)
        .needs("root, for network namespaces and containers")
        .or("run aznet with sudo")
}

fn room(what: &str, path: &Path, needed: u64) -> Finding {
    let needs = format!("{} when nothing is cached yet", space::human(needed));
    match space::free_bytes(path) {
        Ok(free) => {
            // What is cached already is not needed again.
            let enough = free + space::size(&path.join("toolchain")) >= needed;
            let verdict = if enough {
                Verdict::Ok
            } else {
                Verdict::Warning
            };
            let found = format!("{} free in {}", space::human(free), path.display());
            Finding::new(what, verdict, found)
                .needs(needs)
                .or("free some, or set AZNET_CACHE and AZNET_STATE to folders on a larger disk")
        }
        Err(error) => Finding::new(what, Verdict::Missing, chain(&error)).needs(needs),
    }
}

fn memory() -> Finding {
    let needed = 8 * GIB;
    let needs = format!("{} for the network `small`", space::human(needed));
    let memory = match capacity::capacity() {
        Ok(capacity) => capacity.memory,
        Err(error) => {
            return Finding::new("memory", Verdict::Warning, chain(&error)).needs(needs);
        }
    };
    let verdict = if memory.value >= needed {
        Verdict::Ok
    } else {
        Verdict::Warning
    };
    let limit = memory
        .cgroup
        .map(|group| format!(", by the limit of cgroup {}", group.display()));
    let found = format!(
        "{} available{}",
        space::human(memory.value),
        limit.unwrap_or_default()
    );
    Finding::new("memory", verdict, found)
        .needs(needs)
        .or("stop other programs, or start a smaller network: `aznet plan` says what one needs")
}
