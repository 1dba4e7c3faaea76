//! What was measured, and where it is kept.

use crate::run;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

pub(super) const MEASURED: &str = "docs/reference/scale.json";

/// What was measured, size by size.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Measured {
    /// The machine.
    pub(super) machine: String,
    /// Simulated nodes.
    pub(super) nodes: u32,
    /// By ascending number of validators.
    pub(super) sizes: Vec<Size>,
}

/// A network, from the plan until nothing is left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Size {
    pub(super) validators: u32,
    /// All of its pods.
    pub(super) pods: u32,
    /// The most and the fewest validators on a node.
    pub(super) on_a_node: (u32, u32),
    /// Memory of all processes of the cluster with the network on it, in MB.
    pub(super) control_plane: f64,
    pub(super) steps: BTreeMap<Step, Cost>,
}

/// What is done to it, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Step {
    Plan,
    Up,
    Status,
    Upgrade,
    Down,
}

/// What a command cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Cost {
    /// Until it was done, in seconds.
    pub(super) took: f64,
    /// Its own CPU seconds.
    pub(super) cpu: f64,
    /// Those of Helm, which it starts.
    pub(super) helm: f64,
    /// Its own memory at most, in MB.
    pub(super) memory: f64,
}

/// One of them.
pub(super) type Of = fn(&Cost) -> f64;

impl Step {
    pub(super) const ALL: [Self; 5] = [
        Self::Plan,
        Self::Up,
        Self::Status,
        Self::Upgrade,
        Self::Down,
    ];

    pub(super) fn command(self) -> &'static str {
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
    pub(super) fn read() -> Result<Self> {
        let path = path();
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("reading {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("reading {}", path.display()))
    }

    /// Keeps it there.
    pub(super) fn write(&self) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        std::fs::write(path(), text).with_context(|| format!("writing {MEASURED}"))
    }

    /// With the sizes that were measured before, on the same ground, and not now.
    pub(super) fn beside(mut self, before: Self) -> Self {
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
    pub(super) fn costs(&self, step: Step) -> impl Iterator<Item = (u32, Cost)> {
        let cost = move |size: &Size| Some((size.validators, *size.steps.get(&step)?));
        self.sizes.iter().filter_map(cost)
    }
}

fn path() -> PathBuf {
    run::root().join(MEASURED)
}
