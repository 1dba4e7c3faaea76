//! What `up` is asked for, and what became of it.

use std::path::PathBuf;
use std::time::Duration;

use aznet_cluster::parts::kubernetes::Minor;
use aznet_cluster::provider::Provider;
use aznet_network::observe::status::NetworkStatus;
use aznet_network::observe::telemetry::Arrival;
use aznet_runner::event::Kind;
use serde::Serialize;

use crate::args::{MachineArgs, ValuesArgs};
use crate::diff::Change;
use crate::forwarder::Urls;
use crate::joining::Published;
use crate::smoke::Smoke;
use crate::steps::Phase;

/// In which manner a network is brought up.
#[derive(Debug, Clone)]
pub(crate) enum Manner {
    /// For someone who looks on: it waits for its turn, and what does not come up is left to be looked at.
    Attended,
    /// For nobody: refused while another is at it. What does not pass this test is taken back.
    Unattended(Smoke),
}

/// The network that is wanted.
#[derive(Debug, Clone)]
pub(crate) struct Wanted<'a> {
    /// Its values.
    pub(crate) values: &'a ValuesArgs,
    /// Where it is to run.
    pub(crate) cluster: Provider,
    /// Its name.
    pub(crate) name: String,
    /// Which Kubernetes, if its cluster is to be made.
    pub(crate) kubernetes: Option<Minor>,
    /// How long it may live.
    pub(crate) ttl: Option<Duration>,
    /// Of one that runs, let go of what its release says.
    pub(crate) reset: bool,
    /// Do what can't be undone without being asked.
    pub(crate) yes: bool,
    /// Make it ours if it is somebody else's.
    pub(crate) take_over: bool,
    /// The first of the ports that its URLs are to have on this machine.
    pub(crate) port_base: Option<u16>,
    /// How it is gone about.
    pub(crate) manner: Manner,
    /// What it may count on, if that is not the machine's own.
    pub(crate) machine: MachineArgs,
}

/// What became of it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Up {
    /// The network's name.
    pub(crate) name: String,
    /// Its namespace.
    pub(crate) namespace: String,
    /// Its cluster, as in `--cluster`.
    pub(crate) cluster: String,
    /// What was done.
    pub(crate) outcome: Outcome,
    /// Values that an upgrade changed.
    pub(crate) changes: Vec<Change>,
    /// Values of the release that the command line did not say and that stayed.
    pub(crate) kept: Vec<Change>,
    /// What showed that it is good, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) proof: Option<Proof>,
    /// The cluster's kubeconfig; `None`: the user's own.
    pub(crate) kubeconfig: Option<PathBuf>,
    /// URLs on this machine by environment variable.
    pub(crate) endpoints: Urls,
    /// What arrived of each node; empty without a Prometheus of its own.
    pub(crate) telemetry: Vec<Arrival>,
    /// The bundles that it serves to those who join, where its values say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) joining: Option<Published>,
    /// The steps and how long they took.
    pub(crate) phases: Vec<Phase>,
    /// How long all of it took, in seconds.
    pub(crate) seconds: f64,
    /// How it is, where nothing had to be done.
    #[serde(skip)]
    pub(crate) status: Option<NetworkStatus>,
}

/// What showed that a network is good.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Proof {
    /// The revision of its release.
    pub(crate) revision: String,
    /// Its registry on L1; `None`: no node named it.
    pub(crate) registry: Option<String>,
    /// The tests that it passed.
    pub(crate) smoke: Vec<Kind>,
}

/// What `up` did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// Made it.
    Created,
    /// It was there with other values.
    Upgraded,
    /// It was there with these values.
    Unchanged,
}
