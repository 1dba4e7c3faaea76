//! What of pods shows whether a fault bites.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use aznet_model::chaos::PodFacts;
use aznet_model::plan::PodPlan;
use aznet_model::pod::PodName;
use aznet_model::role::Role;
use aznet_model::workload::DEFAULT_GROUP;
use aznet_network::namespace::Network;
use aznet_network::observe::pods::{COMPONENT, NETWORK_PODS};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::api::ListParams;
use kube::{Api, ResourceExt};

use crate::error::ChaosError;

/// Label of the group of validators.
const GROUP: &str = "aznet.dev/group";
/// Label of the pods of Deployments.
const TEMPLATE: &str = "pod-template-hash";
/// Where the main container of a pod has aznet-node.
const PROGRAMS: &str = "/aznet/bin";
/// What the annotations begin with by which Chaos Mesh remembers what a pod was.
const CHAOS_MESH: &str = "chaos-mesh";

/// The pods of a network at one moment, by name.
pub(crate) type Pods = BTreeMap<String, Seen>;

/// A pod at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Which pod of this name it is.
    pub(crate) uid: String,
    /// Its labels.
    pub(crate) labels: BTreeMap<String, String>,
    /// Whether it serves.
    pub(crate) ready: bool,
    /// Its containers by name.
    pub(crate) containers: BTreeMap<String, Container>,
    /// Annotations that Chaos Mesh has written.
    pub(crate) marks: Vec<String>,
    /// Where it is.
    pub(crate) place: Place,
}

/// Where a pod is, and how it is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its node.
    pub(crate) node: String,
    /// Whether it has no network of its own.
    pub(crate) on_host: bool,
    /// Its address.
    pub(crate) ip: Option<IpAddr>,
    /// TCP ports that it says it listens on.
    pub(crate) ports: Vec<u16>,
    /// The container that has aznet-node, to measure with.
    pub(crate) prober: Option<String>,
}

/// A container at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Container {
    /// The image that runs, or is to be run.
    pub(crate) image: String,
    /// Which container of this name it is.
    pub(crate) id: String,
    /// How often it was started again.
    pub(crate) restarts: i32,
}

impl Seen {
    /// What is known of a pod before it is there.
    pub(crate) fn planned(pod: &PodPlan) -> Self {
        let mut labels = BTreeMap::from([(COMPONENT.to_owned(), pod.role.name().to_owned())]);
        if pod.role == Role::Validator {
            let group = pod.group.as_deref().unwrap_or(DEFAULT_GROUP);
            labels.insert(GROUP.to_owned(), group.to_owned());
        }
        Self {
            labels,
            ..Self::default()
        }
    }

    pub(crate) fn facts<'a>(&'a self, name: &'a str) -> PodFacts<'a> {
        PodFacts {
            name,
            role: self.role(),
            group: self.labels.get(GROUP).map(String::as_str),
            ordinal: PodName::parse(name).map(|pod| pod.ordinal),
            labels: &self.labels,
        }
    }

    pub(crate) fn role(&self) -> &str {
        self.labels.get(COMPONENT).map_or("", String::as_str)
    }

    /// Where it listens, as far as it says.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        let ports = self.place.ports.iter();
        ports.filter_map(|port| Some(SocketAddr::new(self.place.ip?, *port)))
    }

    /// Whether two pods do the same work, one perhaps in the place of the other.
    pub(crate) fn is_peer_of(&self, other: &Self) -> bool {
        [COMPONENT, GROUP]
            .iter()
            .all(|label| self.labels.get(*label) == other.labels.get(*label))
    }

    /// Whether the pod that takes its place has another name.
    pub(crate) fn is_nameless(&self) -> bool {
        self.labels.contains_key(TEMPLATE)
    }

    fn of(pod: &Pod) -> Self {
        let status = pod.status.clone().unwrap_or_default();
        let is_ready = |condition: &k8s_openapi::api::core::v1::PodCondition| {
            condition.type_ == "Ready" && condition.status == "True"
        };
        let marks = pod.annotations().keys();
        Self {
            uid: pod.uid().unwrap_or_default(),
            labels: pod.labels().clone(),
            ready: status.conditions.iter().flatten().any(is_ready),
            containers: (status.container_statuses.iter().flatten())
                .map(|status| (status.name.clone(), Container::of(status)))
                .collect(),
            marks: marks
                .filter(|mark| mark.starts_with(CHAOS_MESH))
                .cloned()
                .collect(),
            place: Place::of(pod),
        }
    }
}

impl Place {
    fn of(pod: &Pod) -> Self {
        let spec = pod.spec.clone().unwrap_or_default();
        let ports = spec
            .containers
            .iter()
            .flat_map(|one| one.ports.iter().flatten());
        let tcp = ports.filter(|port| port.protocol.as_deref().is_none_or(|one| one == "TCP"));
        let mut ports: Vec<u16> = tcp
            .filter_map(|port| u16::try_from(port.container_port).ok())
            .collect();
        ports.sort_unstable();
        ports.dedup();
        let has_program = |one: &&k8s_openapi::api::core::v1::Container| {
            let mut mounts = one.volume_mounts.iter().flatten();
            mounts.any(|mount| mount.mount_path == PROGRAMS)
        };
        let status = pod.status.as_ref();
        Self {
            on_host: spec.host_network.unwrap_or(false),
            ip: status.and_then(|status| status.pod_ip.as_ref()?.parse().ok()),
            ports,
            prober: spec
                .containers
                .iter()
                .find(has_program)
                .map(|one| one.name.clone()),
            node: spec.node_name.unwrap_or_default(),
        }
    }
}

impl Container {
    fn of(status: &ContainerStatus) -> Self {
        Self {
            image: status.image.clone(),
            id: status.container_id.clone().unwrap_or_default(),
            restarts: status.restart_count,
        }
    }
}

/// The network's pods; those that are leaving or done are none of it any more.
pub(crate) async fn list(network: &Network) -> Result<Pods, ChaosError> {
    let api: Api<Pod> = Api::namespaced(network.client().clone(), network.namespace());
    let ours = ListParams::default().labels(NETWORK_PODS);
    let pods = api.list(&ours).await;
    let pods = pods.map_err(ChaosError::api("list the network's pods"))?;
    let done = |pod: &Pod| {
        let phase = pod
            .status
            .as_ref()
            .and_then(|status| status.phase.as_deref());
        phase == Some("Succeeded") || pod.metadata.deletion_timestamp.is_some()
    };
    let here = pods.iter().filter(|pod| !done(pod));
    Ok(here.map(|pod| (pod.name_any(), Seen::of(pod))).collect())
}
