//! Who may connect to whom under a set of NetworkPolicies, as the Kubernetes API documents their meaning: a pod that no
//! policy selects takes and makes every connection; one that is selected, only those that some policy allows; and a
//! connection needs both of its ends to allow it.

use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

type Labels = BTreeMap<String, String>;

/// One end of a connection: a pod with its labels and its namespace's, or an address outside of the cluster.
#[derive(Debug, Clone)]
pub(crate) struct End {
    pub(crate) name: String,
    pub(crate) address: IpAddr,
    /// Namespace, its labels, the pod's labels; `None`: no pod.
    pub(crate) pod: Option<(String, Labels, Labels)>,
}

impl End {
    pub(crate) fn outside(name: &str, address: Ipv4Addr) -> Self {
        Self {
            name: name.to_owned(),
            address: address.into(),
            pod: None,
        }
    }
}

/// What is connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Port {
    pub(crate) protocol: &'static str,
    pub(crate) number: i32,
}

#[derive(Clone, Copy)]
enum Direction {
    Ingress,
    Egress,
}

/// Whether `from` can open a connection to `to`. The policies are those of one namespace.
pub(crate) fn connects(
    policies: &[NetworkPolicy],
    namespace: &str,
    from: &End,
    to: &End,
    port: Port,
) -> bool {
    allows(policies, namespace, Direction::Egress, from, to, port)
        && allows(policies, namespace, Direction::Ingress, to, from, port)
}

/// Whether the policies of `own` let it talk to `other`.
fn allows(
    policies: &[NetworkPolicy],
    namespace: &str,
    direction: Direction,
    own: &End,
    other: &End,
    port: Port,
) -> bool {
    let Some((_, _, labels)) = own.pod.as_ref().filter(|(at, ..)| at == namespace) else {
        return true;
    };
    let name = match direction {
        Direction::Ingress => "Ingress",
        Direction::Egress => "Egress",
    };
    let applies = |policy: &&NetworkPolicy| {
        let spec = policy.spec.as_ref().expect("a policy has a spec");
        let types = spec
            .policy_types
            .as_ref()
            .expect("policies name their types");
        let everyone = LabelSelector::default();
        types.iter().any(|one| one == name)
            && selects(spec.pod_selector.as_ref().unwrap_or(&everyone), labels)
    };
    let mut selecting = policies.iter().filter(applies).peekable();
    if selecting.peek().is_none() {
        return true;
    }
    selecting.any(|policy| {
        rules(policy, direction).iter().any(|(peers, ports)| {
            (peers.is_empty() || peers.iter().any(|peer| is_peer(peer, namespace, other)))
                && (ports.is_empty() || ports.iter().any(|one| is_port(one, port)))
        })
    })
}

type Rule = (Vec<NetworkPolicyPeer>, Vec<NetworkPolicyPort>);

fn rules(policy: &NetworkPolicy, direction: Direction) -> Vec<Rule> {
    let spec = policy.spec.clone().unwrap_or_default();
    let ingress = spec.ingress.unwrap_or_default().into_iter();
    let egress = spec.egress.unwrap_or_default().into_iter();
    match direction {
        Direction::Ingress => ingress
            .map(|rule| {
                (
                    rule.from.unwrap_or_default(),
                    rule.ports.unwrap_or_default(),
                )
            })
            .collect(),
        Direction::Egress => egress
            .map(|rule| (rule.to.unwrap_or_default(), rule.ports.unwrap_or_default()))
            .collect(),
    }
}

fn is_peer(peer: &NetworkPolicyPeer, namespace: &str, other: &End) -> bool {
    if let Some(block) = &peer.ip_block {
        return in_block(block, other.address);
    }
    let Some((at, of_namespace, of_pod)) = &other.pod else {
        return false;
    };
    let place = match &peer.namespace_selector {
        Some(selector) => selects(selector, of_namespace),
        None => at == namespace,
    };
    place
        && peer
            .pod_selector
            .as_ref()
            .is_none_or(|selector| selects(selector, of_pod))
}

fn is_port(allowed: &NetworkPolicyPort, port: Port) -> bool {
    assert!(
        allowed.end_port.is_none(),
        "ranges of ports are not evaluated here"
    );
    let number = match &allowed.port {
        None => true,
        Some(IntOrString::Int(number)) => *number == port.number,
        Some(IntOrString::String(name)) => panic!("port {name}: not every enforcer resolves names"),
    };
    number && allowed.protocol.as_deref().unwrap_or("TCP") == port.protocol
}

fn selects(selector: &LabelSelector, labels: &Labels) -> bool {
    let matches = |(key, value): (&String, &String)| labels.get(key) == Some(value);
    let requirement = |one: &LabelSelectorRequirement| {
        assert_eq!(one.operator, "In", "only In is evaluated here");
        labels
            .get(&one.key)
            .is_some_and(|value| one.values.iter().flatten().any(|wanted| wanted == value))
    };
    selector.match_labels.iter().flatten().all(matches)
        && selector.match_expressions.iter().flatten().all(requirement)
}

fn in_block(block: &IPBlock, address: IpAddr) -> bool {
    in_range(&block.cidr, address)
        && !block
            .except
            .iter()
            .flatten()
            .any(|range| in_range(range, address))
}

/// Only IPv4 has addresses here; a range of IPv6 holds none of them.
fn in_range(cidr: &str, address: IpAddr) -> bool {
    let (network, length) = cidr.split_once('/').expect("a CIDR");
    let length: u32 = length.parse().expect("a prefix length");
    match (network.parse().expect("an address"), address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
            network.to_bits() & mask == address.to_bits() & mask
        }
        _ => false,
    }
}

#[test]
fn ranges_hold_what_they_should() {
    let address = IpAddr::from(Ipv4Addr::new(10, 1, 2, 3));
    for (cidr, holds) in [
        ("0.0.0.0/0", true),
        ("10.1.2.0/24", true),
        ("10.1.2.3/32", true),
        ("10.1.3.0/24", false),
        ("::/0", false),
    ] {
        assert_eq!(in_range(cidr, address), holds, "{cidr}");
    }
}
