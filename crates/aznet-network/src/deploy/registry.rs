//! Which L1 contracts a network is on.

use super::ready;
use crate::namespace::Network;

/// The address of the registry that the first node which serves names; `None`: no node serves, or none says.
pub async fn registry(network: &Network) -> Option<String> {
    let node = ready::serving(network).await?;
    let info = node.info().await;
    let info = info.inspect_err(|error| tracing::debug!(%error, "no registry"));
    info.ok()?.contract("registry").map(str::to_owned)
}
