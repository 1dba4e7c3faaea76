//! What is taken back when its time is over, even if whoever did it has died meanwhile: what `aznet chaos` writes and
//! `aznet-node restore` reads.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The variable that carries a [`Restoration`] as JSON.
pub const VARIABLE: &str = "AZNET_RESTORE";

/// Calls that take back what was done.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Restoration {
    /// The calls, each at its time.
    pub calls: Vec<Call>,
}

/// A call of JSON-RPC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Call {
    /// When, in seconds since 1970: a restart of whoever calls does not put it off.
    pub at: u64,
    /// The server: `http://validator-0.validator:8880`.
    pub url: String,
    /// The method.
    pub method: String,
    /// Its parameters, an array.
    pub params: Value,
    /// Whether the server wants the key of the network's admin API.
    #[serde(default)]
    pub with_key: bool,
}

impl Restoration {
    /// When the last call is due, in seconds since 1970.
    pub fn end(&self) -> u64 {
        self.calls.iter().map(|call| call.at).max().unwrap_or(0)
    }
}
