//! Whether a network fits into what a machine has left.

use super::Plan;
use crate::units::{Bytes, MilliCpu};
use serde::Serialize;

/// What pods may count on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Capacity {
    /// Memory.
    pub memory: Bytes,
    /// Processor time that no pod has asked for yet.
    pub cpu: MilliCpu,
    /// All processor time that pods may ask for.
    pub cpu_in_all: MilliCpu,
}

/// A machine is too small for a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
pub enum DoesNotFit {
    /// Pods would be killed.
    #[error(
        "the network's pods {} {needed} of memory and {available} are available, {missing} too little: \
         lower validator.replicas (put more keys into each pod by validator.keysPerReplica) or fullNode.replicas, \
         or use a larger machine",
        if *.requested { "request" } else { "use" }
    )]
    Memory {
        /// They request more than they use.
        requested: bool,
        /// What the pods need.
        needed: Bytes,
        /// What the machine has to give.
        available: Bytes,
        /// The difference.
        missing: Bytes,
    },
    /// Pods would wait for a place for ever.
    #[error(
        "the network's pods ask for {}m of CPU and {}m of {}m are left, so that some would stay Pending with \
         `Insufficient cpu`: take another network down (`aznet list`), lower validator.replicas (put more keys into \
         each pod by validator.keysPerReplica) or the roles' resources.requests.cpu, or use a larger machine",
        .needed.0, .available.0, .in_all.0
    )]
    Cpu {
        /// What the pods ask for.
        needed: MilliCpu,
        /// What no pod has asked for yet.
        available: MilliCpu,
        /// All there is for pods.
        in_all: MilliCpu,
    },
}

impl Plan {
    /// Checks that the pods fit into what a machine has to give: the memory that they will use, and the processor time
    /// that they ask the scheduler for.
    ///
    /// # Errors
    /// [`DoesNotFit`], with how much is missing.
    pub fn check_machine(&self, available: &Capacity) -> Result<(), DoesNotFit> {
        let needed = self.demand.memory.max(self.demand.memory_requested);
        if needed > available.memory {
            return Err(DoesNotFit::Memory {
                requested: self.demand.memory_requested > self.demand.memory,
                needed,
                available: available.memory,
                missing: needed.saturating_sub(available.memory),
            });
        }
        let needed = self.demand.cpu_requested;
        if needed > available.cpu {
            return Err(DoesNotFit::Cpu {
                needed,
                available: available.cpu,
                in_all: available.cpu_in_all,
            });
        }
        Ok(())
    }
}
