//! Reading the configuration that the chart rendered.

use std::path::{Path, PathBuf};

use alloy_primitives::Address;
use aznet_kit::files::{self, FileError};
use aznet_model::config::NetworkConfig;
use thiserror::Error;

/// Why there is no configuration to work by.
#[derive(Debug, Error)]
pub(crate) enum ConfigError {
    /// The file can't be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The configuration is not what the chart renders.
    #[error(
        "can't read the configuration {}: chart and aznet-node must have the same version", .path.display()
    )]
    Shape {
        /// The file.
        path: PathBuf,
        /// The field and what is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// An address in it is none.
    #[error("the {what} is `{seen}`, which is not an address")]
    Address {
        /// What should be an address.
        what: &'static str,
        /// What it is.
        seen: String,
    },
}

impl ConfigError {
    /// Whether no restart of the pod can mend it.
    pub(crate) fn is_final(&self) -> bool {
        !matches!(self, Self::File(_))
    }
}

/// Reads the configuration.
pub(crate) fn read(path: &Path) -> Result<NetworkConfig, ConfigError> {
    serde_json::from_str(&files::read(path)?).map_err(|source| ConfigError::Shape {
        path: path.to_owned(),
        source,
    })
}

/// An address that the configuration gives as text.
pub(crate) fn address(what: &'static str, text: &str) -> Result<Address, ConfigError> {
    text.parse().map_err(|_| ConfigError::Address {
        what,
        seen: text.to_owned(),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The small network, with a further group of validators.
    pub(crate) fn config() -> NetworkConfig {
        serde_json::from_str(include_str!("../tests/network.json"))
            .expect("as the chart renders it")
    }
}
