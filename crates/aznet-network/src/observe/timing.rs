//! A network's protocol time, as it was deployed with.

use aznet_model::{
    config::{CONFIG_MAP, FILE},
    timing::ProtocolTime,
};
use k8s_openapi::api::core::v1::ConfigMap;

use crate::namespace::{NamespaceError, Network};

/// Why a network's timing isn't known.
#[derive(Debug, thiserror::Error)]
pub enum TimingError {
    /// The Kubernetes API failed, or the ConfigMap is missing.
    #[error(transparent)]
    Api(#[from] NamespaceError),
    /// The settings aren't as expected: the network is of another version.
    #[error(
        "ConfigMap {CONFIG_MAP} of network {network} has no timing: is it of another version of the chart?"
    )]
    Unknown {
        /// The network.
        network: String,
        /// What is missing.
        #[source]
        source: serde_json::Error,
    },
}

/// Reads it from the settings that the network's pods read.
///
/// # Errors
/// [`TimingError`].
pub async fn read(network: &Network) -> Result<ProtocolTime, TimingError> {
    let api: kube::Api<ConfigMap> = network.api();
    let settings = api
        .get(CONFIG_MAP)
        .await
        .map_err(|source| network.failed(&format!("read ConfigMap {CONFIG_MAP}"), source))?;
    let text = settings
        .data
        .as_ref()
        .and_then(|data| data.get(FILE))
        .map_or("", String::as_str);
    ProtocolTime::parse(text).map_err(|source| TimingError::Unknown {
        network: network.name().to_owned(),
        source,
    })
}
