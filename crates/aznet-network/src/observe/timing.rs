//! A network's protocol time and how its validators are slashed, as it was deployed with.

use aznet_model::{
    config::{CONFIG_MAP, FILE},
    slashing::Slashing,
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

/// Reads protocol time from the settings that the network's pods read.
///
/// # Errors
/// [`TimingError`].
pub async fn read(network: &Network) -> Result<ProtocolTime, TimingError> {
    parsed(network, ProtocolTime::parse).await
}

/// Reads from the same how validators are slashed.
///
/// # Errors
/// [`TimingError`].
pub async fn slashing(network: &Network) -> Result<Slashing, TimingError> {
    parsed(network, Slashing::parse).await
}

async fn parsed<T>(
    network: &Network,
    parse: impl FnOnce(&str) -> Result<T, serde_json::Error>,
) -> Result<T, TimingError> {
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
    parse(text).map_err(|source| TimingError::Unknown {
        network: network.name().to_owned(),
        source,
    })
}
