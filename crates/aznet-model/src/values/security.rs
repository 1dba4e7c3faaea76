//! Values that say who may talk to whom, and with what key.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The nodes' admin API. It asks for a key; nodes know only its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AdminApi {
    /// Name of a Secret with the key `apiKeyHash` (SHA-256 of the API key, 64 hex digits) and, where `aznet` is to use
    /// the admin API, `apiKey`; empty generates one, kept over upgrades.
    pub existing_secret: String,
}

/// An IPv4 or IPv6 range.
pub(super) const CIDR: &str = r"^[0-9a-fA-F.:]+/[0-9]{1,3}$";

fn cidrs_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "additionalProperties": { "type": "string", "pattern": CIDR } })
}

/// Who may talk to whom, where the cluster enforces NetworkPolicies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NetworkPolicy {
    /// Let the release's pods talk only to those they need.
    pub enabled: bool,
    /// Who else may connect to them.
    pub ingress: PolicyIngress,
    /// Where else they may connect to.
    pub egress: PolicyEgress,
}

/// Who, beside the release's own pods, may connect to them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyIngress {
    /// May call the public JSON-RPC of boot node, full nodes and pxes.
    pub rpc: PolicyPeers,
    /// May call anvil.
    pub l1: PolicyPeers,
    /// May read and write the blob store, with its credentials.
    pub blobs: PolicyPeers,
    /// May be peers of the nodes that are not exposed to everyone.
    pub p2p: PolicyPeers,
    /// May call the nodes' admin API, with its key.
    pub admin: PolicyPeers,
    /// May look at Grafana.
    pub dashboards: PolicyPeers,
}

/// Where the release's pods may connect to, beside each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyEgress {
    /// The cluster's name servers.
    pub dns: PolicyPeers,
    /// What pods may reach that need something outside of the release.
    pub outside: PolicyOutside,
    /// The Kubernetes API, for the pods that need it.
    pub api_server: PolicyApiServer,
}

/// Where the Kubernetes API is, behind its Service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyApiServer {
    /// Address ranges by a name of your choice.
    #[schemars(schema_with = "cidrs_schema")]
    pub cidrs: BTreeMap<String, String>,
    /// Ports by a name of your choice.
    pub ports: BTreeMap<String, u16>,
}

/// A side of a connection, outside of the release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyPeers {
    /// Address ranges by a name of your choice.
    #[schemars(schema_with = "cidrs_schema")]
    pub cidrs: BTreeMap<String, String>,
    /// Labels of namespaces, by a name of your choice: all their pods.
    pub namespaces: BTreeMap<String, BTreeMap<String, String>>,
}

/// What is reachable outside of the release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyOutside {
    /// Address ranges by a name of your choice.
    #[schemars(schema_with = "cidrs_schema")]
    pub cidrs: BTreeMap<String, String>,
    /// Ranges within those that stay out of reach, by a name of your choice.
    #[schemars(schema_with = "cidrs_schema")]
    pub except: BTreeMap<String, String>,
    /// Labels of namespaces, by a name of your choice: all their pods.
    pub namespaces: BTreeMap<String, BTreeMap<String, String>>,
}
