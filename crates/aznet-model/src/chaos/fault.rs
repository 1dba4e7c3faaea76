//! The kinds of faults and their settings, in Chaos Mesh's words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::FaultDuration;
use crate::emulation::Impairment;
use crate::pattern::{RATE, SIZE};

use super::l1::L1Fault;
use super::pods::Pods;
use super::process::{ClockFault, DnsFault, HttpFault, IoFault};
use super::protocol::ProtocolFault;

/// The fault of an experiment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault<'a> {
    /// Of the pods themselves.
    Pod(&'a PodFault),
    /// Of their network.
    Network(&'a NetworkFault),
    /// Load.
    Stress(&'a StressFault),
    /// A wrong clock.
    Clock(&'a ClockFault),
    /// A slow or failing disk.
    Io(&'a IoFault),
    /// Names that do not resolve.
    Dns(&'a DnsFault),
    /// HTTP that is late or cut off.
    Http(&'a HttpFault),
    /// Of the protocol.
    Protocol(&'a ProtocolFault),
    /// Of the L1.
    L1(&'a L1Fault),
}

impl Fault<'_> {
    /// The keys of an experiment that faults are under.
    pub const KEYS: [&'static str; 9] = [
        "pod", "network", "stress", "clock", "io", "dns", "http", "protocol", "l1",
    ];

    /// The kind of Chaos Mesh's object; none of what Chaos Mesh knows nothing of.
    pub const fn kind(&self) -> Option<&'static str> {
        match self {
            Self::Pod(_) => Some("PodChaos"),
            Self::Network(_) => Some("NetworkChaos"),
            Self::Stress(_) => Some("StressChaos"),
            Self::Clock(_) => Some("TimeChaos"),
            Self::Io(_) => Some("IOChaos"),
            Self::Dns(_) => Some("DNSChaos"),
            Self::Http(_) => Some("HTTPChaos"),
            Self::Protocol(_) | Self::L1(_) => None,
        }
    }

    /// The key of an experiment that it is under.
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Pod(_) => "pod",
            Self::Network(_) => "network",
            Self::Stress(_) => "stress",
            Self::Clock(_) => "clock",
            Self::Io(_) => "io",
            Self::Dns(_) => "dns",
            Self::Http(_) => "http",
            Self::Protocol(_) => "protocol",
            Self::L1(_) => "l1",
        }
    }

    /// What it does, as values write it.
    pub const fn action(&self) -> &'static str {
        match self {
            Self::Pod(fault) => fault.action.name(),
            Self::Network(fault) => fault.action.name(),
            Self::Stress(_) => "stress",
            Self::Clock(_) => "offset",
            Self::Io(fault) => fault.action.name(),
            Self::Dns(fault) => fault.action.name(),
            Self::Http(fault) => fault.action.name(),
            Self::Protocol(fault) => fault.action.name(),
            Self::L1(fault) => fault.action.name(),
        }
    }
}

/// A fault of pods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PodFault {
    /// What is done.
    pub action: PodAction,
    /// Containers that `container-kill` kills.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<String>,
    /// Seconds that `kill` gives a pod to end by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 3600))]
    pub grace_period: Option<u32>,
}

/// What is done to a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PodAction {
    /// It is deleted; its workload makes another.
    Kill,
    /// Its containers are replaced by one that does nothing.
    Failure,
    /// Containers of it are killed; it starts them again.
    ContainerKill,
}

impl PodAction {
    /// As values write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Failure => "failure",
            Self::ContainerKill => "container-kill",
        }
    }
}

/// A fault of the network of pods.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NetworkFault {
    /// What is done.
    pub action: NetworkAction,
    /// Which packets: of the pods to the target, from it, or both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// The pods at the other end; everything where none are named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Pods>,
    /// Of `delay`: how late packets are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<FaultDuration>,
    /// Of `delay`: by how much that differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<FaultDuration>,
    /// Of `loss`, `duplicate`, `corrupt`: the share of packets, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub percent: Option<f64>,
    /// Of these and `delay`: how much a packet's fate depends on the one before, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub correlation: Option<f64>,
    /// Of `bandwidth`: bytes a second, such as `1mbps`, which is a megabyte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = RATE))]
    pub rate: Option<String>,
}

impl NetworkFault {
    /// Whether packets are late, lost, doubled or damaged: what netem does in the kernel.
    pub const fn is_of_packets(&self) -> bool {
        matches!(
            self.action,
            NetworkAction::Delay
                | NetworkAction::Loss
                | NetworkAction::Duplicate
                | NetworkAction::Corrupt
        )
    }

    /// What that is for each packet.
    pub fn impairment(&self) -> Impairment {
        let micros = |time: &Option<FaultDuration>| {
            let time = time.as_ref().map(FaultDuration::duration);
            u64::try_from(time.unwrap_or_default().as_micros()).unwrap_or(u64::MAX)
        };
        let percent = |action| {
            let asked = (self.action == action).then_some(self.percent);
            asked.flatten().unwrap_or_default()
        };
        Impairment {
            delay: micros(&self.latency),
            jitter: micros(&self.jitter),
            loss: percent(NetworkAction::Loss),
            duplicate: percent(NetworkAction::Duplicate),
            corrupt: percent(NetworkAction::Corrupt),
        }
    }

    /// Bytes a second that get through; `None` where no rate is said.
    pub fn bytes_per_second(&self) -> Option<u64> {
        number(self.rate.as_deref()?, &RATES)
    }
}

/// How `tc` calls bytes a second.
const RATES: [(&str, u64); 5] = [
    ("tbps", 1_000_000_000_000),
    ("gbps", 1_000_000_000),
    ("mbps", 1_000_000),
    ("kbps", 1000),
    ("bps", 1),
];
/// How Chaos Mesh calls amounts of memory.
const SIZES: [(&str, u64); 4] = [("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10), ("B", 1)];

/// A number with one of these units.
fn number(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    units.iter().find_map(|(unit, factor)| {
        let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
        number.checked_mul(*factor)
    })
}

/// What is done to a pod's network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkAction {
    /// No packet gets through.
    Partition,
    /// Packets are late.
    Delay,
    /// Packets are lost.
    Loss,
    /// Packets come twice.
    Duplicate,
    /// Packets are damaged.
    Corrupt,
    /// Fewer bytes a second get through.
    Bandwidth,
}

impl NetworkAction {
    /// Its name in values.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Partition => "partition",
            Self::Delay => "delay",
            Self::Loss => "loss",
            Self::Duplicate => "duplicate",
            Self::Corrupt => "corrupt",
            Self::Bandwidth => "bandwidth",
        }
    }
}

/// Which packets a fault is done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Those to the target.
    To,
    /// Those from it.
    From,
    /// All between the two.
    Both,
}

/// Load on pods.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct StressFault {
    /// On their processors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<CpuStress>,
    /// On their memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryStress>,
}

/// Load on processors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CpuStress {
    /// Threads.
    #[schemars(range(min = 1, max = 1024))]
    pub workers: u32,
    /// How much of a processor each takes, in percent; all of it where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub load: Option<u32>,
}

/// Load on memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MemoryStress {
    /// Processes.
    #[schemars(range(min = 1, max = 1024))]
    pub workers: u32,
    /// What all of them take, such as `256MB` or `25%`.
    #[schemars(regex(pattern = SIZE))]
    pub size: String,
}

impl MemoryStress {
    /// Bytes that are taken in all; a share is one of the machine's memory.
    pub fn bytes(&self, machine: u64) -> Option<u64> {
        let share = self
            .size
            .strip_suffix('%')
            .and_then(|share| share.parse::<u64>().ok());
        let share = share.map(|share| machine / 100 * share);
        share.or_else(|| number(&self.size, &SIZES))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_sizes_are_read_as_tc_and_chaos_mesh_read_them() {
        let fault = NetworkFault {
            action: NetworkAction::Bandwidth,
            direction: None,
            target: None,
            latency: None,
            jitter: None,
            percent: None,
            correlation: None,
            rate: Some("2mbps".to_owned()),
        };
        assert_eq!(fault.bytes_per_second(), Some(2_000_000));
        let bytes = |size: &str| {
            let size = size.to_owned();
            MemoryStress { workers: 1, size }.bytes(1000)
        };
        assert_eq!(bytes("256MB"), Some(256 << 20));
        assert_eq!(bytes("10%"), Some(100));
        assert_eq!(bytes("99999999999999999999GB"), None);
    }
}
