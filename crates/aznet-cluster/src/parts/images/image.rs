//! Which images there are, and what is known of one that was built.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::parts::content::ContentHash;

/// An image, in the order in which they are built: after the one it stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Image {
    /// Holds a pod's namespaces.
    Pause,
    /// Names inside a cluster.
    Coredns,
    /// The blob store.
    BlobStore,
    /// A small Debian.
    Base,
    /// The Aztec node and Foundry.
    Aztec,
    /// The pxe role.
    Pxe,
    /// What runs first in every Aztec pod.
    AznetNode,
    /// The collector of metrics, logs and traces.
    OtelCollector,
    /// The store of metrics.
    Prometheus,
    /// What makes faults of Chaos Mesh's objects.
    ChaosMesh,
    /// What does them on a node.
    ChaosDaemon,
    /// A node of kind.
    KindNode,
    /// aznet itself, and what it works with.
    Aznet,
}

impl Image {
    /// The images of every cluster; each comes after the one it stands on.
    pub const ALL: [Self; 7] = [
        Self::Pause,
        Self::Coredns,
        Self::BlobStore,
        Self::Base,
        Self::Aztec,
        Self::Pxe,
        Self::AznetNode,
    ];
    /// What networks that are observed need besides.
    pub const TELEMETRY: [Self; 2] = [Self::OtelCollector, Self::Prometheus];
    /// What faults need besides.
    pub const CHAOS: [Self; 2] = [Self::ChaosMesh, Self::ChaosDaemon];
    /// What clusters of kind are made of where no registry serves the image of their nodes.
    pub const KIND: [Self; 1] = [Self::KindNode];
    /// What jobs run in that make clusters or test networks.
    pub const JOBS: [Self; 1] = [Self::Aznet];

    /// Every image, optional ones included.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::ALL
            .into_iter()
            .chain(Self::TELEMETRY)
            .chain(Self::CHAOS)
            .chain(Self::KIND)
            .chain(Self::JOBS)
    }

    /// Its name, and that of its folder under `images/`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Coredns => "coredns",
            Self::BlobStore => "blob-store",
            Self::AznetNode => "aznet-node",
            Self::Base => "base",
            Self::Aztec => "aztec",
            Self::Pxe => "pxe",
            Self::OtelCollector => "otel-collector",
            Self::Prometheus => "prometheus",
            Self::ChaosMesh => "chaos-mesh",
            Self::ChaosDaemon => "chaos-daemon",
            Self::KindNode => "kind-node",
            Self::Aznet => "aznet",
        }
    }

    /// Whether pods of ours run from it, or from one that stands on it, on a cluster that others make: such a cluster has
    /// a name server of its own.
    pub fn is_for_pods(self) -> bool {
        !matches!(self, Self::Coredns | Self::KindNode)
    }

    /// Its key under `images` in the network chart's values, if the chart uses it.
    pub fn key(self) -> Option<&'static str> {
        match self {
            Self::BlobStore => Some("blobStore"),
            Self::AznetNode => Some("aznetNode"),
            Self::Aztec => Some("aztec"),
            Self::Pxe => Some("pxe"),
            Self::OtelCollector => Some("otelCollector"),
            Self::Prometheus => Some("prometheus"),
            Self::Aznet => Some("aznet"),
            Self::Pause
            | Self::Coredns
            | Self::Base
            | Self::ChaosMesh
            | Self::ChaosDaemon
            | Self::KindNode => None,
        }
    }

    /// The image it stands on.
    pub(super) fn parent(self) -> Option<Self> {
        match self {
            Self::Aztec | Self::ChaosDaemon | Self::KindNode | Self::Aznet => Some(Self::Base),
            Self::Pxe => Some(Self::Aztec),
            _ => None,
        }
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An image that was built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Built {
    /// Which one.
    pub image: Image,
    /// How pods name it: `localhost/aznet/<name>:<hash of its content>`.
    pub reference: String,
    /// Bytes of its archive. What an image shares with the one it stands on is only in that one's archive.
    pub size: u64,
    /// Digests of all its layers, lowest first.
    pub(super) layers: Vec<String>,
    /// The archive, in OCI layout.
    #[serde(skip)]
    pub archive: PathBuf,
}

/// What an image stands on, lowest first.
pub(super) fn chain(image: Image, images: &BTreeMap<Image, Built>) -> Vec<&Built> {
    let parents = std::iter::successors(image.parent(), |parent| parent.parent());
    let mut chain: Vec<_> = parents.map(|parent| &images[&parent]).collect();
    chain.reverse();
    chain
}

/// The images of one checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSet {
    images: BTreeMap<Image, Built>,
}

impl ImageSet {
    pub(super) fn new(images: BTreeMap<Image, Built>) -> Self {
        Self { images }
    }

    /// One of the images.
    pub fn get(&self, image: Image) -> &Built {
        &self.images[&image]
    }

    /// An image, after those that it stands on.
    pub(super) fn chain(&self, image: Image) -> Vec<&Built> {
        let mut chain = chain(image, &self.images);
        chain.push(self.get(image));
        chain
    }

    /// Those that the network chart uses, each after the one it stands on.
    pub fn of_the_chart(&self) -> impl Iterator<Item = &Built> {
        self.iter().filter(|built| built.image.key().is_some())
    }

    /// All of them, each after the one it stands on.
    pub fn iter(&self) -> impl Iterator<Item = &Built> {
        self.images.values()
    }

    /// Those that [`Image::is_for_pods`], each after the one it stands on.
    pub fn of_pods(&self) -> impl Iterator<Item = &Built> {
        self.iter().filter(|built| built.image.is_for_pods())
    }

    /// Those that every cluster has from its start. The others are few and small: a cluster imports them when it first
    /// needs them.
    #[must_use]
    pub fn of_every_cluster(&self) -> Self {
        let images = self.images.iter();
        let kept = images.filter(|(image, _)| Image::ALL.contains(image));
        Self {
            images: kept.map(|(image, built)| (*image, built.clone())).collect(),
        }
    }

    /// A name for exactly this set.
    pub fn hash(&self) -> String {
        self.iter()
            .fold(ContentHash::new("set 1"), |hash, built| {
                hash.with("image", &built.reference)
            })
            .short()
    }
}
