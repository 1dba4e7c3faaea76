//! What is done to packets of pods on nodes whose kernel has no netem: what `aznet chaos` writes and `aznet-netem` reads.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The variable that carries an [`Emulation`] as JSON.
pub const VARIABLE: &str = "AZNET_NETEM";

/// An experiment on the links of pods, the same for every node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Emulation {
    /// The experiment's name, at most [`NAME`] bytes: names its rules in the pods' network namespaces.
    pub experiment: String,
    /// The namespace of the pods.
    pub namespace: String,
    /// When it ends whatever happens, in seconds since 1970.
    pub until: u64,
    /// How many links other experiments have on the same pods; eight in all can tell their packets apart.
    #[serde(default)]
    pub beside: u8,
    /// What the fates of packets are drawn by.
    pub seed: u64,
    /// The links.
    pub links: Vec<Link>,
}

/// Bytes that an experiment's name may have: names of iptables' chains end at 28.
pub const NAME: usize = 18;

/// The packets that pods send.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Link {
    /// Names of the pods. A pod that is made anew under its name is found again.
    pub pods: Vec<String>,
    /// Addresses or host names of the pods at the other end, looked up again and again; everything where none are named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peers: Option<Vec<String>>,
    /// What is done.
    pub impairment: Impairment,
}

/// What is done to a packet. The packets of one connection keep their order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Impairment {
    /// How late it is, in microseconds.
    pub delay: u64,
    /// By how much that differs, in microseconds: even between less and more.
    pub jitter: u64,
    /// How often it is lost, in percent.
    pub loss: f64,
    /// How often it is sent twice, in percent.
    pub duplicate: f64,
    /// How often a bit of it is turned, in percent.
    pub corrupt: f64,
}

impl Impairment {
    /// The delay.
    pub const fn delay(&self) -> Duration {
        Duration::from_micros(self.delay)
    }

    /// What is done, in Chaos Mesh's words.
    pub fn action(&self) -> &'static str {
        let shares = [
            (self.loss, "loss"),
            (self.duplicate, "duplicate"),
            (self.corrupt, "corrupt"),
        ];
        let share = shares.iter().find(|(percent, _)| *percent > 0.0);
        share.map_or("delay", |(_, action)| action)
    }

    /// The jitter.
    pub const fn jitter(&self) -> Duration {
        Duration::from_micros(self.jitter)
    }
}
