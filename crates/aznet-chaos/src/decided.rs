//! What was decided of experiments before they were applied.

use std::collections::BTreeMap;

use aznet_model::chaos::Experiment;

/// What was decided of experiments: with it they can be done again.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    /// The experiments, with the pods that chance or the protocol chose, by name.
    pub experiments: BTreeMap<String, Experiment>,
    /// The place in its epoch of the slot in which they begin; `None` where the network's L1 is not its own.
    pub place: Option<u64>,
    /// Whether they begin while an epoch is being proved, wherever that is.
    pub proving: bool,
}
