//! How peers outside of the cluster reach the pods.

use crate::values::{Exposure, P2p, Problem, Values};
use crate::workload::Workload;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// Ports that Kubernetes sets aside for services, unless its API server was told otherwise.
const NODE_PORTS: std::ops::RangeInclusive<u32> = 30_000..=32_767;

/// A workload whose pods are reached from outside.
struct Exposed {
    workload: Workload,
    replicas: u32,
    port: u16,
    p2p: P2p,
}

impl Exposed {
    fn key(&self, part: &str) -> String {
        format!("{}.p2p.{part}", self.workload.values_key())
    }

    /// First of its ports on every machine.
    fn base(&self) -> u32 {
        self.p2p.node_port_base.unwrap_or_default().into()
    }

    fn last(&self) -> u32 {
        self.base() + self.replicas.saturating_sub(1)
    }

    fn is(&self, exposure: Exposure) -> bool {
        self.p2p.exposure() == exposure
    }

    /// The port by which pod `ordinal` is reached.
    fn announced_port(&self, ordinal: u32) -> u32 {
        if self.is(Exposure::NodePort) {
            self.base() + ordinal
        } else {
            self.port.into()
        }
    }
}

fn exposed(values: &Values) -> Vec<Exposed> {
    let nodes = values
        .workloads()
        .into_iter()
        .filter(|workload| workload.role().is_node());
    nodes
        .filter_map(|workload| {
            let pod = values.pod_of(&workload);
            let p2p = pod.p2p.unwrap_or_default();
            (p2p.exposure() != Exposure::ClusterIp).then(|| Exposed {
                replicas: values.replicas_of(&workload),
                port: pod
                    .service
                    .and_then(|ports| ports.p2p_port)
                    .unwrap_or_default(),
                p2p,
                workload,
            })
        })
        .filter(|exposed| exposed.replicas > 0)
        .collect()
}

pub(super) fn problems(values: &Values) -> Vec<Problem> {
    let exposed = exposed(values);
    let mut problems = node_ports(&exposed);
    problems.extend(exposed.iter().flat_map(unknown_addresses));
    problems.extend(same_places(&exposed));
    problems.extend(not_nodes(values));
    if !values.chaos.scenarios.is_empty() {
        problems.extend(exposed.iter().map(beside_chaos));
    }
    problems
}

fn node_ports(exposed: &[Exposed]) -> Vec<Problem> {
    let by_port: Vec<&Exposed> = exposed
        .iter()
        .filter(|one| one.is(Exposure::NodePort))
        .collect();
    let mut problems = Vec::new();
    for (n, one) in by_port.iter().enumerate() {
        let (first, last) = (one.base(), one.last());
        if !NODE_PORTS.contains(&first) || !NODE_PORTS.contains(&last) {
            problems.push(Problem::new(
                one.key("nodePortBase"),
                format!("ports {first} to {last}"),
                format!(
                    "ports of {} to {}, one for each pod",
                    NODE_PORTS.start(),
                    NODE_PORTS.end()
                ),
                "set it to the port of pod 0",
            ));
        }
        let clashes = by_port[..n]
            .iter()
            .filter(|other| first <= other.last() && other.base() <= last);
        problems.extend(clashes.map(|other| {
            Problem::new(
                one.key("nodePortBase"),
                format!(
                    "ports {first} to {last} overlap those of {}",
                    other.workload
                ),
                "ports of its own on every machine",
                format!("start at {} or later", other.last() + 1),
            )
        }));
    }
    problems
}

/// A load balancer's address is announced by the pod, which can't ask for it.
fn unknown_addresses(one: &Exposed) -> Vec<Problem> {
    if !one.is(Exposure::LoadBalancer) {
        return Vec::new();
    }
    let unknown = (0..one.replicas).filter(|ordinal| one.p2p.announced(*ordinal).is_none());
    unknown
        .map(|ordinal| {
            Problem::new(
                one.key(&format!("pods.{ordinal}.announceIp")),
                "no address",
                "the static address of the pod's load balancer: the pod announces it to its peers",
                "reserve an address and name it",
            )
        })
        .collect()
}

/// Two pods behind one address and port.
fn same_places(exposed: &[Exposed]) -> Vec<Problem> {
    let mut taken: BTreeMap<(&str, u32), String> = BTreeMap::new();
    let mut problems = Vec::new();
    for one in exposed {
        for ordinal in 0..one.replicas {
            let Some(ip) = one.p2p.announced(ordinal) else {
                continue;
            };
            let (port, pod) = (
                one.announced_port(ordinal),
                format!("{}-{ordinal}", one.workload),
            );
            if let Some(other) = taken.insert((ip, port), pod.clone()) {
                problems.push(Problem::new(
                    one.key(&format!("pods.{ordinal}.announceIp")),
                    format!("{pod} and {other} both announce {ip}:{port}"),
                    "an address and port for each pod",
                    "give each pod an address of its own",
                ));
            }
        }
    }
    problems
}

/// Peers that meet through machines' addresses are not parted by faults between pods.
fn beside_chaos(one: &Exposed) -> Problem {
    Problem::new(
        one.key("exposure"),
        "a way in from outside beside chaos.scenarios",
        "ClusterIP: faults between pods don't touch peers that meet through machines",
        "take one of them out",
    )
}

fn not_nodes(values: &Values) -> Vec<Problem> {
    let others = values
        .workloads()
        .into_iter()
        .filter(|workload| !workload.role().is_node());
    others
        .filter(|workload| {
            let own = values.own_settings(workload.role()).p2p.unwrap_or_default();
            own.exposure() != Exposure::ClusterIp
        })
        .map(|workload| {
            Problem::new(
                format!("{}.p2p.exposure", workload.values_key()),
                "a way in for peers",
                "none: it has no p2p port",
                "take it out",
            )
        })
        .collect()
}

/// What follows from the ways in.
pub(super) fn notes(values: &Values) -> Vec<String> {
    let exposed = exposed(values);
    let mut machines: BTreeMap<u16, u32> = BTreeMap::new();
    for one in exposed.iter().filter(|one| one.is(Exposure::HostPort)) {
        *machines.entry(one.port).or_default() += one.replicas;
    }
    let mut notes: Vec<String> = machines
        .iter()
        .filter(|(_, pods)| **pods > 1)
        .map(|(port, pods)| {
            format!(
                "{pods} pods want port {port} of their machine (p2p.exposure: HostPort): they need as many machines, or other ports (service.p2pPort)."
            )
        })
        .collect();
    if !machines.is_empty() {
        notes.push(
            "Ports of machines (HostPort) are refused in namespaces of the Pod Security levels baseline and restricted; NodePort is not."
                .to_owned(),
        );
    }
    notes.extend(exposed.iter().filter_map(placeholder));
    notes
}

/// An address that is in examples only.
fn placeholder(one: &Exposed) -> Option<String> {
    let mut announced = (0..one.replicas).filter_map(|ordinal| one.p2p.announced(ordinal));
    let example =
        announced.find(|ip| ip.parse().is_ok_and(|ip: Ipv4Addr| ip.is_documentation()))?;
    Some(format!(
        "{} announces {example}, an address for documentation (RFC 5737) that nobody can dial: set {} to your own.",
        one.workload,
        one.key("announceIp")
    ))
}
