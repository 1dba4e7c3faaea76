//! `cargo xtask bench`: the budgets, measured on this machine, beside what a user has today.

mod machine;
mod median;
mod peer;
mod transactions;
mod wait;

use crate::image::Mounted;
use crate::{cargo, run};
use anyhow::{Context, Result, bail};
use median::median;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use wait::wait;

const CLUSTER: &str = "bench";
const NETWORK: &str = "bench";
/// Transfers by Aztec.js in each network.
const TRANSFERS: u32 = 10;

/// One row of the table: what, the budget if there is one, a value for each run.
struct Row {
    what: &'static str,
    budget: &'static str,
    unit: &'static str,
    values: Vec<f64>,
}

impl Row {
    /// What a start costs beside what a user has today, minutes apart on the same machine.
    fn beside(&self, today: &[f64]) -> String {
        if self.unit != "s" || !self.what.contains('→') {
            return "–".into();
        }
        let ratios: Vec<f64> = self.values.iter().zip(today).map(|(v, t)| v / t).collect();
        format!("{:.2}", median(&ratios))
    }
}

/// Measures `runs` times and writes docs/reference/benchmarks.md.
pub(crate) fn run(runs: usize) -> Result<()> {
    // As users do.
    run::check("cargo", &["build", "--bin", "aznet"])?;
    aznet(&["doctor", "--fix"])?;
    aznet(&["images", "build"])?;
    let image = Mounted::pxe(program()?)?;
    let measured = measure(runs, &image);
    image.remove()?;
    let path = run::root().join("docs/reference/benchmarks.md");
    std::fs::write(&path, page(&measured?, runs))
        .with_context(|| format!("writing {}", path.display()))?;
    println!("wrote {}", path.display());
    Ok(())
}

fn measure(runs: usize, image: &Mounted) -> Result<Vec<Row>> {
    let mut rows = rows();
    for number in 1..=runs {
        println!("run {number} of {runs}");
        let values = [
            peer::measure(image)?.to_vec(),
            vec![plan_thousand()?],
            network_run(image)?,
            light_run(image, "tiny")?,
            light_run(image, "fast")?,
            start_run("seed")?,
        ]
        .concat();
        for (row, value) in rows.iter_mut().zip(values) {
            println!("  {}: {value:.1} {}", row.what, row.unit);
            row.values.push(value);
        }
    }
    Ok(rows)
}

fn rows() -> Vec<Row> {
    let row = |(what, budget, unit)| Row {
        what,
        budget,
        unit,
        values: Vec::new(),
    };
    let rows = ROWS.iter().chain(&TINY).chain(&FAST).chain(&SEED).copied();
    rows.map(row).collect()
}

/// Of what a user has today, and of `small`.
const ROWS: [(&str, &str, &str); 14] = [
    (
        "today: `aztec start --local-network`, one process: start → first block",
        "–",
        "s",
    ),
    ("today: its memory (with its anvil)", "–", "GB"),
    ("plan + render for 1,000 validators", "≤ 2", "s"),
    ("embedded cluster, warm: start → node Ready", "≤ 6", "s"),
    (
        "`up small`, warm, cluster included: start → first checkpoint on L1",
        "≤ 1.1 ×",
        "s",
    ),
    ("… → all pods ready, `up` returns", "–", "s"),
    ("… → first epoch proven on L1", "≤ 2.5 ×", "s"),
    ("… memory of all pods", "≤ 6.5", "GB"),
    ("… CPU of all pods at rest", "≤ 1.2", "cores"),
    (
        "control plane memory (all cluster processes)",
        "≤ 450",
        "MB",
    ),
    ("`small`: a transfer by Aztec.js, until sent", "–", "s"),
    ("… until proposed", "–", "s"),
    ("… until checkpointed", "–", "s"),
    ("`aznet down --all` and `aznet cluster down`", "≤ 15", "s"),
];

const TINY: [(&str, &str, &str); 4] = [
    (
        "`up tiny`, warm, cluster included: start → first checkpoint on L1",
        "≤ 0.75 ×",
        "s",
    ),
    ("`tiny`: a transfer by Aztec.js, until sent", "–", "s"),
    ("… until proposed", "–", "s"),
    ("… until checkpointed", "–", "s"),
];

const FAST: [(&str, &str, &str); 4] = [
    (
        "`up fast`, warm, cluster included: start → first checkpoint on L1",
        "–",
        "s",
    ),
    ("`fast`: a transfer by Aztec.js, until sent", "–", "s"),
    ("… until proposed", "–", "s"),
    ("… until checkpointed", "–", "s"),
];

const SEED: [(&str, &str, &str); 1] = [(
    "`up seed` (32 validators), warm, cluster included: start → first checkpoint on L1",
    "≤ 1.6 ×",
    "s",
)];

/// The figures of `small`, from nothing to nothing.
fn network_run(image: &Mounted) -> Result<Vec<f64>> {
    let cluster = format!("embedded:{CLUSTER}");
    let place = ["--cluster", cluster.as_str()];
    let ready = cluster_up()?;
    aznet(&["cluster", "down", CLUSTER])?;
    let began = Instant::now();
    let checkpoint = up("small")?;
    let all_ready = began.elapsed();
    let status = [&["status", NETWORK, "-o", "json"], place.as_slice()].concat();
    wait("a proven epoch", Duration::from_mins(5), || {
        Ok(aznet(&status)?["tips"]["proven"].as_u64() > Some(0))
    })?;
    let proven = began.elapsed();
    let rest = machine::at_rest(CLUSTER)?;
    let transfers = transfers(image)?;
    let began_down = Instant::now();
    all_down()?;
    let started = [
        ready,
        checkpoint,
        all_ready.as_secs_f64(),
        proven.as_secs_f64(),
        rest.pods_bytes / 1e9,
        rest.pods_cores,
        rest.system_bytes / 1e6,
    ];
    let down = began_down.elapsed().as_secs_f64();
    Ok([started.as_slice(), &transfers, &[down]].concat())
}

/// Seconds of transfers by Aztec.js on the network that runs.
fn transfers(image: &Mounted) -> Result<[f64; 3]> {
    let cluster = format!("embedded:{CLUSTER}");
    let urls = aznet(&["env", NETWORK, "--cluster", &cluster, "-o", "json"])?;
    let url = urls["AZTEC_NODE_URL"].as_str();
    let url = url.context("`aznet env` tells of no node")?;
    Ok(transactions::measure(image, url, TRANSFERS)?.medians())
}

/// Prints the seconds of transfers by Aztec.js on the network of a node.
pub(crate) fn transactions_on(node_url: &str, count: u32) -> Result<()> {
    let image = Mounted::pxe(program()?)?;
    let measured = transactions::measure(&image, node_url, count);
    if let Ok(seconds) = &measured {
        println!("{seconds}");
    }
    image.remove()?;
    measured.map(drop)
}

/// Seconds from nothing to the first checkpoint of a small network, and those of its transfers.
fn light_run(image: &Mounted, file: &str) -> Result<Vec<f64>> {
    let seconds = up(file)?;
    let transfers = transfers(image)?;
    all_down()?;
    Ok([[seconds].as_slice(), &transfers].concat())
}

/// Seconds from nothing to the first checkpoint of a network.
fn start_run(file: &str) -> Result<Vec<f64>> {
    let seconds = up(file)?;
    all_down()?;
    Ok(vec![seconds])
}

fn all_down() -> Result<()> {
    let cluster = format!("embedded:{CLUSTER}");
    aznet(&["down", "--all", "--cluster", &cluster])?;
    aznet(&["cluster", "down", CLUSTER]).map(drop)
}

/// Brings the network up; returns the seconds until its first checkpoint.
fn up(file: &str) -> Result<f64> {
    let cluster = format!("embedded:{CLUSTER}");
    let place = [
        "--name",
        NETWORK,
        "--cluster",
        cluster.as_str(),
        "-o",
        "json",
    ];
    let up = aznet(&[["up", file].as_slice(), &place].concat())?;
    let phases = up["phases"].as_array().into_iter().flatten();
    phases
        .filter(|phase| phase["name"] == "chain")
        .find_map(|phase| phase["ended"].as_f64())
        .context("`aznet up` tells of no first checkpoint")
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

/// Plan and rendered manifests for 1,000 validators.
fn plan_thousand() -> Result<f64> {
    let began = Instant::now();
    let set = [
        "--set",
        "validator.replicas=1000",
        "--set",
        "network.committeeSize=48",
        // Else the plan ends with what this machine lacks.
        "--set",
        "validator.resources.requests.cpu=1m",
    ];
    let planned = Command::new(program()?)
        .args([&["plan", "small", "-o", "json"], set.as_slice()].concat())
        .env("AZNET_MEMORY", "4096GiB")
        .output()?;
    let chart = run::root().join("helm-charts/aztec-network");
    let rendered = Command::new(pinned("helm")?)
        .args(["template", "bench"])
        .arg(chart)
        .args(set)
        .output()?;
    let seconds = began.elapsed().as_secs_f64();
    if !planned.status.success() || !rendered.status.success() {
        bail!(
            "planning or rendering failed: {}{}",
            String::from_utf8_lossy(&planned.stderr),
            String::from_utf8_lossy(&rendered.stderr)
        );
    }
    Ok(seconds)
}

/// A program of the toolchain.
fn pinned(program: &str) -> Result<PathBuf> {
    let home = std::env::var("HOME").context("no $HOME")?;
    let toolchain = PathBuf::from(home).join(".cache/aznet/toolchain");
    std::fs::read_dir(&toolchain)?
        .flatten()
        .map(|group| group.path().join("bin").join(program))
        .find(|path| path.is_file())
        .with_context(|| format!("no {program} below {}", toolchain.display()))
}

/// Asked of cargo once: the bench polls by it.
fn program() -> Result<&'static PathBuf> {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    if let Some(program) = PROGRAM.get() {
        return Ok(program);
    }
    let found = cargo::aznet()?;
    Ok(PROGRAM.get_or_init(|| found))
}

/// Runs the program; stdout as JSON if it is JSON.
fn aznet(args: &[&str]) -> Result<Value> {
    let output = Command::new(program()?)
        .args(args)
        .env("AZNET_MEMORY", "24GiB")
        .stdin(Stdio::null())
        .output()
        .context("aznet could not be started")?;
    if !output.status.success() {
        bail!(
            "`aznet {}`: {}\n{}",
            args.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(serde_json::from_slice(&output.stdout).unwrap_or(Value::Null))
}

fn page(rows: &[Row], runs: usize) -> String {
    let mut text = String::from("# Benchmarks\n\n");
    let _ = writeln!(
        text,
        "Written by `cargo xtask bench --runs {runs}`: medians, with the smallest and the largest value, all in one run on one machine"
    );
    let _ = writeln!(
        text,
        "({}). Everything is built and cached before (warm); the cluster is created anew in each run.\n",
        machine::describe()
    );
    text.push_str("| what | budget | median | min – max | ÷ today's first block, same run |\n|---|---|---|---|---|\n");
    let today = rows.first().map_or(&[][..], |row| &row.values);
    for row in rows {
        let (low, high) = row
            .values
            .iter()
            .fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
        let _ = writeln!(
            text,
            "| {} | {} | {:.1} {} | {low:.1} – {high:.1} | {} |",
            row.what,
            row.budget,
            median(&row.values),
            row.unit,
            row.beside(today)
        );
    }
    text
}
