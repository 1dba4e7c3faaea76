//! Whether this machine can run clusters, and what to do where it cannot.

mod install;
mod kernel;
mod programs;

use std::fmt;
use std::fs;
use std::path::Path;

use tokio_util::sync::CancellationToken;

pub use install::{FixError, fix};

use crate::disk;
use crate::paths::Paths;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// What was looked at.
    pub what: String,
    /// How it stands.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What is needed.
    pub needed: String,
    /// What to do about it; nothing if it is well.
    pub fix: Option<String>,
}

/// How a finding stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As needed.
    Ok,
    /// Only told: nothing here depends on it.
    Info,
    /// Clusters can run, but not well.
    Warning,
    /// Clusters cannot run.
    Missing,
}

impl Finding {
    /// Whether clusters can run in spite of it.
    pub fn ok(&self) -> bool {
        self.verdict != Verdict::Missing
    }

    fn new(what: impl Into<String>, verdict: Verdict, found: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            verdict,
            found: found.into(),
            needed: String::new(),
            fix: None,
        }
    }

    fn needs(mut self, needed: impl Into<String>) -> Self {
        self.needed = needed.into();
        self
    }

    /// Adds advice, unless all is well.
    fn or(mut self, fix: impl Into<String>) -> Self {
        if !matches!(self.verdict, Verdict::Ok | Verdict::Info) {
            self.fix = Some(fix.into());
        }
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.found)?;
        if !self.needed.is_empty() {
            write!(f, ", needed: {}", self.needed)?;
        }
        match &self.fix {
            Some(fix) => write!(f, "; {fix}"),
            None => Ok(()),
        }
    }
}

const GIB: u64 = 1 << 30;

/// Looks at everything a cluster on this machine needs.
pub async fn check(paths: &Paths, cancel: &CancellationToken) -> Vec<Finding> {
    let mut findings = vec![root()];
    findings.extend(kernel::check());
    findings.extend(programs::check(cancel).await);
    // Cold: Go's build cache, the npm tree, the images; warm: one cluster with a network's volumes.
    findings.push(space("disk space for the cache", paths.cache(), 15 * GIB));
    findings.push(space("disk space for clusters", paths.state(), 5 * GIB));
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

fn verdict(ok: bool) -> Verdict {
    if ok { Verdict::Ok } else { Verdict::Missing }
}

fn space(what: &str, path: &Path, needed: u64) -> Finding {
    let needs = format!("{} when nothing is cached yet", disk::human(needed));
    match disk::free_bytes(path) {
        Ok(free) => {
            // What is cached already is not needed again.
            let enough = free + disk::size(&path.join("toolchain")) >= needed;
            let verdict = if enough {
                Verdict::Ok
            } else {
                Verdict::Warning
            };
            let found = format!("{} free in {}", disk::human(free), path.display());
            Finding::new(what, verdict, found)
                .needs(needs)
                .or("free some, or set AZNET_CACHE and AZNET_STATE to folders on a larger disk")
        }
        Err(error) => Finding::new(what, Verdict::Missing, error.to_string()).needs(needs),
    }
}

fn memory() -> Finding {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available = kibibytes(&text, "MemAvailable") * 1024;
    let needed = 8 * GIB;
    let verdict = if available >= needed {
        Verdict::Ok
    } else {
        Verdict::Warning
    };
    Finding::new(
        "memory",
        verdict,
        format!("{} available", disk::human(available)),
    )
    .needs(format!("{} for the network `small`", disk::human(needed)))
    .or("stop other programs, or start a smaller network: `aznet plan` says what one needs")
}

/// A line of /proc/meminfo.
fn kibibytes(text: &str, name: &str) -> u64 {
    text.lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .find_map(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_the_right_line() {
        let text = "MemTotal: 24000000 kB\nMemAvailable:   16000000 kB\nSwapTotal: 0 kB\n";
        assert_eq!(kibibytes(text, "MemAvailable"), 16_000_000);
        assert_eq!(kibibytes(text, "Mem"), 0);
    }

    #[test]
    fn a_finding_says_what_was_found_what_is_needed_and_what_to_do() {
        let finding = Finding::new("x", Verdict::Missing, "not there")
            .needs("x 1")
            .or("install x");
        assert_eq!(finding.to_string(), "x: not there, needed: x 1; install x");
        assert!(!finding.ok());
        let well = Finding::new("x", Verdict::Ok, "x 2")
            .needs("x 1")
            .or("install x");
        assert_eq!(well.fix, None);
    }
}
