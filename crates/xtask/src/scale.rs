//! `cargo xtask scale`: what planning, installing, looking at, changing and removing a network costs from 10 to 1,000
//! validators. Nodes and pods are simulated by KWOK; the control plane, Helm, the chart and this program are real.

mod ground;
mod growth;
mod page;
mod plot;
mod process;
mod step;

use crate::bench::{machine, programs};
use crate::run;
use anyhow::{Context, Result, bail};
use ground::Ground;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

pub(crate) use page::page;
pub(crate) use plot::plot;

const MEASURED: &str = "docs/reference/scale.json";

/// What was measured, size by size.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Measured {
    /// The machine.
    machine: String,
    /// Simulated nodes.
    nodes: u32,
    /// By ascending number of validators.
    sizes: Vec<Size>,
}

/// A network, from the plan until nothing is left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Size {
    validators: u32,
    /// All of its pods.
    pods: u32,
    /// The most and the fewest validators on a node.
    on_a_node: (u32, u32),
    /// Memory of all processes of the cluster with the network on it, in MB.
    control_plane: f64,
    steps: BTreeMap<Step, Cost>,
}

/// What is done to it, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Step {
    Plan,
    Up,
    Status,
    Upgrade,
    Down,
}

/// What a command cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Cost {
    /// Until it was done, in seconds.
    took: f64,
    /// Its own CPU seconds.
    cpu: f64,
    /// Those of Helm, which it starts.
    helm: f64,
    /// Its own memory at most, in MB.
    memory: f64,
}

/// One of them.
type Of = fn(&Cost) -> f64;

impl Step {
    const ALL: [Self; 5] = [
        Self::Plan,
        Self::Up,
        Self::Status,
        Self::Upgrade,
        Self::Down,
    ];

    fn command(self) -> &'static str {
        match self {
            Self::Plan => "aznet plan",
            Self::Up => "aznet up",
            Self::Status => "aznet status",
            Self::Upgrade => "aznet up, changed",
            Self::Down => "aznet down",
        }
    }
}

impl Measured {
    /// What is kept in the repository.
    fn read() -> Result<Self> {
        let path = path();
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("reading {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("reading {}", path.display()))
    }

    /// With the sizes that were measured before, on the same ground, and not now.
    fn beside(mut self, before: Self) -> Self {
        if (&before.machine, before.nodes) == (&self.machine, self.nodes) {
            let mut sizes: BTreeMap<u32, Size> = BTreeMap::new();
            for size in before.sizes.into_iter().chain(self.sizes) {
                sizes.insert(size.validators, size);
            }
            self.sizes = sizes.into_values().collect();
        }
        self
    }

    /// What a step cost at each size: validators and cost.
    fn costs(&self, step: Step) -> impl Iterator<Item = (u32, Cost)> {
        let cost = move |size: &Size| Some((size.validators, *size.steps.get(&step)?));
        self.sizes.iter().filter_map(cost)
    }
}

fn path() -> PathBuf {
    run::root().join(MEASURED)
}

/// Measures networks of so many validators on so many nodes. Prints the result, or keeps it beside that of other sizes; an
/// error if something of ours is beyond bounds then.
pub(crate) fn run(validators: &[u32], nodes: u32, print: bool) -> Result<()> {
    // As users do.
    run::check("cargo", &["build", "--bin", "aznet"])?;
    programs::aznet(&["images", "build"])?;
    let ground = Ground::make(nodes)?;
    let sizes = validators.iter().copied().map(step::all);
    let sizes: Result<Vec<Size>> = sizes.collect();
    let removed = ground.remove();
    let measured = Measured {
        machine: machine::describe(),
        nodes,
        sizes: sizes?,
    };
    removed?;
    if print {
        println!("{}", serde_json::to_string_pretty(&measured)?);
        return Ok(());
    }
    let measured = match Measured::read() {
        Ok(before) => measured.beside(before),
        Err(_) => measured,
    };
    let text = serde_json::to_string_pretty(&measured)? + "\n";
    std::fs::write(path(), text).with_context(|| format!("writing {MEASURED}"))?;
    println!("wrote {MEASURED}; `cargo xtask generate` makes a page of it");
    match growth::beyond(&measured).as_slice() {
        [] => Ok(()),
        found => bail!("beyond bounds: {}", found.join(", ")),
    }
}
