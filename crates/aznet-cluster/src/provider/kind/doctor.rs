//! Whether this machine can run clusters of kind.

use std::fs;
use std::path::Path;

use aznet_kit::error::chain;
use tokio_util::sync::CancellationToken;

use super::engine::{About, Engine};
use super::error::Error;
use super::program;
use crate::machine::finding::{Finding, Verdict};
use crate::machine::space;

/// What kind advises for clusters of several nodes.
const INSTANCES: u64 = 512;
/// The same.
const WATCHES: u64 = 524_288;
/// What the network `small` takes.
const MEMORY: u64 = 8 << 30;

/// Looks at all that kind needs of this machine.
pub async fn check(cancel: &CancellationToken) -> Vec<Finding> {
    let mut findings = match Engine::find(cancel).await {
        Ok(engine) => vec![found(&engine), memory(engine.about())],
        Err(error) => vec![absent(&error)],
    };
    findings.push(kind(cancel).await);
    findings.push(limit("max_user_instances", INSTANCES));
    findings.push(limit("max_user_watches", WATCHES));
    findings
}

fn found(engine: &Engine) -> Finding {
    let (what, about) = (engine.kind().to_string(), engine.about());
    match engine.check() {
        Ok(()) => Finding::new(what, Verdict::Ok, about.version.clone()),
        Err(error) => Finding::new(what, Verdict::Missing, chain(&error))
            .needs("to run nodes")
            .or(advice(&error)),
    }
}

fn absent(error: &Error) -> Finding {
    Finding::new("Docker or Podman", Verdict::Missing, chain(error))
        .needs("to run nodes")
        .or(advice(error))
}

/// What to do about an engine that can't be used.
fn advice(error: &Error) -> &'static str {
    match error {
        Error::NoEngine => "install Docker (`apt-get install docker.io`) or Podman",
        Error::NotRunning { .. } => {
            "start it, e.g. `systemctl start docker`, or set DOCKER_HOST to where it listens"
        }
        Error::NotAllowed { .. } => {
            "run aznet with sudo, or join the group `docker`, whose members are as good as root"
        }
        Error::Rootless { .. } => "https://kind.sigs.k8s.io/docs/user/rootless says how",
        Error::TooSmall { .. } => "give its virtual machine more memory",
        _ => "see what it says of itself: `docker info`",
    }
}

fn memory(about: &About) -> Finding {
    let verdict = if about.memory >= MEMORY {
        Verdict::Ok
    } else {
        Verdict::Warning
    };
    Finding::new("memory of its machine", verdict, space::human(about.memory))
        .needs(format!("{} for the network `small`", space::human(MEMORY)))
        .or("give its virtual machine more, or start a smaller network")
}

async fn kind(cancel: &CancellationToken) -> Finding {
    match program::on_path(cancel).await {
        Some(path) => Finding::new("kind", Verdict::Ok, path.display().to_string()),
        None => Finding::new(
            "kind",
            Verdict::Info,
            "none on the PATH of the release that is used here: aznet has its own, built when it is needed",
        ),
    }
}

fn limit(name: &str, needed: u64) -> Finding {
    let path = Path::new("/proc/sys/fs/inotify").join(name);
    let text = fs::read_to_string(&path).unwrap_or_default();
    judged(name, text.trim().parse().ok(), needed)
}

/// Too few of them, and pods of the second or third node fail with `too many open files`.
fn judged(name: &str, there: Option<u64>, needed: u64) -> Finding {
    let what = format!("fs.inotify.{name}");
    let Some(there) = there else {
        return Finding::new(what, Verdict::Info, "can't be read");
    };
    let verdict = if there >= needed {
        Verdict::Ok
    } else {
        Verdict::Warning
    };
    Finding::new(what, verdict, there.to_string())
        .needs(format!("{needed} for several nodes"))
        .or(format!("`sysctl -w fs.inotify.{name}={needed}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_low_limit_of_watches_is_named_with_what_raises_it() {
        let low = judged("max_user_instances", Some(128), INSTANCES);
        assert_eq!(low.verdict, Verdict::Warning);
        let fix = "`sysctl -w fs.inotify.max_user_instances=512`";
        assert_eq!(low.fix.as_deref(), Some(fix));
        let high = judged("max_user_watches", Some(1 << 20), WATCHES);
        assert_eq!((high.verdict, high.fix), (Verdict::Ok, None));
    }

    #[test]
    fn each_reason_against_an_engine_has_its_advice() {
        let absent = absent(&Error::NoEngine);
        assert!(!absent.ok());
        assert!(absent.fix.is_some_and(|fix| fix.contains("docker.io")));
    }
}
