//! An experiment: one fault of some pods.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::FaultDuration;
use super::fault::{Fault, NetworkFault, PodFault, StressFault};
use super::pods::Pods;

/// A fault, whom it hits, and for how long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Experiment {
    /// Which pods of the network it hits.
    pub pods: Pods,
    /// How long it lasts; a fault that is over at once, such as a kill, is to have left no mark after as long.
    pub duration: FaultDuration,
    /// A fault of the pods themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<PodFault>,
    /// A fault of their network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkFault>,
    /// Load on their processors and memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stress: Option<StressFault>,
}

impl Experiment {
    /// The fault; `None` where none is said, or several are: [`super::resolve`] lets neither pass.
    pub fn fault(&self) -> Option<Fault<'_>> {
        match (&self.pod, &self.network, &self.stress) {
            (Some(pod), None, None) => Some(Fault::Pod(pod)),
            (None, Some(network), None) => Some(Fault::Network(network)),
            (None, None, Some(stress)) => Some(Fault::Stress(stress)),
            _ => None,
        }
    }
}
