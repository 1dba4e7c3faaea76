//! What the kernel of each node can do for faults: tried, in a network namespace that is gone afterwards.

use std::collections::BTreeMap;

use aznet_model::chaos::{Fault, NetworkAction};
use aznet_network::clients::exec::ExecError;
use kube::Client;
use serde::Serialize;

use crate::daemon::Daemons;
use crate::error::ChaosError;

/// Something that faults need of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Dropping packets between pods.
    Drop,
    /// Limiting how much is sent.
    Tbf,
    /// Delaying, losing, doubling and damaging packets.
    Netem,
    /// Doing so to some packets only.
    Prio,
    /// Handing packets to a program.
    Nfqueue,
    /// Taking hold of another process, and a daemon with the clocks that it puts into it.
    Ptrace,
    /// File systems made by programs, and Chaos Mesh's program for them.
    Fuse,
    /// Chaos Mesh's proxy.
    Tproxy,
    /// Chaos Mesh's DNS server, on the cluster.
    DnsServer,
    /// Load on processors.
    StressNg,
    /// Load on memory.
    MemStress,
}

impl Capability {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Drop,
        Self::Tbf,
        Self::Netem,
        Self::Prio,
        Self::Nfqueue,
        Self::Ptrace,
        Self::Fuse,
        Self::Tproxy,
        Self::DnsServer,
        Self::StressNg,
        Self::MemStress,
    ];

    /// What the node must have.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Drop => "iptables and ipset",
            Self::Tbf => "tbf",
            Self::Netem => "netem",
            Self::Prio => "prio and sfq",
            Self::Nfqueue => "NFQUEUE and aznet-netem",
            Self::Ptrace => "ptrace and Chaos Mesh's clocks",
            Self::Fuse => "FUSE and toda",
            Self::Tproxy => "tproxy",
            Self::DnsServer => "the DNS server of Chaos Mesh",
            Self::StressNg => "stress-ng",
            Self::MemStress => "memStress",
        }
    }

    /// The faults that it is for.
    pub const fn faults(self) -> &'static str {
        match self {
            Self::Drop => "partition",
            Self::Tbf => "bandwidth",
            Self::Netem => "delay, loss, duplicate, corrupt",
            Self::Prio => "bandwidth, delay, loss, duplicate, corrupt with a target",
            Self::Nfqueue => "delay, loss, duplicate, corrupt without netem",
            Self::Ptrace => "clock",
            Self::Fuse => "io (not measured yet)",
            Self::Tproxy => "http (not measured yet)",
            Self::DnsServer => "dns (not measured yet)",
            Self::StressNg => "stress of processors",
            Self::MemStress => "stress of memory",
        }
    }

    /// What tries it, and leaves nothing.
    const fn attempt(self) -> &'static str {
        match self {
            Self::Drop => {
                "ipset create probe hash:net && \
                 iptables -w 5 -A OUTPUT -m set --match-set probe dst -j DROP"
            }
            Self::Tbf => "tc qdisc add dev lo root tbf rate 1mbit burst 10000 limit 100000",
            Self::Netem => "tc qdisc add dev lo root netem delay 1ms",
            Self::Prio => {
                "tc qdisc add dev lo root handle 1: prio && tc qdisc add dev lo parent 1:1 sfq"
            }
            Self::Nfqueue => {
                "iptables -w 5 -A OUTPUT -j NFQUEUE --queue-num 0 --queue-bypass && command -v aznet-netem"
            }
            // Bit 19 of the capabilities is CAP_SYS_PTRACE.
            Self::Ptrace => {
                "caps=$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status) && \
                 [ $((0x$caps >> 19 & 1)) -eq 1 ] || { echo 'no CAP_SYS_PTRACE' >&2; exit 1; }; \
                 grep -qF fakeclock/fake_clock_gettime.o \"$(command -v chaos-daemon)\" || \
                 { echo 'a chaos-daemon without clocks' >&2; exit 1; }"
            }
            Self::Fuse => {
                "test -c /dev/fuse || grep -qw fuse /proc/filesystems || \
                 { echo 'no /dev/fuse' >&2; exit 1; }; \
                 command -v toda || { echo 'no program toda' >&2; exit 1; }"
            }
            Self::Tproxy => "command -v tproxy || { echo 'no program tproxy' >&2; exit 1; }",
            // Asked of the cluster, not of the node.
            Self::DnsServer => "true",
            Self::StressNg => "command -v stress-ng",
            Self::MemStress => "command -v memStress",
        }
    }
}

/// What a node can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Each capability, and what was said where it is missing.
    pub can: BTreeMap<Capability, Result<(), String>>,
}

impl Node {
    /// Whether all of these are there; else what is missing, and what was said when it was tried.
    pub(crate) fn check(&self, needed: &[Capability]) -> Result<(), (Vec<&'static str>, String)> {
        let lacks = needed.iter().filter_map(|one| match self.can.get(one)? {
            Ok(()) => None,
            Err(said) => Some((one.name(), said.as_str())),
        });
        let (missing, said): (Vec<&str>, Vec<&str>) = lacks.unzip();
        if missing.is_empty() {
            Ok(())
        } else {
            Err((missing, said.join("; ")))
        }
    }
}

/// Tries everything on every node that has a daemon of Chaos Mesh.
///
/// # Errors
/// [`ChaosError`].
pub async fn probe(client: &Client) -> Result<Vec<Node>, ChaosError> {
    let daemons = Daemons::find(client).await?;
    let nodes = daemons.nodes().map(|node| probe_node(&daemons, node));
    futures::future::try_join_all(nodes).await
}

pub(crate) async fn probe_node(daemons: &Daemons, node: &str) -> Result<Node, ChaosError> {
    let mut can = BTreeMap::new();
    for capability in Capability::ALL {
        if capability == Capability::DnsServer {
            let there = daemons.has_dns_server().await?;
            let said = || "no pod of component chaos-dns-server is ready".to_owned();
            can.insert(capability, there.then_some(()).ok_or_else(said));
            continue;
        }
        let attempt = capability.attempt();
        let words = ["unshare", "--net", "--", "sh", "-c", attempt];
        let tried = match daemons.run(node, &words).await {
            None => Err("no daemon of Chaos Mesh is there".to_owned()),
            Some(Ok(_)) => Ok(()),
            Some(Err(ExecError::Failed { reason, .. })) => Err(reason),
            Some(Err(other)) => return Err(ChaosError::Measure(other.into())),
        };
        can.insert(capability, tried);
    }
    Ok(Node {
        name: node.to_owned(),
        can,
    })
}

/// What a fault needs of the nodes of its pods.
pub(crate) fn needed(fault: Fault<'_>) -> Vec<Capability> {
    match fault {
        Fault::Pod(_) | Fault::Protocol(_) | Fault::L1(_) => Vec::new(),
        Fault::Network(fault) => {
            let own = match fault.action {
                NetworkAction::Partition => return vec![Capability::Drop],
                NetworkAction::Bandwidth => Capability::Tbf,
                NetworkAction::Delay
                | NetworkAction::Loss
                | NetworkAction::Duplicate
                | NetworkAction::Corrupt => Capability::Netem,
            };
            let some = fault.target.as_ref().map(|_| Capability::Prio);
            [own].into_iter().chain(some).collect()
        }
        Fault::Clock(_) => vec![Capability::Ptrace],
        Fault::Io(_) => vec![Capability::Fuse],
        Fault::Dns(_) => vec![Capability::DnsServer],
        Fault::Http(_) => vec![Capability::Drop, Capability::Tproxy],
        Fault::Stress(fault) => {
            let cpu = fault.cpu.map(|_| Capability::StressNg);
            let memory = fault.memory.as_ref().map(|_| Capability::MemStress);
            cpu.into_iter().chain(memory).collect()
        }
    }
}

/// Whether a fault that needs what the node lacks can be done to it by `aznet-netem`.
pub(crate) fn can_emulate(fault: Fault<'_>, node: &Node) -> bool {
    let of_packets = matches!(fault, Fault::Network(fault) if fault.is_of_packets());
    of_packets && node.can.get(&Capability::Nfqueue) == Some(&Ok(()))
}

/// The faults that come nearest to one that can't be done, of those that need only what is there.
pub(crate) fn nearest(fault: Fault<'_>, node: &Node) -> Vec<&'static str> {
    let can = |capability| node.can.get(&capability) == Some(&Ok(()));
    let near: &[(Capability, &'static str)] = match fault {
        Fault::Pod(_) | Fault::Protocol(_) | Fault::L1(_) => &[],
        // What comes late is what others have long done.
        Fault::Clock(_) => &[(Capability::Netem, "delay"), (Capability::Nfqueue, "delay")],
        Fault::Dns(_) => &[(Capability::Drop, "partition")],
        Fault::Http(_) => &[
            (Capability::Netem, "delay"),
            (Capability::Nfqueue, "delay"),
            (Capability::Drop, "partition"),
        ],
        Fault::Network(_) => &[
            (Capability::Tbf, "bandwidth without a target"),
            (Capability::Drop, "partition"),
        ],
        Fault::Stress(_) | Fault::Io(_) => &[
            (Capability::StressNg, "stress of processors"),
            (Capability::MemStress, "stress of memory"),
        ],
    };
    let fit = near.iter().filter(|(capability, _)| can(*capability));
    let mut names: Vec<&str> = fit.map(|(_, name)| *name).collect();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use aznet_model::chaos::{IoAction, IoFault, NetworkFault, Pods};

    use super::*;

    #[test]
    fn a_fault_that_can_not_be_done_is_told_with_the_nearest_that_can() {
        let mut fault = NetworkFault {
            action: NetworkAction::Delay,
            direction: None,
            target: None,
            latency: None,
            jitter: None,
            percent: None,
            correlation: None,
            rate: None,
        };
        assert_eq!(needed(Fault::Network(&fault)), [Capability::Netem]);
        fault.target = Some(Pods::default());
        assert_eq!(
            needed(Fault::Network(&fault)),
            [Capability::Netem, Capability::Prio]
        );
        let missing = Err("Specified qdisc kind is unknown.".to_owned());
        let node = Node {
            name: "n".to_owned(),
            can: BTreeMap::from([
                (Capability::Netem, missing.clone()),
                (Capability::Tbf, missing),
                (Capability::Drop, Ok(())),
            ]),
        };
        assert_eq!(nearest(Fault::Network(&fault), &node), ["partition"]);
        let io = IoFault {
            action: IoAction::Fault,
            volume: "/data".to_owned(),
            path: None,
            delay: None,
            errno: Some(5),
            percent: None,
            containers: Vec::new(),
        };
        assert_eq!(needed(Fault::Io(&io)), [Capability::Fuse]);
        assert!(nearest(Fault::Io(&io), &node).is_empty(), "no load either");
        let lacks = node.check(&needed(Fault::Network(&fault)));
        let said = "Specified qdisc kind is unknown.".to_owned();
        assert_eq!(lacks, Err((vec!["netem"], said)));
        assert!(node.check(&[Capability::Drop]).is_ok());
    }
}
