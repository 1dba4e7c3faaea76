//! An experiment: one fault of some pods.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fault::{Fault, NetworkFault, PodFault, StressFault};
use super::l1::L1Fault;
use super::pods::Pods;
use super::process::{ClockFault, DnsFault, HttpFault, IoFault};
use super::protocol::ProtocolFault;
use super::sequence::Repeat;
use super::span::FaultSpan;
use super::when::When;

/// A fault, whom it hits, and for how long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Experiment {
    /// Which pods of the network it hits.
    pub pods: Pods,
    /// How long it lasts, such as `90s` or `2 epochs`; a fault that is over at once, such as a kill, is to have left no mark after
    /// as long.
    pub duration: FaultSpan,
    /// When it begins, in protocol time; at once where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
    /// That it comes again; once where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<Repeat>,
    /// A fault of the pods themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<PodFault>,
    /// A fault of their network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkFault>,
    /// Load on their processors and memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stress: Option<StressFault>,
    /// A wrong clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<ClockFault>,
    /// A slow or failing disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub io: Option<IoFault>,
    /// Names that do not resolve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns: Option<DnsFault>,
    /// HTTP that is late or cut off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpFault>,
    /// Validators that misbehave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<ProtocolFault>,
    /// A fault of the network's own L1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub l1: Option<L1Fault>,
}

impl Experiment {
    /// The fault; `None` where none is said, or several are: [`super::resolve`] lets neither pass.
    pub fn fault(&self) -> Option<Fault<'_>> {
        let mut all = self.faults();
        all.next().filter(|_| all.next().is_none())
    }

    /// All faults that are said.
    pub(super) fn faults(&self) -> impl Iterator<Item = Fault<'_>> {
        let all = [
            self.pod.as_ref().map(Fault::Pod),
            self.network.as_ref().map(Fault::Network),
            self.stress.as_ref().map(Fault::Stress),
            self.clock.as_ref().map(Fault::Clock),
            self.io.as_ref().map(Fault::Io),
            self.dns.as_ref().map(Fault::Dns),
            self.http.as_ref().map(Fault::Http),
            self.protocol.as_ref().map(Fault::Protocol),
            self.l1.as_ref().map(Fault::L1),
        ];
        all.into_iter().flatten()
    }

    /// The pods at the other end, of a network fault that has some.
    pub fn target(&self) -> Option<&Pods> {
        self.network.as_ref()?.target.as_ref()
    }

    /// Whether only the protocol tells when it begins, how long it lasts, or whom it hits.
    pub fn needs_chain(&self) -> bool {
        let chosen = [Some(&self.pods), self.target()];
        let by_protocol = chosen.into_iter().flatten().any(Pods::is_of_committee);
        by_protocol || self.when.is_some() || self.duration.is_of_protocol()
    }

    /// Whether Helm and Chaos Mesh alone can't do it: the chart writes it down, and `aznet` carries it out.
    pub fn needs_aznet(&self) -> bool {
        self.needs_chain() || self.protocol.is_some() || self.l1.is_some()
    }
}
