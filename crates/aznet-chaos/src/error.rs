//! Why a fault was not done, or not undone.

use std::fmt;

use aznet_kit::wait::WaitError;
use aznet_model::chain::Slot;
use aznet_network::api::ApiError;
use aznet_network::clients::admin::AdminError;
use aznet_network::clients::l1::L1Error;
use aznet_network::clients::rpc::RpcError;
use aznet_network::deploy::helm::HelmError;
use aznet_network::validators::ValidatorsError;

use crate::measure::error::MeasureError;

/// What a fault left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Residue {
    /// What it is on, such as `pod boot-node-0`.
    pub place: String,
    /// What it is.
    pub what: String,
}

impl fmt::Display for Residue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// Why a fault was not done, or not undone.
#[derive(Debug, thiserror::Error)]
pub enum ChaosError {
    /// The node has no such settings. Nothing was changed.
    #[error("{pod} has no {}: its admin API changes {}", settings.join(", "), there.join(", "))]
    NoSettings {
        /// The pod.
        pod: String,
        /// What was asked for.
        settings: Vec<String>,
        /// What there is.
        there: Vec<String>,
    },
    /// The node took the settings and has others.
    #[error("{pod} was told {asked} and has {seen}")]
    NotTaken {
        /// The pod.
        pod: String,
        /// The settings that it was told.
        asked: String,
        /// Those that it has.
        seen: String,
    },
    /// The L1 does not say what it was asked.
    #[error(transparent)]
    L1(#[from] L1Error),
    /// Who the validators are is not known.
    #[error(transparent)]
    Validators(#[from] ValidatorsError),
    /// Slots, proposers and committees are asked of the network's own L1. Nothing was applied.
    #[error(
        "{experiment}: slots, proposers and committees are read from the network's own L1, and there is no ready anvil pod"
    )]
    NoChain {
        /// The first experiment.
        experiment: String,
    },
    /// Validators misbehave only where it costs nothing: on the network's own L1. Nothing was applied.
    #[error(
        "{experiment}: {action} would cost validators stake on an L1 that is not the network's own, and there is no anvil pod"
    )]
    ForeignL1 {
        /// The experiment.
        experiment: String,
        /// The fault in the values' words.
        action: String,
    },
    /// The proposer is nobody of this network. Nothing was applied.
    #[error("{experiment}: the proposer is {attester}, for whom no pod of this network signs")]
    NotOurs {
        /// The experiment.
        experiment: String,
        /// The proposer.
        attester: String,
    },
    /// No pods hold that share. Nothing was applied.
    #[error("{experiment}: no pods hold {asked} of the {size} members of the committee; there are {}", pods.iter().map(|(pod, held)| format!("{pod} with {held}")).collect::<Vec<_>>().join(", "))]
    NoShare {
        /// The experiment.
        experiment: String,
        /// Members asked for.
        asked: u64,
        /// Members of the committee.
        size: u64,
        /// Pods that fit and how many members each holds.
        pods: Vec<(String, u64)>,
    },
    /// The slot is over, or too near. Nothing was applied.
    #[error("{slot} is too near, or over: it is {now}; a fault can begin three slots from now")]
    Past {
        /// The slot asked for.
        slot: Slot,
        /// The slot under way.
        now: Slot,
    },
    /// An epoch has no such slot. Nothing was applied.
    #[error("an epoch has slots 0 to {}, and no slot {slot}", slots - 1)]
    NoSlot {
        /// The place asked for.
        slot: u64,
        /// Slots in an epoch.
        slots: u64,
    },
    /// The looks before took too long. Nothing was applied.
    #[error("{slot} had begun before all pods had been looked at")]
    TooLate {
        /// The slot.
        slot: Slot,
    },
    /// The turns were drawn anew. Nothing was applied.
    #[error("{slot} has another proposer than when it was chosen")]
    Changed {
        /// The slot.
        slot: Slot,
    },
    /// The admin API of a node can't be called.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// A node did not do what it was told.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// The selection fits no pod. Nothing was applied.
    #[error("{experiment}: no pod is of {asked}; there are {}", there.join(", "))]
    NoPods {
        /// The experiment.
        experiment: String,
        /// The selection in words.
        asked: String,
        /// The pods that there are.
        there: Vec<String>,
    },
    /// The selection fits fewer pods than are to be hit. Nothing was applied.
    #[error("{experiment}: {asked} pods are to be hit, and only {} fit: {}", fit.len(), fit.join(", "))]
    TooFew {
        /// The experiment.
        experiment: String,
        /// How many are asked for.
        asked: u32,
        /// Those that fit.
        fit: Vec<String>,
    },
    /// A container that no pod has. Nothing was applied.
    #[error("{experiment}: no pod that fits has a container {container}; there are {}", there.join(", "))]
    NoContainer {
        /// The experiment.
        experiment: String,
        /// The container.
        container: String,
        /// Those that the pods have.
        there: Vec<String>,
    },
    /// A pod that is to be hit is not ready: whether a fault bites could not be told. Nothing was applied.
    #[error("{experiment}: {} not ready before anything is done to it: a fault could not be seen to bite", not_ready.join(", "))]
    NotReady {
        /// The experiment.
        experiment: String,
        /// The pods.
        not_ready: Vec<String>,
    },
    /// Two experiments that can't both be done. Nothing was applied.
    #[error("{experiment} and {other} contradict each other on {}: {why}", pods.join(", "))]
    Contradict {
        /// The experiment.
        experiment: String,
        /// The other one.
        other: String,
        /// Pods that both hit.
        pods: Vec<String>,
        /// Why.
        why: &'static str,
    },
    /// A fault of the network of pods that have none of their own. Nothing was applied.
    #[error(
        "{experiment}: {} on their node's own network: a fault there would be the node's, and Chaos Mesh does none",
        are(pods)
    )]
    HostNetwork {
        /// The experiment.
        experiment: String,
        /// The pods.
        pods: Vec<String>,
    },
    /// Whether this kind of fault bites can't be measured. Nothing was applied.
    #[error(
        "{experiment}: whether {fault} bites can't be measured yet, and a fault that is not seen to bite proves nothing"
    )]
    Unmeasured {
        /// The experiment.
        experiment: String,
        /// The fault in Chaos Mesh's words.
        fault: String,
    },
    /// A node can't do the fault. Nothing was applied.
    #[error(
        "{experiment}: node {node} can't do {fault}: {} missing ({said}){}", missing.join(", "), near(nearest)
    )]
    Unable {
        /// The experiment.
        experiment: String,
        /// The fault in the values' words.
        fault: String,
        /// The node.
        node: String,
        /// What it lacks.
        missing: Vec<&'static str>,
        /// What was said when it was tried.
        said: String,
        /// Faults that come nearest and can be done.
        nearest: Vec<&'static str>,
    },
    /// The fault could not be told from how things are without it. Nothing was applied.
    #[error("{experiment}: the fault could not be seen to bite: {seen}")]
    Unseen {
        /// The experiment.
        experiment: String,
        /// What is seen without it.
        seen: String,
    },
    /// Nothing could be measured.
    #[error("can't measure from inside the pods")]
    Measure(#[from] MeasureError),
    /// The same experiment is under way, or was left by an earlier run. Nothing was applied.
    #[error("the experiments {name} are there already in network {network}")]
    Taken {
        /// Their name.
        name: String,
        /// The network.
        network: String,
    },
    /// Nothing would take the faults back if aznet died. Nothing was applied.
    #[error("nothing would take the faults back if aznet died, so none is done")]
    Unguarded {
        /// What was waited for, and what was seen of it.
        #[source]
        wait: WaitError,
    },
    /// The chart could not be applied or removed.
    #[error(transparent)]
    Helm(#[from] HelmError),
    /// Chaos Mesh did not do what it was told.
    #[error("{experiment}: Chaos Mesh has not injected the fault{}", said.as_deref().map(|said| format!(": {said}")).unwrap_or_default())]
    NotInjected {
        /// The experiment.
        experiment: String,
        /// What it said last.
        said: Option<String>,
        /// How long it was waited for.
        #[source]
        wait: WaitError,
    },
    /// Chaos Mesh says that the fault is there, and it is not.
    #[error("{experiment}: the fault is injected and does not bite")]
    NeverBit {
        /// The experiment.
        experiment: String,
        /// What was looked for and seen.
        #[source]
        wait: WaitError,
    },
    /// The fault ended too early.
    #[error("{experiment}: the fault bit and stopped biting before its time: {seen}")]
    Stopped {
        /// The experiment.
        experiment: String,
        /// What was seen.
        seen: String,
    },
    /// The pods are not as they were before.
    #[error("{experiment}: the fault is lifted, and the network is not as it was before")]
    NotHealed {
        /// The experiment.
        experiment: String,
        /// What was looked for and seen.
        #[source]
        wait: WaitError,
    },
    /// Something is left.
    #[error("{experiment}: the fault has left {}", residue.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    NotClean {
        /// The experiment.
        experiment: String,
        /// What is left.
        residue: Vec<Residue>,
    },
    /// The Kubernetes API fails.
    #[error("can't {doing}")]
    Api {
        /// What was tried.
        doing: String,
        /// Why not.
        #[source]
        source: ApiError,
    },
    /// A wait ended.
    #[error(transparent)]
    Wait(#[from] WaitError),
}

fn are(pods: &[String]) -> String {
    let verb = if pods.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", pods.join(", "))
}

fn near(nearest: &[&str]) -> String {
    if nearest.is_empty() {
        return String::new();
    }
    format!("; nearest to it, the node can do {}", nearest.join(", "))
}

impl ChaosError {
    pub(crate) fn api(doing: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let doing = doing.into();
        |source| Self::Api {
            doing,
            source: source.into(),
        }
    }

    /// Whether a pod could not be asked just now: one that is started again can't.
    pub(crate) const fn is_of_asking(&self) -> bool {
        match self {
            Self::Measure(_) | Self::Admin(AdminError::Api { .. }) => true,
            Self::Rpc(error) => error.is_retryable(),
            _ => false,
        }
    }

    /// Whether the fault was done and not seen, or not for as long as it was to last.
    pub const fn did_not_bite(&self) -> bool {
        matches!(
            self,
            Self::NotInjected { .. }
                | Self::NeverBit { .. }
                | Self::Stopped { .. }
                | Self::NotTaken { .. }
        )
    }

    /// Whether the cluster lacks something for the fault, or nothing can measure it here. Nothing was applied.
    pub const fn is_inability(&self) -> bool {
        matches!(
            self,
            Self::Unmeasured { .. }
                | Self::Unable { .. }
                | Self::NoChain { .. }
                | Self::ForeignL1 { .. }
                | Self::NoSettings { .. }
        )
    }

    /// Whether nothing was applied.
    const fn left_all_as_it_was(&self) -> bool {
        self.is_refusal()
            || self.is_inability()
            || matches!(
                self,
                Self::NotReady { .. }
                    | Self::Unseen { .. }
                    | Self::TooLate { .. }
                    | Self::Changed { .. }
                    | Self::NotOurs { .. }
                    | Self::Unguarded { .. }
            )
    }

    /// Whether all that was applied is known to be undone.
    pub const fn left_nothing(&self) -> bool {
        self.did_not_bite()
            || self.left_all_as_it_was()
            || matches!(self, Self::Wait(WaitError::Cancelled { .. }))
    }

    /// Whether something of the fault is still there.
    pub const fn is_of_undoing(&self) -> bool {
        matches!(self, Self::NotHealed { .. } | Self::NotClean { .. })
    }

    /// Whether nothing was applied because of what was asked for.
    pub const fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::NoPods { .. }
                | Self::TooFew { .. }
                | Self::NoContainer { .. }
                | Self::Taken { .. }
                | Self::NoShare { .. }
                | Self::Contradict { .. }
                | Self::HostNetwork { .. }
                | Self::Past { .. }
                | Self::NoSlot { .. }
        )
    }
}
