//! The program under test, the cluster it made, and what was there before.

use aznet_cluster::paths::Paths;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The cluster of this tier; tests never touch the user's `default`.
pub(crate) const CLUSTER: &str = "embedded:network-tier";
/// The network that most checks share.
pub(crate) const NETWORK: &str = "small";

/// What a check returns: nothing, or what was expected and seen.
pub(crate) type Checked = Result<(), String>;

/// Why the tier can't run here, if so.
pub(crate) fn missing() -> Option<String> {
    if !nix::unistd::Uid::effective().is_root() {
        return Some("needs root for network namespaces and cgroups".to_owned());
    }
    let images = json(&["images", "list"]);
    let built = images
        .as_ref()
        .ok()
        .and_then(Value::as_array)
        .is_some_and(|list| !list.is_empty());
    (!built).then(|| format!("no images are built: run `aznet images build` (seen: {images:?})"))
}

/// What came of a check that did not fail.
pub(crate) enum Outcome {
    Passed,
    /// And why.
    NotRun(String),
}

/// The machine before the first check, and which check has broken the ground for the later ones.
pub(crate) struct Machine {
    before: Footprint,
    broken: Mutex<Option<&'static str>>,
}

impl Machine {
    /// The machine without what an earlier run, killed before its end, has left: its network would be taken for ours.
    pub(crate) fn new() -> Self {
        Self::clean_up();
        Self::unchanged()
    }

    /// The machine as it is.
    pub(crate) fn unchanged() -> Self {
        Self {
            before: Footprint::now(),
            broken: Mutex::new(None),
        }
    }

    /// Runs one check; a failure shows the pods and, where a log that was cut still has it, the reason last; later checks
    /// are not run then instead of misleading.
    pub(crate) fn run(
        &self,
        name: &'static str,
        check: fn(&Machine) -> Checked,
    ) -> Result<Outcome, String> {
        let mut broken = self
            .broken
            .lock()
            .map_err(|_| "an earlier check panicked".to_owned())?;
        if let Some(earlier) = *broken {
            return Ok(Outcome::NotRun(format!("not run, since {earlier} failed")));
        }
        if let Err(reason) = check(self) {
            *broken = Some(name);
            return Err(format!("{}--- why {name} failed\n{reason}", evidence()));
        }
        Ok(Outcome::Passed)
    }

    /// What is here now that was not before the tier began, and the other way round.
    pub(crate) fn difference(&self) -> Vec<String> {
        self.before.difference(&Footprint::now())
    }

    /// Takes everything down, whatever the outcome was.
    pub(crate) fn clean_up() {
        let _ = aznet(&["cluster", "down", CLUSTER.trim_start_matches("embedded:")]);
    }
}

/// Runs the program; the output is kept. Its runs of tests are not recorded among those of whoever runs this.
pub(crate) fn aznet(args: &[&str]) -> Result<Output, String> {
    Command::new(env!("CARGO_BIN_EXE_aznet"))
        .args(args)
        .env("NO_COLOR", "1")
        .env("XDG_STATE_HOME", env!("CARGO_TARGET_TMPDIR"))
        .output()
        .map_err(|error| format!("aznet could not be started: {error}"))
}

/// Runs the program and expects exit code 0; returns stdout.
pub(crate) fn succeeds(args: &[&str]) -> Result<String, String> {
    let output = aznet(args)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!(
        "`aznet {}` ended with {}:\n{}{}",
        args.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stdout),
        tail(&String::from_utf8_lossy(&output.stderr), 40)
    ))
}

/// Runs the program with `-o json` and parses the one document on stdout.
pub(crate) fn json(args: &[&str]) -> Result<Value, String> {
    let mut args = args.to_vec();
    args.extend(["-o", "json"]);
    let text = succeeds(&args)?;
    serde_json::from_str(&text).map_err(|error| {
        format!(
            "`aznet {}`: not one JSON document: {error}\n{text}",
            args.join(" ")
        )
    })
}

/// The network's status, healthy (exit code 0) or not (22): a check looks at what it is about.
pub(crate) fn status() -> Result<Value, String> {
    status_of(NETWORK)
}

/// That of another network of the tier's cluster.
pub(crate) fn status_of(name: &str) -> Result<Value, String> {
    let args = ["status", name, "--cluster", CLUSTER, "-o", "json"];
    let output = aznet(&args)?;
    if !matches!(output.status.code(), Some(0 | 22)) {
        return Err(tail(&String::from_utf8_lossy(&output.stderr), 40));
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("the status is no JSON document: {error}"))
}

/// Polls the status until `done` says yes; the error carries the last status.
pub(crate) fn until(
    what: &str,
    deadline: Duration,
    mut done: impl FnMut(&Value) -> bool,
) -> Result<Value, String> {
    let started = Instant::now();
    loop {
        let seen = status();
        if let Ok(status) = &seen
            && done(status)
        {
            return Ok(status.clone());
        }
        if started.elapsed() > deadline {
            return Err(format!(
                "{what}: not within {} s; last seen: {seen:?}",
                deadline.as_secs()
            ));
        }
        pause();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the poll interval of a wait that has a deadline and a name"
)]
pub(crate) fn pause() {
    std::thread::sleep(Duration::from_secs(1));
}

/// kubectl against the tier's cluster; returns stdout.
pub(crate) fn kubectl(args: &[&str]) -> Result<String, String> {
    on_cluster("kubectl", args)
}

/// The file by which programs talk to the tier's cluster.
pub(crate) fn kubeconfig() -> Result<String, String> {
    let clusters = json(&["cluster", "list"])?;
    let name = CLUSTER.trim_start_matches("embedded:");
    let cluster = clusters
        .as_array()
        .and_then(|all| all.iter().find(|c| c["name"] == name))
        .ok_or("the cluster is not listed")?;
    let kubeconfig = cluster["kubeconfig"].as_str();
    Ok(kubeconfig.ok_or("no kubeconfig listed")?.to_owned())
}

fn on_cluster(program: &str, args: &[&str]) -> Result<String, String> {
    let kubeconfig = kubeconfig()?;
    let output = Command::new(pinned(program)?)
        .args(["--kubeconfig", &kubeconfig])
        .args(args)
        .output()
        .map_err(|error| format!("{program} could not be started: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "{program} {}: {}",
            args.join(" "),
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// kubectl with something to read.
pub(crate) fn kubectl_with_input(args: &[&str], input: &str) -> Result<String, String> {
    let mut file = tempfile::NamedTempFile::new().map_err(|error| error.to_string())?;
    std::io::Write::write_all(&mut file, input.as_bytes()).map_err(|error| error.to_string())?;
    let path = file.path().to_string_lossy().into_owned();
    let args: Vec<&str> = args
        .iter()
        .map(|arg| if *arg == "-" { path.as_str() } else { arg })
        .collect();
    kubectl(&args)
}

/// helm against the tier's cluster; returns stdout.
pub(crate) fn helm(args: &[&str]) -> Result<String, String> {
    on_cluster("helm", args)
}

/// The program that the toolchain built.
pub(crate) fn pinned(program: &str) -> Result<PathBuf, String> {
    let toolchain = Paths::from_env()
        .map_err(|error| error.to_string())?
        .cache()
        .join("toolchain");
    names(&toolchain)
        .map(|group| toolchain.join(group).join("bin").join(program))
        .find(|program| program.is_file())
        .ok_or_else(|| format!("no {program} below {}", toolchain.display()))
}

/// Pods, events and the last words of what is not ready: shown with every failure.
fn evidence() -> String {
    let show = |title: &str, seen: Result<String, String>| {
        format!("--- {title}\n{}\n", seen.unwrap_or_else(|error| error))
    };
    [
        show("pods", kubectl(&["get", "pods", "-A", "-o", "wide"])),
        show(
            "events",
            kubectl(&["get", "events", "-A", "--sort-by=.lastTimestamp"])
                .map(|text| tail(&text, 30)),
        ),
        show(
            "status",
            succeeds(&["status", NETWORK, "--cluster", CLUSTER]),
        ),
    ]
    .concat()
}

pub(crate) fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

/// What a cluster leaves traces in: network namespaces, mounts, cgroups, links, processes.
#[derive(Debug, PartialEq, Eq)]
struct Footprint {
    traces: BTreeSet<String>,
}

impl Footprint {
    fn now() -> Self {
        let mut traces = BTreeSet::new();
        traces.extend(names("/run/netns").map(|name| format!("netns {name}")));
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        traces.extend(
            mounts
                .lines()
                .filter_map(|line| line.split(' ').nth(4))
                .map(|point| format!("mount {point}")),
        );
        for hierarchy in names("/sys/fs/cgroup") {
            traces.extend(
                names(&format!("/sys/fs/cgroup/{hierarchy}/aznet"))
                    .map(|name| format!("cgroup {hierarchy}/aznet/{name}")),
            );
        }
        traces.extend(names("/sys/fs/cgroup/aznet").map(|name| format!("cgroup aznet/{name}")));
        traces.extend(names("/sys/class/net").map(|name| format!("link {name}")));
        let pids = names("/proc").filter(|name| name.bytes().all(|b| b.is_ascii_digit()));
        traces.extend(pids.filter(|pid| is_ours(pid)).map(|pid| {
            let command = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            format!("process {pid} {}", command.trim())
        }));
        Self { traces }
    }

    fn difference(&self, now: &Self) -> Vec<String> {
        let gone = self
            .traces
            .difference(&now.traces)
            .map(|trace| format!("gone: {trace}"));
        let new = now
            .traces
            .difference(&self.traces)
            .map(|trace| format!("left: {trace}"));
        gone.chain(new).collect()
    }
}

/// Whether a process is of a cluster: in a cgroup of aznet's, as components and pods are, or the program itself, as supervisor and
/// forwarders are. One that ended and that init has not reaped yet has neither.
fn is_ours(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let ended = stat.is_empty() || stat.contains(") Z ");
    let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    let program = std::fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
    !ended && (groups.contains("/aznet/") || program == Path::new(env!("CARGO_BIN_EXE_aznet")))
}

/// Names of the entries of a folder; none if it is not there.
pub(crate) fn names(folder: impl AsRef<Path>) -> impl Iterator<Item = String> {
    std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
}
