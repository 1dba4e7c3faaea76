//! What the networks run on: an embedded cluster whose other nodes, and all of their pods, KWOK simulates.

use crate::bench::programs::{self, pinned};
use crate::run;
use crate::wait::wait;
use anyhow::{Context, Result, bail};
use aznet_cluster::parts::toolchain::{self, Group, Program, Settings, Toolchain};
use aznet_cluster::paths::Paths;
use aznet_cluster::progress;
use aznet_cluster::source::Source;
use serde_json::{Value, json};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

pub(super) const CLUSTER: &str = "scale";
/// What marks the nodes that are simulated.
const SIMULATED: &str = "kwok.x-k8s.io/node";
/// Where KWOK's log is, beside those of the cluster's other processes.
const LOG: &str = "logs/kwok.log";
/// What nodes and pods go through, in KWOK's own words: they are ready at once, and gone at once.
const STAGES: [&str; 4] = [
    "node/fast/node-initialize.yaml",
    "pod/fast/pod-ready.yaml",
    "pod/fast/pod-complete.yaml",
    "pod/fast/pod-delete.yaml",
];

/// The cluster and the process that simulates.
pub(super) struct Ground(Child);

impl Ground {
    /// Makes the cluster and so many nodes.
    pub(super) fn make(nodes: u32) -> Result<Self> {
        let toolchain = toolchain()?;
        programs::aznet(&["cluster", "up", CLUSTER])?;
        let made = Self::start(&toolchain).and_then(|ground| match add(nodes) {
            Ok(()) => Ok(ground),
            Err(error) => ground.remove().and(Err(error)),
        });
        if made.is_err() {
            let _gone_or_not_there = programs::aznet(&["cluster", "down", CLUSTER]);
        }
        made
    }

    fn start(toolchain: &Toolchain) -> Result<Self> {
        let stages = STAGES.map(|stage| toolchain.kwok_stages().join(stage));
        let kwok = Command::new(toolchain.path(Program::Kwok))
            .args(
                stages
                    .iter()
                    .flat_map(|stage| [Path::new("--config"), stage]),
            )
            .args(["--kubeconfig".into(), kubeconfig()?])
            .arg(format!(
                "--manage-nodes-with-annotation-selector={SIMULATED}=fake"
            ))
            .arg("--node-lease-duration-seconds=40")
            // Addresses that nothing routes: who asks a pod gets no answer.
            .args(["--cidr=10.128.0.0/16", "--node-ip=10.129.0.1"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(Paths::from_env()?.cluster(CLUSTER).join(LOG))?)
            .spawn()
            .context("kwok could not be started")?;
        Ok(Self(kwok))
    }

    /// Removes all of it.
    pub(super) fn remove(mut self) -> Result<()> {
        self.0.kill()?;
        self.0.wait()?;
        programs::aznet(&["cluster", "down", CLUSTER]).map(drop)
    }
}

/// KWOK, built if it is not there.
fn toolchain() -> Result<Toolchain> {
    let source = Source::at(run::root())?;
    let (paths, settings) = (Paths::from_env()?, Settings::from_env()?);
    let (report, cancel) = (progress::silent(), CancellationToken::new());
    println!("KWOK, built by Go if it is not there …");
    let ensured = toolchain::ensure(&paths, &source, &settings, &[Group::Kwok], &report, &cancel);
    let runtime = tokio::runtime::Runtime::new()?;
    Ok(runtime.block_on(ensured)?)
}

fn add(nodes: u32) -> Result<()> {
    let all: Vec<Value> = (0..nodes).map(node).collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": all});
    let mut apply = kubectl(&["create", "-f", "-"])?
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()?;
    let mut stdin = apply.stdin.take().context("stdin is piped")?;
    stdin.write_all(list.to_string().as_bytes())?;
    drop(stdin);
    if !apply.wait()?.success() {
        bail!("the nodes could not be made");
    }
    let path = "jsonpath={.items[*].status.conditions[?(@.type=='Ready')].status}";
    wait("Ready nodes", Duration::from_mins(1), || {
        let asked = output(&["get", "nodes", "-l", "type=kwok", "-o", path])?;
        let ready = asked.split_whitespace().filter(|status| *status == "True");
        Ok(u32::try_from(ready.count()).is_ok_and(|ready| ready == nodes))
    })
}

fn node(number: u32) -> Value {
    let name = format!("kwok-{number}");
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {SIMULATED: "fake"},
            "labels": {"type": "kwok", "kubernetes.io/hostname": name},
        },
        // What runs on the real node stays there.
        "spec": {"taints": [{"key": SIMULATED, "value": "fake", "effect": "NoSchedule"}]},
    })
}

/// Values that put all pods of a network on the simulated nodes, as evenly as they go.
pub(super) fn values() -> Value {
    json!({"defaults": {
        "nodeSelector": {"type": "kwok"},
        "tolerations": [{"key": SIMULATED, "operator": "Exists"}],
        "topologySpreadConstraints": [{
            "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
        }],
    }})
}

fn kubeconfig() -> Result<PathBuf> {
    Ok(Paths::from_env()?.cluster(CLUSTER).join("kubeconfig"))
}

fn kubectl(args: &[&str]) -> Result<Command> {
    let mut command = Command::new(pinned("kubectl")?);
    command.arg("--kubeconfig").arg(kubeconfig()?).args(args);
    Ok(command)
}

/// What kubectl answers.
pub(super) fn output(args: &[&str]) -> Result<String> {
    let output = kubectl(args)?.output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`kubectl {}`: {said}", args.join(" "));
    }
    Ok(String::from_utf8(output.stdout)?)
}
