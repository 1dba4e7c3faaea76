//! An entry of a timeline.

use jiff::Timestamp;
use serde::Serialize;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// What kind of thing.
    pub kind: EntryKind,
    /// The pod, the slots, the object that it is about.
    pub about: String,
    /// What happened.
    pub what: String,
}

/// Kinds of what happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryKind {
    /// A container ended.
    Restart,
    /// Kubernetes warned.
    Warning,
    /// The first error in the log of a pod.
    Error,
    /// Nodes have no longer what they had from L1.
    Lost,
    /// Slots in a row without a checkpoint.
    Slots,
    /// Something was so that must never be so.
    Violation,
}
