//! `aznet-node signer`: holds keys and signs for nodes in other pods, over HTTP, with the JSON-RPC of Web3signer's
//! execution layer as far as Aztec calls it. For test networks: it authenticates nobody and refuses nothing.

mod http;
mod keyring;
mod refusal;
mod transaction;

use std::path::PathBuf;

use alloy_signer_local::PrivateKeySigner;
use clap::Args;
use thiserror::Error;

use self::keyring::Keyring;
use crate::console::say;
use crate::keys::mnemonic::{KeyError, Mnemonic};

/// Why the signer does not run.
#[derive(Debug, Error)]
pub(crate) enum SignerError {
    /// Its keys.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// It does not serve.
    #[error("can't serve on port {port}")]
    Serve {
        /// The port.
        port: u16,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

impl SignerError {
    /// Whether no restart of the pod can mend it.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::Keys(_))
    }
}

/// How it serves, and which keys.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// The file that holds the mnemonic
    #[arg(
        long,
        env = "AZNET_MNEMONIC_FILE",
        default_value = "/aznet/secrets/mnemonic"
    )]
    mnemonic: PathBuf,
    /// Keys by index, e.g. `1000..1004`, the end not included; may be repeated
    #[arg(long = "keys", required = true, value_parser = range)]
    keys: Vec<std::ops::Range<u32>>,
    /// Chain id of the transactions that are signed
    #[arg(long, default_value_t = 31_337)]
    chain_id: u64,
    /// Port, on all addresses
    #[arg(long, default_value_t = 9000)]
    port: u16,
}

fn range(text: &str) -> Result<std::ops::Range<u32>, String> {
    let ends = text.split_once("..");
    let ends = ends.and_then(|(start, end)| Some(start.parse().ok()?..end.parse().ok()?));
    ends.filter(|range: &std::ops::Range<u32>| !range.is_empty())
        .ok_or_else(|| "expected two numbers, the second larger, as in `1000..1004`".to_owned())
}

/// Serves until it is told to end.
pub(crate) fn run(options: &Options) -> Result<(), SignerError> {
    let mnemonic = Mnemonic::read(&options.mnemonic)?;
    let mut keys = Vec::new();
    for index in options.keys.iter().cloned().flatten() {
        let secret = mnemonic.key(index)?.secret();
        keys.extend(PrivateKeySigner::from_bytes(&secret));
    }
    say(format_args!(
        "signing for {} accounts on port {}",
        keys.len(),
        options.port
    ));
    let keyring = Keyring {
        keys,
        chain_id: options.chain_id,
    };
    let port = options.port;
    http::serve(keyring, port).map_err(|source| SignerError::Serve { port, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_keys_are_not_empty() {
        assert_eq!(range("1000..1004"), Ok(1000..1004));
        for text in ["1000", "4..4", "9..1", "a..b"] {
            assert!(range(text).is_err(), "{text}");
        }
    }
}
