//! What is told of a deployment, or a removal, while it goes on.

use std::{sync::Arc, time::Duration};

use crate::{observe::pods::PodState, secrets::Unfit};

/// How a deployment goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// The namespace is there.
    Namespace {
        /// Its name.
        namespace: String,
    },
    /// Secrets that the values name are not as they must be; they are waited for. Told each time something else is wrong.
    Lacks {
        /// What is wrong.
        unfit: Vec<Unfit>,
    },
    /// The Secrets are there, and something about them is odd.
    Odd {
        /// What it is.
        warnings: Vec<String>,
    },
    /// Helm applies the chart.
    Applying {
        /// The release.
        release: String,
    },
    /// A Job of the chart that Helm waits for before it goes on.
    Job {
        /// Its name.
        job: String,
        /// What it does, in words.
        doing: String,
    },
    /// The pods, each time something changed and once a second.
    Pods {
        /// Since the chart was applied.
        waited: Duration,
        /// Pods wanted in all.
        wanted: u32,
        /// Every pod and what it does; see [`crate::observe::pods::Phase::words`].
        pods: Vec<PodState>,
        /// Whether all of them serve, as the values say; nothing more is told of them then.
        rolled_out: bool,
    },
    /// The chain, once a node serves that can tell of it; other pods may still start.
    Chain {
        /// Since the chart was applied.
        waited: Duration,
        /// How far it is, in words.
        seen: String,
        /// Whether a checkpoint is on L1; nothing more is told of it then.
        moving: bool,
    },
    /// The network is being removed.
    Removing {
        /// Since it was asked for.
        waited: Duration,
        /// What is still there, in words.
        left: String,
    },
}

/// Hears of progress.
pub type Reporter = Arc<dyn Fn(Progress) + Send + Sync>;
