//! When a fault begins, in protocol time.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When a fault begins: `slot: 120`; `epoch: next`; with both, that place in the next epoch, from 0; or the next slot in
/// which a validator pod proposes; or while an epoch is being proved.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct When {
    /// A slot of the rollup; beside `epoch`, its place in that epoch, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<u64>,
    /// An epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<EpochAt>,
    /// A pod of validators, such as `validator-2`: the next slot in which it proposes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposing: Option<String>,
    /// Once a prover node is at an epoch's proof.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub proving: bool,
}

/// An epoch, from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EpochAt {
    /// The next one to begin.
    Next,
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.proving {
            return f.write_str("while an epoch is being proved");
        }
        match (&self.proposing, self.epoch, self.slot) {
            (Some(pod), ..) => write!(f, "the next slot in which {pod} proposes"),
            (None, Some(EpochAt::Next), slot) => {
                write!(f, "slot {} of the next epoch", slot.unwrap_or_default())
            }
            (None, None, Some(slot)) => write!(f, "slot {slot}"),
            (None, None, None) => f.write_str("now"),
        }
    }
}
