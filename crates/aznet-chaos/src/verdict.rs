//! What a look at a pod comes to.

use serde::Serialize;

/// Whether something is so, and what shows it: what was measured, or what was seen instead.
pub(crate) type Verdict = Result<String, String>;

/// A pod, what is asked for and what was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Measurement {
    /// The pod.
    pub pod: String,
    /// What was to be seen.
    pub asked: String,
    /// What was seen.
    pub measured: String,
}
