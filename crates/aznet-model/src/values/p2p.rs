//! How peers outside of the cluster reach a role's pods.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An IPv4 address, or nothing.
pub(super) const IP: &str = r"^(([0-9]{1,3}\.){3}[0-9]{1,3})?$";
/// An ordinal.
const ORDINAL: &str = "^(0|[1-9][0-9]{0,4})$";

/// What leads to the p2p port of a pod.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Exposure {
    /// Only the cluster's own network.
    #[default]
    #[serde(rename = "ClusterIP")]
    ClusterIp,
    /// A port of every machine for each pod, TCP and UDP: `nodePortBase` + ordinal.
    NodePort,
    /// The p2p port on the pod's own machine: one pod of a role on each.
    HostPort,
    /// A load balancer for each pod, with an address known beforehand.
    LoadBalancer,
}

/// Which machines pass on what comes from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TrafficPolicy {
    /// All of them, to wherever the pod is; it sees the machine's address.
    Cluster,
    /// Only the pod's own; it sees the peer's address.
    Local,
}

/// How peers outside of the cluster reach the pods, and what these announce.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct P2p {
    /// What leads to the pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exposure: Option<Exposure>,
    /// Address announced by all pods, for one that leads to every machine; empty: the machine's own, or `pods`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = IP))]
    pub announce_ip: Option<String>,
    /// With `NodePort`: the port of pod 0; pod r has the one r above it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_port_base: Option<u16>,
    /// Which machines pass on what comes from outside. Unset: the pod's own, but all where a `NodePort` has a common address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "traffic_policy_schema")]
    pub external_traffic_policy: Option<TrafficPolicy>,
    /// With `LoadBalancer`: the controller that makes it; empty: the cluster's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer_class: Option<String>,
    /// With `LoadBalancer`: the networks from which it may be reached; empty: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer_source_ranges: Option<Vec<String>>,
    /// Annotations of the pods' services, by name: what a cloud's load balancers are configured by.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::quantity::texts_schema")]
    pub annotations: Option<BTreeMap<String, String>>,
    /// What is special about single pods, by ordinal.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "pods_schema")]
    pub pods: Option<BTreeMap<u32, P2pPod>>,
}

/// The way to a single pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct P2pPod {
    /// Its static address; with `LoadBalancer` also asked of the cloud, unless an annotation does that.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = IP))]
    pub announce_ip: Option<String>,
    /// Annotations of its service, over those of all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::quantity::texts_schema")]
    pub annotations: Option<BTreeMap<String, String>>,
}

/// The chart's default is null, which a reference to an enum would refuse.
fn traffic_policy_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": ["string", "null"], "enum": ["Cluster", "Local", null]})
}

fn pods_schema(generator: &mut SchemaGenerator) -> Schema {
    let pod = generator.subschema_for::<P2pPod>();
    json_schema!({
        "type": ["object", "null"],
        "additionalProperties": false,
        "patternProperties": { ORDINAL: { "allOf": [pod] } },
    })
}

impl P2p {
    /// What leads to the pods.
    pub fn exposure(&self) -> Exposure {
        self.exposure.unwrap_or_default()
    }

    /// The address that pod `ordinal` announces; `None`: its own or its machine's.
    pub fn announced(&self, ordinal: u32) -> Option<&str> {
        let own = self.pods.as_ref().and_then(|pods| pods.get(&ordinal));
        let own = own.and_then(|pod| pod.announce_ip.as_deref());
        own.or(self.announce_ip.as_deref())
            .filter(|ip| !ip.is_empty())
    }
}
