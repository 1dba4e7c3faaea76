//! Keeps the deployer's private key off command lines.
//!
//! Aztec's program hands it to `forge` as an argument, for every process on the machine to see. A module that Node.js
//! loads first turns that argument into an encrypted key store.

use std::path::Path;

use rand::RngCore;
use tempfile::TempDir;

use alloy_primitives::hex;
use alloy_signer_local::PrivateKeySigner;

use crate::deployment::DeploymentError;
use crate::files;
use crate::keys::Key;

const SHIM: &str = include_str!("forge_shim.cjs");

/// The key store and the module, for as long as this lives.
pub(crate) struct Shim {
    dir: TempDir,
    sender: String,
}

impl Shim {
    /// Writes key store, password and module into a directory that only we can read.
    pub(crate) fn new(key: &Key) -> Result<Self, DeploymentError> {
        let dir = tempfile::tempdir().map_err(DeploymentError::Temporary)?;
        let mut password = [0; 32];
        rand::rngs::OsRng.fill_bytes(&mut password);
        let password = hex::encode(password);
        PrivateKeySigner::encrypt_keystore(
            dir.path(),
            &mut rand::rngs::OsRng,
            key.secret(),
            &password,
            Some("key"),
        )
        .map_err(DeploymentError::KeyStore)?;
        files::write_private(&dir.path().join("password"), password.as_bytes())?;
        files::write_private(&dir.path().join("shim.cjs"), SHIM.as_bytes())?;
        Ok(Self {
            dir,
            sender: key.address.to_string(),
        })
    }

    /// The variables that put it to work.
    pub(crate) fn environment(&self, node_options: Option<String>) -> [(&'static str, String); 4] {
        let path = |name: &str| self.path(name).display().to_string();
        let options = node_options.unwrap_or_default();
        let options = format!("{options} --require={}", path("shim.cjs"));
        [
            ("NODE_OPTIONS", options.trim().to_owned()),
            ("AZNET_FORGE_KEYSTORE", path("key")),
            ("AZNET_FORGE_PASSWORD_FILE", path("password")),
            ("AZNET_FORGE_SENDER", self.sender.clone()),
        ]
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        Path::join(self.dir.path(), name)
    }
}
