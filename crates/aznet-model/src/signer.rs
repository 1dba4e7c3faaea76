//! A remote signer, in the values and in what pods read.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pattern::{MAYBE_HTTP_URL, SOME_ADDRESS};

/// A signer that holds the keys of pods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RemoteSigner {
    /// Its URL; empty: there is none.
    #[schemars(regex(pattern = MAYBE_HTTP_URL))]
    pub url: String,
    /// Accounts by pod.
    pub pods: BTreeMap<String, RemoteAccounts>,
}

/// Accounts of a pod whose keys a remote signer holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RemoteAccounts {
    /// Attesters, as L1 addresses.
    #[serde(default)]
    #[schemars(inner(regex(pattern = SOME_ADDRESS)))]
    pub attesters: Vec<String>,
    /// L1 publishers, as L1 addresses.
    #[serde(default)]
    #[schemars(inner(regex(pattern = SOME_ADDRESS)))]
    pub publishers: Vec<String>,
}
