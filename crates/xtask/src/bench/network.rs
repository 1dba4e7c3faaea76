//! Networks from nothing to nothing, on a cluster of the bench's own.

use super::machine::{self, Busy};
use super::programs::{aznet, pinned, program};
use super::table::{Budget, Figure, What};
use super::transactions;
use crate::image::Mounted;
use crate::wait::wait;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const CLUSTER: &str = "bench";
const NETWORK: &str = "bench";
/// Transfers by Aztec.js in each network.
const TRANSFERS: u32 = 10;

/// The figures of `small`, all of them.
pub(super) fn small(image: &Mounted) -> Result<Vec<Figure>> {
    let ready = cluster_up()?;
    aznet(&["cluster", "down", CLUSTER])?;
    let mut figures = vec![
        What::new("embedded cluster, warm: start → node Ready", "s")
            .budget(Budget::AtMost(6.0))
            .is(ready),
    ];
    let began = Instant::now();
    figures.extend(small_start()?);
    let all_ready = began.elapsed().as_secs_f64();
    figures.push(What::new("… → all pods ready, `up` returns", "s").is(all_ready));
    let status = ["status", NETWORK, "-o", "json", "--cluster", &place()];
    wait("a proven epoch", Duration::from_mins(5), || {
        Ok(aznet(&status)?["tips"]["proven"].as_u64() > Some(0))
    })?;
    let proven = What::new("… → first epoch proven on L1", "s").budget(Budget::TimesToday(2.5));
    figures.push(proven.is(began.elapsed().as_secs_f64()));
    figures.extend(at_rest()?);
    figures.extend(transfers(
        "`small`: a transfer by Aztec.js, until sent",
        image,
    )?);
    let began = Instant::now();
    all_down()?;
    let down =
        What::new("`aznet down --all` and `aznet cluster down`", "s").budget(Budget::AtMost(15.0));
    figures.push(down.is(began.elapsed().as_secs_f64()));
    Ok(figures)
}

/// How soon each network has its first checkpoint, and no more than that.
pub(super) fn starts() -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for start in [small_start, tiny_start, fast_start, seed_start] {
        figures.extend(start()?);
        all_down()?;
    }
    Ok(figures)
}

pub(super) fn tiny(image: &Mounted) -> Result<Vec<Figure>> {
    let started = tiny_start()?;
    with_transfers(started, "`tiny`: a transfer by Aztec.js, until sent", image)
}

pub(super) fn fast(image: &Mounted) -> Result<Vec<Figure>> {
    let started = fast_start()?;
    with_transfers(started, "`fast`: a transfer by Aztec.js, until sent", image)
}

pub(super) fn seed() -> Result<Vec<Figure>> {
    let started = seed_start()?;
    all_down()?;
    Ok(started)
}

fn with_transfers(
    mut figures: Vec<Figure>,
    sent: &'static str,
    image: &Mounted,
) -> Result<Vec<Figure>> {
    figures.extend(transfers(sent, image)?);
    all_down()?;
    Ok(figures)
}

fn small_start() -> Result<Vec<Figure>> {
    let what = "`up small`, warm, cluster included: start → first checkpoint on L1";
    up(
        "small",
        What::new(what, "s").budget(Budget::TimesToday(1.1)),
    )
}

fn tiny_start() -> Result<Vec<Figure>> {
    let what = "`up tiny`, warm, cluster included: start → first checkpoint on L1";
    up(
        "tiny",
        What::new(what, "s").budget(Budget::TimesToday(0.75)),
    )
}

fn fast_start() -> Result<Vec<Figure>> {
    let what = "`up fast`, warm, cluster included: start → first checkpoint on L1";
    up("fast", What::new(what, "s"))
}

fn seed_start() -> Result<Vec<Figure>> {
    let what = "`up seed` (32 validators), warm, cluster included: start → first checkpoint on L1";
    up("seed", What::new(what, "s").budget(Budget::TimesToday(1.6)))
}

/// Brings the network up: the seconds until its first checkpoint, and what the machine computed in them.
fn up(file: &str, what: What) -> Result<Vec<Figure>> {
    let busy = Busy::watch();
    let place = place();
    let place = ["--name", NETWORK, "--cluster", &place, "-o", "json"];
    let up = aznet(&[["up", file].as_slice(), &place].concat())?;
    let seconds = first_checkpoint(&up)?;
    let computed = busy.until(seconds)?;
    Ok(vec![what.is(seconds), machine::COMPUTED.is(computed)])
}

fn first_checkpoint(up: &Value) -> Result<f64> {
    let phases = up["phases"].as_array().into_iter().flatten();
    phases
        .filter(|phase| phase["name"] == "chain")
        .find_map(|phase| phase["ended"].as_f64())
        .context("`aznet up` tells of no first checkpoint")
}

fn at_rest() -> Result<[Figure; 3]> {
    let rest = machine::at_rest(CLUSTER)?;
    let memory = What::new("… memory of all pods", "GB").budget(Budget::AtMost(6.5));
    let cores = What::new("… CPU of all pods at rest", "cores").budget(Budget::AtMost(1.2));
    let system = What::new("control plane memory (all cluster processes)", "MB");
    Ok([
        memory.is(rest.pods_bytes / 1e9),
        cores.is(rest.pods_cores),
        system
            .budget(Budget::AtMost(450.0))
            .is(rest.system_bytes / 1e6),
    ])
}

/// Seconds of transfers by Aztec.js on the network that runs.
fn transfers(sent: &'static str, image: &Mounted) -> Result<[Figure; 3]> {
    let urls = aznet(&["env", NETWORK, "--cluster", &place(), "-o", "json"])?;
    let url = urls["AZTEC_NODE_URL"].as_str();
    let url = url.context("`aznet env` tells of no node")?;
    let [until_sent, proposed, checkpointed] =
        transactions::measure(image, url, TRANSFERS)?.medians();
    Ok([
        What::new(sent, "s").is(until_sent),
        What::new("… until proposed", "s").is(proposed),
        What::new("… until checkpointed", "s").is(checkpointed),
    ])
}

fn place() -> String {
    format!("embedded:{CLUSTER}")
}

fn all_down() -> Result<()> {
    aznet(&["down", "--all", "--cluster", &place()])?;
    aznet(&["cluster", "down", CLUSTER]).map(drop)
}

/// Removes what a run that failed has left.
pub(super) fn abandon() {
    let _gone_or_not_there = aznet(&["cluster", "down", CLUSTER]);
}

/// Brings the cluster up; returns the seconds until its node was Ready, which is before its checks are done.
fn cluster_up() -> Result<f64> {
    let began = Instant::now();
    let mut up = Command::new(program()?)
        .args(["cluster", "up", CLUSTER])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let path = "jsonpath={.items[*].status.conditions[?(@.type=='Ready')].status}";
    let kubectl = pinned("kubectl")?;
    let kubeconfig = format!("/var/lib/aznet/clusters/{CLUSTER}/kubeconfig");
    wait("a Ready node", Duration::from_mins(1), || {
        let asked = Command::new(&kubectl)
            .args(["--kubeconfig", &kubeconfig, "get", "nodes", "-o", path])
            .stderr(Stdio::null())
            .output()?;
        Ok(asked.stdout == b"True")
    })?;
    let ready = began.elapsed().as_secs_f64();
    let status = up.wait()?;
    if !status.success() {
        bail!("`aznet cluster up {CLUSTER}`: {status}");
    }
    Ok(ready)
}
