//! What pods use and what they keep: asked of kubelets, and where that is not allowed or not theirs to know, of the network's
//! Prometheus.

use std::collections::BTreeSet;
use std::time::Duration;

use aznet_kit::error::chain;
use aznet_network::api::ApiError;
use aznet_network::namespace::Network;
use aznet_network::observe::telemetry::Prometheus;
use aznet_network::observe::usage::{self, Usage};
use aznet_runner::observation::Measure;
use tokio::time::timeout;

/// Longest time for a question to a kubelet.
const PATIENCE: Duration = Duration::from_secs(4);
/// Failures after which kubelets are not asked any more.
const FAILURES: u32 = 3;

/// Where what pods use is asked for.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    kubelets: Kubelets,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kubelets {
    /// They failed so often.
    Failed(u32),
    /// They may not be asked: it takes rights in the whole cluster.
    Forbidden,
}

impl Default for Kubelets {
    fn default() -> Self {
        Self::Failed(0)
    }
}

/// What was learned.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// What pods use.
    pub(crate) used: Vec<Usage>,
    /// What their databases take on disk.
    pub(crate) disks: Vec<(String, u64)>,
    /// What is not known, and why.
    pub(crate) unknown: Vec<(Measure, String)>,
}

impl Meter {
    /// Asks for the pods on these machines.
    pub(crate) async fn read(&mut self, network: &Network, machines: BTreeSet<String>) -> Reading {
        let mut reading = Reading::default();
        for machine in machines {
            reading.used.extend(self.ask(network, &machine).await);
        }
        let prometheus = match Prometheus::of(network).await {
            Ok(prometheus) => prometheus,
            Err(error) => {
                reading.unknown = self.missing(&chain(&error));
                return reading;
            }
        };
        if self.kubelets == Kubelets::Forbidden {
            reading.used = usage::told(&prometheus).await.unwrap_or_default();
        }
        let disks = usage::databases(&prometheus).await.unwrap_or_default();
        reading.disks = disks.into_iter().collect();
        reading
    }

    async fn ask(&mut self, network: &Network, machine: &str) -> Vec<Usage> {
        let Kubelets::Failed(failures @ ..FAILURES) = self.kubelets else {
            return Vec::new();
        };
        let answer = timeout(PATIENCE, usage::of(network, machine)).await;
        match answer {
            Ok(Ok(used)) => return used,
            Ok(Err(error)) if ApiError::is_forbidden(&error) => self.kubelets = Kubelets::Forbidden,
            _ => self.kubelets = Kubelets::Failed(failures + 1),
        }
        Vec::new()
    }

    /// What is not known without a Prometheus.
    fn missing(&self, why: &str) -> Vec<(Measure, String)> {
        let all = Measure::ALL.into_iter();
        let missing = all.filter(|measure| match measure {
            Measure::Memory => self.kubelets == Kubelets::Forbidden,
            Measure::Disk => true,
        });
        missing.map(|measure| (measure, why.to_owned())).collect()
    }
}
