//! The addresses inside a cluster, the same in every one: their network namespaces keep them apart.

use std::net::Ipv4Addr;

/// The bridge that carries the node's address.
pub(crate) const NODE_LINK: &str = "node0";
/// The node.
pub(crate) const NODE_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 240, 0, 1);
/// First address of the pods' range.
pub(crate) const POD_RANGE: Ipv4Addr = Ipv4Addr::new(10, 244, 0, 0);
/// Room for 1,022 addresses: far more than pods, so that an address is not soon used again.
pub(crate) const POD_PREFIX: u8 = 22;
/// First address of the services' range.
pub(crate) const SERVICE_RANGE: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 0);
/// Its prefix length.
pub(crate) const SERVICE_PREFIX: u8 = 16;
/// The API, as pods see it: always the range's first address.
pub(crate) const API_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 1);
/// CoreDNS.
pub(crate) const DNS_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 10);
/// The gateway of pods that Calico links: nobody has it, their links answer for it.
pub(crate) const CALICO_GATEWAY: Ipv4Addr = Ipv4Addr::new(169, 254, 1, 1);
/// The API's port on the node.
pub(crate) const API_PORT: u16 = 6443;
/// The domain of service names.
pub(crate) const DOMAIN: &str = "cluster.local";

/// `first/prefix`.
pub(crate) fn range(first: Ipv4Addr, prefix: u8) -> String {
    format!("{first}/{prefix}")
}
