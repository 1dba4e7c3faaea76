//! What a pod finds out before its process starts; with the configuration, all that the environment is computed from.

use std::path::{Path, PathBuf};

use alloy_primitives::Address;

use crate::bot::Account;
use crate::error::NodeError;
use crate::files::FileError;
use crate::l1_secret::ApiKeys;
use aznet_node::config::NetworkConfig;

/// The facts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// Address announced to peers.
    pub(crate) pod_ip: Option<String>,
    /// Where data stays.
    pub(crate) data: PathBuf,
    /// The registry; `None` for roles that need none.
    pub(crate) registry: Option<Address>,
    /// ENRs to join by.
    pub(crate) bootstrap: Vec<String>,
    /// Directory of the key store, where the role has keys.
    pub(crate) keystore: Option<PathBuf>,
    /// API keys of consensus clients.
    pub(crate) consensus_keys: ApiKeys,
    /// Whom a bot sends as.
    pub(crate) account: Option<Account>,
}

/// Reads the configuration the chart rendered.
pub(crate) fn read_config(path: &Path) -> Result<NetworkConfig, NodeError> {
    let text = std::fs::read_to_string(path).map_err(|source| FileError::read(path, source))?;
    serde_json::from_str(&text).map_err(|source| NodeError::Config {
        path: path.to_owned(),
        source,
    })
}
