//! What pods use and what they keep: asked of kubelets, and where that is not allowed or not theirs to know, of the network's
//! Prometheus.

use std::collections::BTreeSet;
use std::time::Duration;

use aznet_kit::error::chain;
use aznet_network::namespace::Network;
use aznet_network::observe::telemetry::Prometheus;
use aznet_network::observe::usage::{self, Usage};
use aznet_runner::observation::Measure;
use futures::future::join_all;
use tokio::time::timeout;

/// Longest time for a question to a kubelet.
const PATIENCE: Duration = Duration::from_secs(4);

/// Where what pods use is asked for.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    /// Kubelets may not be asked: it takes rights in the whole cluster.
    forbidden: bool,
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
    /// Asks for the pods on these machines. Memory is not asked of Prometheus where a kubelet fails: it means another thing by it.
    pub(crate) async fn read(&mut self, network: &Network, machines: BTreeSet<String>) -> Reading {
        let mut reading = Reading::default();
        if !self.forbidden {
            let asked = machines.iter().map(|machine| async move {
                let answer = timeout(PATIENCE, usage::of(network, machine)).await;
                (machine, answer)
            });
            for (machine, answer) in join_all(asked).await {
                match answer {
                    Ok(Err(error)) if error.is_forbidden() => self.forbidden = true,
                    Ok(answer) => reading.kubelet(machine, answer.map_err(|error| chain(&error))),
                    Err(slow) => reading.kubelet(machine, Err(slow.to_string())),
                }
            }
        }
        let prometheus = Prometheus::of(network).await.map_err(|error| chain(&error));
        if self.forbidden {
            let used = match &prometheus {
                Ok(prometheus) => usage::told(prometheus).await.map_err(|error| chain(&error)),
                Err(why) => Err(why.clone()),
            };
            reading.used = reading.known(Measure::Memory, used);
        }
        let disks = match &prometheus {
            Ok(prometheus) => (usage::databases(prometheus).await).map_err(|error| chain(&error)),
            Err(why) => Err(why.clone()),
        };
        reading.disks = reading.known(
            Measure::Disk,
            disks.map(|disks| disks.into_iter().collect()),
        );
        reading
    }
}

impl Reading {
    /// Takes in what the kubelet of a machine answered.
    fn kubelet(&mut self, machine: &str, answer: Result<Vec<Usage>, String>) {
        match answer {
            Ok(used) => self.used.extend(used),
            Err(why) => {
                let why = format!("the kubelet of {machine}: {why}");
                self.unknown.push((Measure::Memory, why));
            }
        }
    }

    /// What was told; that it was not, or nothing, is noted.
    fn known<T>(&mut self, measure: Measure, told: Result<Vec<T>, String>) -> Vec<T> {
        let why = match told {
            Ok(told) if !told.is_empty() => return told,
            Ok(_) => "Prometheus knows of no pod".to_owned(),
            Err(why) => why,
        };
        self.unknown.push((measure, why));
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage() -> Usage {
        Usage {
            pod: "a".to_owned(),
            cpu: 0.1,
            memory: 100,
        }
    }

    #[test]
    fn a_kubelet_that_fails_is_told_beside_those_that_answer() {
        let mut reading = Reading::default();
        reading.kubelet("m", Err("no answer".to_owned()));
        reading.kubelet("n", Ok(vec![usage()]));
        assert_eq!(reading.used, [usage()]);
        let why = "the kubelet of m: no answer".to_owned();
        assert_eq!(reading.unknown, [(Measure::Memory, why)]);
    }

    #[test]
    fn what_prometheus_does_not_say_is_not_known() {
        let mut reading = Reading::default();
        assert_eq!(reading.known(Measure::Memory, Ok(vec![1])), [1]);
        assert!(reading.unknown.is_empty());
        let empty = reading.known(Measure::Memory, Ok(Vec::<u64>::new()));
        let failed = reading.known(Measure::Disk, Err::<Vec<u64>, _>("slow".to_owned()));
        assert!(empty.is_empty() && failed.is_empty());
        let unknown = [
            (Measure::Memory, "Prometheus knows of no pod".to_owned()),
            (Measure::Disk, "slow".to_owned()),
        ];
        assert_eq!(reading.unknown, unknown);
    }
}
