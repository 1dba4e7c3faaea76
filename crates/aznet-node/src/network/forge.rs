//! Keeps the deployer's private key off command lines.
//!
//! Aztec's program hands it to `forge` as an argument, for every process on the machine to see. A module that Node.js
//! loads first turns that argument into an encrypted key store.

use std::io;
use std::path::Path;

use alloy_primitives::hex;
use alloy_signer_local::PrivateKeySigner;
use aznet_kit::files::{self, Access, FileError};
use rand::RngCore;
use tempfile::TempDir;
use thiserror::Error;

use crate::keys::mnemonic::Key;

/// Why the key can't be handed over.
#[derive(Debug, Error)]
pub(crate) enum ForgeError {
    /// No place for temporary files.
    #[error("can't make a temporary directory for the deployment; TMPDIR names where")]
    Temporary(#[source] io::Error),
    /// The key can't be encrypted.
    #[error("can't encrypt the deployer's key for forge")]
    Encrypt(#[source] alloy_signer_local::LocalSignerError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
}

/// The module that Node.js loads first.
const MODULE: &str = include_str!("forge_key.cjs");
const NAME: &str = "forge_key.cjs";

/// The key store and the module, for as long as this lives.
pub(crate) struct ForgeKey {
    dir: TempDir,
    sender: String,
}

impl ForgeKey {
    /// Writes key store, password and module into a directory that only we can read.
    pub(crate) fn new(key: &Key) -> Result<Self, ForgeError> {
        let dir = tempfile::tempdir().map_err(ForgeError::Temporary)?;
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
        .map_err(ForgeError::Encrypt)?;
        files::write(&dir.path().join("password"), password, Access::Private)?;
        files::write(&dir.path().join(NAME), MODULE, Access::Private)?;
        Ok(Self {
            dir,
            sender: key.address.to_string(),
        })
    }

    /// The variables that put it to work.
    pub(crate) fn environment(&self, node_options: Option<String>) -> [(&'static str, String); 4] {
        let path = |name: &str| self.path(name).display().to_string();
        let options = node_options.unwrap_or_default();
        let options = format!("{options} --require={}", path(NAME));
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    use super::*;

    const URL: &str = "https://l1.example/v2/KEY";
    /// As Aztec does: a program starts a script of Node.js, and that starts forge.
    const PROGRAM: &str = "const { spawn } = require('node:child_process');
        spawn(process.execPath, [process.argv[2], 'Deploy.s.sol', '--private-key', '0xSECRET', '--rpc-url', process.env.FOUNDRY_ETH_RPC_URL], { stdio: 'inherit' });";
    const SCRIPT: &str = "const { spawn } = require('node:child_process');
        const { readFileSync } = require('node:fs');
        const args = process.argv.slice(2);
        console.log('script', readFileSync('/proc/self/cmdline', 'utf8').replaceAll('\\0', ' '));
        console.log('url', args[args.indexOf('--rpc-url') + 1]);
        spawn(process.env.FORGE_BIN ?? 'forge', ['script', ...args], { stdio: 'inherit' });";
    const FORGE: &str = "#!/bin/sh\necho \"forge $*; $FOUNDRY_ETH_RPC_URL\"\n";

    #[test]
    fn neither_key_nor_url_is_on_a_command_line() {
        hidden_from_forge_as(|_| "forge".into());
    }

    #[test]
    fn nor_where_forge_is_started_by_its_path() {
        hidden_from_forge_as(|dir| dir.join("forge"));
    }

    fn hidden_from_forge_as(forge: impl Fn(&Path) -> std::path::PathBuf) {
        let key = crate::keys::mnemonic::tests::public_mnemonic()
            .key(0)
            .expect("derives");
        let handed = ForgeKey::new(&key).expect("writes");
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = |name: &str| dir.path().join(name);
        for (name, text) in [
            ("program.cjs", PROGRAM),
            ("script.cjs", SCRIPT),
            ("forge", FORGE),
        ] {
            std::fs::write(path(name), text).expect("writes");
        }
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(path("forge"), executable).expect("sets");
        let search = std::env::var("PATH").unwrap_or_default();
        let output = Command::new("node")
            .args([path("program.cjs"), path("script.cjs")])
            .envs(handed.environment(None))
            .env("FOUNDRY_ETH_RPC_URL", URL)
            .env("FORGE_BIN", forge(dir.path()))
            .env("PATH", format!("{}:{search}", dir.path().display()))
            .output()
            .expect("Node.js runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = |start: &str| {
            text.lines()
                .find(|line| line.starts_with(start))
                .unwrap_or_else(|| panic!("no line `{start}` in {text}"))
                .to_owned()
        };
        assert!(!line("script ").contains("KEY"), "{text}");
        assert_eq!(
            line("url "),
            format!("url {URL}"),
            "the script itself has it"
        );
        let forge = line("forge ");
        let (arguments, url) = forge.split_once("; ").expect("two parts");
        assert_eq!(url, URL, "forge reads it from the environment");
        assert!(arguments.contains("--keystore"), "{arguments}");
        assert!(
            !text.contains("0xSECRET") && !arguments.contains("KEY"),
            "{text}"
        );
    }
}
