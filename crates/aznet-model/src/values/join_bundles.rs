//! Values of the bundles for those who join.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pattern::MAYBE_HTTP_URL;

/// Without user, password and query, where keys are.
pub(super) const PUBLIC_URL: &str = r"^https?://[^@?#\s]+$";

/// The bundles of `aznet join`, served over HTTP by the boot node's pod to everyone who reaches it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JoinBundles {
    /// Serve them.
    pub enabled: bool,
    /// Port.
    #[schemars(range(min = 1))]
    pub port: u16,
    /// With `p2p.exposure` `NodePort`: the port of every machine that leads to them; 0: none.
    pub node_port: u16,
    /// Where those outside of the cluster reach them; empty: as `p2p.exposure` says.
    #[schemars(regex(pattern = MAYBE_HTTP_URL))]
    pub url: String,
    /// Execution clients of the L1 that everyone may use; the bundles name them.
    #[schemars(inner(regex(pattern = PUBLIC_URL)))]
    pub l1_urls: Vec<String>,
}
