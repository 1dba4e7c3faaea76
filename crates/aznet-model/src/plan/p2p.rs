//! How peers outside of the cluster reach the pods.

use crate::role::Role;
use crate::values::{Exposure, P2p, Problem, Values};
use crate::workload::Workload;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// Ports that Kubernetes sets aside for services, unless its API server was told otherwise.
const NODE_PORTS: std::ops::RangeInclusive<u32> = 30_000..=32_767;

/// A port to propose where none is named yet.
const FIRST_PROPOSED: u32 = 30_400;

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

    /// First of its ports on every machine; 0 is none.
    fn base(&self) -> u32 {
        self.p2p.node_port_base.unwrap_or_default().into()
    }

    fn last(&self) -> u32 {
        self.base() + self.replicas.saturating_sub(1)
    }

    fn outside_of_node_ports(&self) -> bool {
        !NODE_PORTS.contains(&self.base()) || !NODE_PORTS.contains(&self.last())
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
    let (by_port, others): (Vec<&Exposed>, Vec<&Exposed>) =
        exposed.iter().partition(|one| one.is(Exposure::NodePort));
    let mut problems = node_ports(&by_port);
    problems.extend(others.iter().filter_map(|one| unknown_addresses(one)));
    problems.extend(bundles(values, &by_port));
    // Two pods behind one port of every machine are one mistake, whatever address they announce.
    let placed = if problems.is_empty() {
        exposed.iter().collect()
    } else {
        others
    };
    problems.extend(same_places(&placed));
    problems.extend(not_nodes(values));
    if !values.chaos.scenarios.is_empty() {
        problems.extend(beside_chaos(&exposed));
    }
    problems
}

/// Each mistake once: where a role has no ports at all, nothing is said of the ranges that follow from none.
fn node_ports(by_port: &[&Exposed]) -> Vec<Problem> {
    let (without, with): (Vec<&Exposed>, Vec<&Exposed>) =
        by_port.iter().partition(|one| one.base() == 0);
    let (outside, inside): (Vec<&Exposed>, Vec<&Exposed>) =
        with.iter().partition(|one| one.outside_of_node_ports());
    let mut next = inside.iter().map(|one| one.last() + 1).max();
    let mut problems: Vec<Problem> = without_ports(&without, next).into_iter().collect();
    problems.extend(outside.iter().map(|one| out_of_range(one)));
    for (n, one) in inside.iter().enumerate() {
        let clashes: Vec<String> = inside[..n]
            .iter()
            .filter(|other| one.base() <= other.last() && other.base() <= one.last())
            .map(|other| other.workload.to_string())
            .collect();
        if let (false, Some(free)) = (clashes.is_empty(), next) {
            problems.push(overlap(one, &clashes, free));
            next = Some(free + one.replicas);
        }
    }
    problems
}

/// Roles that are to have ports of every machine, and have none. `free` is the first port that is not taken.
fn without_ports(roles: &[&Exposed], free: Option<u32>) -> Option<Problem> {
    let first = roles.first()?;
    let names: Vec<String> = roles.iter().map(|one| one.workload.to_string()).collect();
    let mut port = free.unwrap_or(FIRST_PROPOSED);
    let mut proposals = Vec::new();
    for one in roles {
        proposals.push(format!("{}={port}", one.key("nodePortBase")));
        port += one.replicas;
    }
    Some(Problem::new(
        first.key("nodePortBase"),
        format!("exposure NodePort without ports for {}", names.join(", ")),
        "for each role the port of its pod 0; pod r has the one r above it",
        format!("set for example {}", proposals.join(", ")),
    ))
}

fn out_of_range(one: &Exposed) -> Problem {
    Problem::new(
        one.key("nodePortBase"),
        format!("ports {} to {}", one.base(), one.last()),
        format!(
            "ports of {} to {}, one for each pod",
            NODE_PORTS.start(),
            NODE_PORTS.end()
        ),
        "set it to the port of pod 0",
    )
}

fn overlap(one: &Exposed, others: &[String], free: u32) -> Problem {
    Problem::new(
        one.key("nodePortBase"),
        format!(
            "ports {} to {} overlap those of {}",
            one.base(),
            one.last(),
            others.join(", ")
        ),
        "ports of its own on every machine",
        format!("start at {free} or later"),
    )
}

/// The port of every machine that leads to the boot node's bundles.
fn bundles(values: &Values, by_port: &[&Exposed]) -> Option<Problem> {
    let boot_node = &values.boot_node;
    let port = u32::from(boot_node.join_bundles.node_port);
    if port == 0 || !boot_node.join_bundles.enabled || boot_node.replicas == 0 {
        return None;
    }
    let has_ports = |one: &&Exposed| one.workload.role() == Role::BootNode;
    let (seen, expected, remedy) = if !by_port.iter().any(has_ports) {
        (
            port.to_string(),
            "0: only bootNode.p2p.exposure NodePort leads to ports of machines".to_owned(),
            "set it to 0, or bootNode.p2p.exposure to NodePort",
        )
    } else if !NODE_PORTS.contains(&port) {
        (
            port.to_string(),
            format!("a port of {} to {}", NODE_PORTS.start(), NODE_PORTS.end()),
            "set it to one that is free on every machine",
        )
    } else {
        let mut by_port = by_port.iter();
        let other = by_port.find(|one| (one.base()..=one.last()).contains(&port))?;
        (
            format!("{port}, a p2p port of {}", other.workload),
            "a port of its own on every machine".to_owned(),
            "change one of them",
        )
    };
    Some(Problem::new(
        "bootNode.joinBundles.nodePort",
        seen,
        expected,
        remedy,
    ))
}

/// A load balancer's address is announced by the pod, which can't ask for it.
fn unknown_addresses(one: &Exposed) -> Option<Problem> {
    if !one.is(Exposure::LoadBalancer) {
        return None;
    }
    let unknown: Vec<u32> = (0..one.replicas)
        .filter(|ordinal| one.p2p.announced(*ordinal).is_none())
        .collect();
    let first = unknown.first()?;
    let pods: Vec<String> = unknown
        .iter()
        .map(|ordinal| format!("{}-{ordinal}", one.workload))
        .collect();
    Some(Problem::new(
        one.key(&format!("pods.{first}.announceIp")),
        format!("no address for {}", pods.join(", ")),
        "the static address of each pod's load balancer: the pod announces it to its peers",
        "reserve an address for each and name it",
    ))
}

/// Two pods behind one address and port.
fn same_places(exposed: &[&Exposed]) -> Vec<Problem> {
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
fn beside_chaos(exposed: &[Exposed]) -> Option<Problem> {
    let names: Vec<String> = exposed.iter().map(|one| one.workload.to_string()).collect();
    let first = exposed.first()?;
    Some(Problem::new(
        first.key("exposure"),
        format!(
            "a way in from outside to {}, beside chaos.scenarios",
            names.join(", ")
        ),
        "ClusterIP: faults between pods don't touch peers that meet through machines",
        "take one of them out",
    ))
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
        "{} announces {example}, an address reserved for documentation (RFC 5737) that is unreachable: set {} to your own.",
        one.workload,
        one.key("announceIp")
    ))
}
