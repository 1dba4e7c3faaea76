//! Memory and CPU as the kernel accounts for them in the cluster's cgroups.

use super::table::What;
use crate::wait::{POLL, pause};
use anyhow::{Context, Result};
use aznet_cluster::paths::Paths;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Of everything on the machine since the row above began.
pub(super) const COMPUTED: What = What::new("… CPU time of the machine until then", "CPU s");

/// What the machine computes, sampled beside what is measured.
pub(super) struct Busy {
    /// Dropped to end the sampling.
    end: Sender<()>,
    samples: JoinHandle<Result<Vec<(f64, f64)>>>,
}

impl Busy {
    /// Begins to sample.
    pub(super) fn watch() -> Self {
        let (end, ended) = channel();
        let samples = std::thread::spawn(move || {
            let (began, before) = (Instant::now(), computed()?);
            let mut samples = Vec::new();
            while ended.try_recv() == Err(TryRecvError::Empty) {
                samples.push((began.elapsed().as_secs_f64(), computed()? - before));
                pause(POLL);
            }
            Ok(samples)
        });
        Self { end, samples }
    }

    /// CPU seconds from the beginning until so many seconds later.
    pub(super) fn until(self, seconds: f64) -> Result<f64> {
        drop(self.end);
        let samples = self.samples.join();
        let samples =
            samples.map_err(|_| anyhow::anyhow!("the sampling of the CPU panicked"))??;
        let at = samples.iter().rfind(|(at, _)| *at <= seconds);
        Ok(at.context("no sample of the CPU")?.1)
    }
}

/// CPU seconds of the machine since it was started, without those in which it was idle, waited or was not given the CPU.
fn computed() -> Result<f64> {
    // In hundredths of a second (USER_HZ): user, nice, system, idle, iowait, irq, softirq, steal; see proc_stat(5).
    let stat = std::fs::read_to_string("/proc/stat")?;
    let line = stat.lines().next().context("nothing in /proc/stat")?;
    let ticks: Vec<f64> = (line.split_whitespace().skip(1))
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    let working = [0, 1, 2, 5, 6].map(|at| ticks.get(at).copied().unwrap_or_default());
    Ok(working.iter().sum::<f64>() / 100.0)
}

/// What a network and its cluster take when nothing happens but blocks.
pub(super) struct AtRest {
    pub(super) pods_bytes: f64,
    pub(super) pods_cores: f64,
    pub(super) system_bytes: f64,
}

/// Samples the cgroups of the cluster over half a minute.
pub(super) fn at_rest(cluster: &str) -> Result<AtRest> {
    let cluster = Paths::from_env()?.unique(cluster);
    let pods = format!("aznet/{cluster}/kubepods");
    let system = system_of(&cluster);
    let window = Duration::from_secs(30);
    let (before, began) = (cpu_seconds(&pods)?, Instant::now());
    pause(window);
    let cores = (cpu_seconds(&pods)? - before) / began.elapsed().as_secs_f64();
    Ok(AtRest {
        pods_bytes: resident(&pods)?,
        pods_cores: cores,
        system_bytes: resident(&system)?,
    })
}

/// Memory of all processes of a cluster, in bytes.
pub(crate) fn system(cluster: &str) -> Result<f64> {
    resident(&system_of(&Paths::from_env()?.unique(cluster)))
}

fn system_of(cluster: &str) -> String {
    format!("aznet/{cluster}/system")
}

/// Cores and memory of this machine, and its kernel.
pub(crate) fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib: f64 = memory
        .split_whitespace()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .unwrap_or_default();
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "{cores} cores, {:.0} GB, Linux {}",
        kib / 1e6,
        kernel.trim()
    )
}

/// A cgroup in the first hierarchy that has it: v1's controller, or v2.
fn cgroup(controller: &str, name: &str) -> Result<PathBuf> {
    [
        format!("/sys/fs/cgroup/{controller}/{name}"),
        format!("/sys/fs/cgroup/{name}"),
    ]
    .into_iter()
    .map(PathBuf::from)
    .find(|path| path.is_dir())
    .with_context(|| format!("no cgroup {name} for {controller}"))
}

fn cpu_seconds(name: &str) -> Result<f64> {
    let v1 = cgroup("cpuacct", name)?.join("cpuacct.usage");
    if let Ok(nanoseconds) = number(&v1) {
        return Ok(nanoseconds / 1e9);
    }
    let stat = std::fs::read_to_string(cgroup("cpu", name)?.join("cpu.stat"))?;
    let micros = stat
        .lines()
        .find_map(|line| line.strip_prefix("usage_usec "))
        .context("no usage_usec in cpu.stat")?;
    Ok(micros.trim().parse::<f64>()? / 1e6)
}

/// Anonymous memory of all processes in the cgroup and below: what the machine would get back.
fn resident(name: &str) -> Result<f64> {
    let folder = cgroup("memory", name)?;
    let stat = std::fs::read_to_string(folder.join("memory.stat"))?;
    let find = |key: &str| {
        stat.lines()
            .find_map(|line| line.strip_prefix(key)?.trim().parse::<f64>().ok())
    };
    find("total_rss ")
        .or_else(|| find("anon "))
        .with_context(|| format!("no rss in {}", folder.display()))
}

fn number(path: &Path) -> Result<f64> {
    Ok(std::fs::read_to_string(path)?.trim().parse()?)
}
