//! What an interrupted run leaves behind.

/// What an interrupted run leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// What there is, in words.
    pub what: String,
    /// How to go on or to clean up.
    pub next: String,
    /// What there is if nothing was left time to clean up, and how to go on then, where that is something else.
    pub at_once: Option<(String, String)>,
}
