//! The images that pods run: built from `images/*/Containerfile` once per content, kept as archives, and imported
//! once into a containerd root that clusters clone.

mod archive;
mod binary;
mod buildah;
mod context;
mod rootfs;
mod store;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

pub use store::{import, store};

use crate::command::CommandError;
use crate::disk::{self, ContentHash, DiskError};
use crate::lock::{Lock, LockError};
use crate::paths::Paths;
use crate::progress::{Reporter, Task};
use crate::source::Source;
use crate::parts::toolchain::Toolchain;

use buildah::Buildah;
use context::Context;

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
        }
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
            Self::Pause | Self::Coredns | Self::Base => None,
        }
    }

    /// The image it stands on.
    fn parent(self) -> Option<Self> {
        match self {
            Self::Aztec => Some(Self::Base),
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
    layers: Vec<String>,
    /// The archive, in OCI layout.
    #[serde(skip)]
    pub archive: PathBuf,
}

/// The images of one checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSet {
    images: BTreeMap<Image, Built>,
}

impl ImageSet {
    /// One of the images.
    pub fn get(&self, image: Image) -> &Built {
        &self.images[&image]
    }

    /// All of them, each after the one it stands on.
    pub fn iter(&self) -> impl Iterator<Item = &Built> {
        self.images.values()
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

/// Why an image is not there.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// Not enough space.
    #[error("{what} needs about {} in {}, {} are free; free some or set AZNET_CACHE", disk::human(*needed), path.display(), disk::human(*free))]
    DiskFull {
        /// What was to be made.
        what: String,
        /// Where.
        path: PathBuf,
        /// Bytes needed.
        needed: u64,
        /// Bytes free.
        free: u64,
    },
    /// Images are built by root only.
    #[error("building images needs root: run it with sudo")]
    NotRoot,
    /// A file that a tool wrote is not as it should be.
    #[error("{} is damaged: {problem}; remove it and try again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A tool failed.
    #[error("cannot make {what}")]
    Command {
        /// What was to be made.
        what: String,
        /// Which tool, and what it said.
        #[source]
        source: CommandError,
    },
    /// The containerd that imports images did not come up.
    #[error("containerd does not answer")]
    Containerd(#[from] crate::wait::WaitError),
    /// A file is out of reach.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Another run holds the cache.
    #[error(transparent)]
    Lock(#[from] LockError),
}

impl ImageError {
    /// For `map_err` on tools: says what was to be made, and finds out whether the disk is full.
    fn making(what: &str, path: &Path, needed: u64) -> impl FnOnce(CommandError) -> Self + use<> {
        let (what, path) = (what.to_owned(), path.to_owned());
        move |source| {
            if source.is_disk_full() {
                let free = disk::free_bytes(&path).unwrap_or(0);
                return Self::DiskFull {
                    what,
                    path,
                    needed,
                    free,
                };
            }
            Self::Command { what, source }
        }
    }
}

/// Makes sure that these images are in the cache; each must come after the one it stands on.
///
/// Only what changed is built: an image's inputs are its folder, the programs and sources in it, and the image it
/// stands on. Two runs at a time wait for each other; an interrupted one leaves only whole images behind.
pub async fn ensure(
    paths: &Paths,
    source: &Source,
    toolchain: &Toolchain,
    wanted: &[Image],
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<ImageSet, ImageError> {
    let images = make(wanted, paths, source, Some(toolchain), report, cancel).await?;
    let task = Task::new(report, "images");
    task.done("ready");
    Ok(ImageSet { images })
}

/// Builds the images that hold no program of the toolchain: they need not wait for it, and what they wait for (the
/// disk, the network) leaves the processors to its compilers.
pub async fn ahead(
    paths: &Paths,
    source: &Source,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<(), ImageError> {
    let without = |image: &Image| context::program(*image).is_none();
    let images: Vec<_> = Image::ALL.into_iter().filter(without).collect();
    make(&images, paths, source, None, report, cancel)
        .await
        .map(drop)
}

async fn make(
    which: &[Image],
    paths: &Paths,
    source: &Source,
    toolchain: Option<&Toolchain>,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<BTreeMap<Image, Built>, ImageError> {
    let mut images = BTreeMap::new();
    for (index, image) in which.iter().copied().enumerate() {
        let mut task = Task::new(report, format!("image {image}"));
        task.step(index + 1, which.len());
        let job = Job {
            paths,
            source,
            toolchain,
            task: &task,
            cancel,
        };
        let built = job.ensure(image, &chain(image, &images)).await?;
        images.insert(image, built);
    }
    Ok(images)
}

/// What an image stands on, lowest first.
fn chain(image: Image, images: &BTreeMap<Image, Built>) -> Vec<&Built> {
    let parents = std::iter::successors(image.parent(), |parent| parent.parent());
    let mut chain: Vec<_> = parents.map(|parent| &images[&parent]).collect();
    chain.reverse();
    chain
}

/// Whether a file of the cache is the record of an image: other versions have images that this one doesn't know.
fn is_record(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let image = name
        .and_then(|name| name.strip_suffix(".json"))
        .and_then(|stem| stem.rsplit_once('-'));
    let mut known = Image::ALL.into_iter().chain(Image::TELEMETRY);
    image.is_some_and(|(image, _hash)| known.any(|one| one.name() == image))
}

/// The images in the cache, those of other checkouts and older versions included.
pub fn list(paths: &Paths) -> Result<Vec<Built>, ImageError> {
    let folder = paths.images();
    let Ok(entries) = fs::read_dir(&folder) else {
        return Ok(Vec::new());
    };
    let mut found = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| is_record(path))
        .map(|path| archive::read_record(&path))
        .filter_map(Result::transpose)
        .collect::<Result<Vec<_>, _>>()?;
    found.sort_by(|a, b| (a.image, &a.reference).cmp(&(b.image, &b.reference)));
    Ok(found)
}

/// What building an image takes.
#[derive(Clone, Copy)]
struct Job<'a> {
    paths: &'a Paths,
    source: &'a Source,
    /// Where its programs are; images that hold none do without.
    toolchain: Option<&'a Toolchain>,
    task: &'a Task,
    cancel: &'a CancellationToken,
}

impl Job<'_> {
    async fn ensure(&self, image: Image, parents: &[&Built]) -> Result<Built, ImageError> {
        let context = Context::of(image, parents.last().copied(), self).await?;
        let folder = self.paths.images();
        let record = folder.join(format!("{image}-{}.json", context.hash()));
        if let Some(built) = archive::read_record(&record)? {
            return Ok(built);
        }
        let _lock = Lock::acquire(&folder.join(".lock"), self.task, self.cancel).await?;
        if let Some(built) = archive::read_record(&record)? {
            return Ok(built);
        }
        let built = self.build(&context, parents, &record).await;
        let built = built.map_err(|error| self.explain(&context, error))?;
        archive::sweep(&folder, image)?;
        self.task
            .done(&format!("built, {}", disk::human(built.size)));
        Ok(built)
    }

    async fn build(
        &self,
        context: &Context,
        parents: &[&Built],
        record: &Path,
    ) -> Result<Built, ImageError> {
        if !nix::unistd::geteuid().is_root() {
            return Err(ImageError::NotRoot);
        }
        self.check_space(context)?;
        let buildah = Buildah::new(self.paths, self.task, self.cancel)?;
        // A run that was killed leaves the container it worked in.
        buildah.remove_containers().await?;
        let name = context.name();
        if !buildah.has(&name).await? {
            if let Some(parent) = parents.last()
                && !buildah.has(&parent.reference).await?
            {
                archive::restore(&buildah, parents).await?;
            }
            let folder = context.prepare(&buildah, self).await?;
            buildah.build(&name, context, folder.path()).await?;
        }
        let parent = parents.last().copied();
        let built = archive::write(&buildah, &name, context, parent, record).await?;
        buildah
            .tidy(context.image(), &[&name, &built.reference])
            .await;
        Ok(built)
    }

    fn check_space(&self, context: &Context) -> Result<(), ImageError> {
        if disk::free_bytes(&self.paths.images())? >= context.space() {
            return Ok(());
        }
        Err(self.disk_full(context))
    }

    /// Tells what a full disk lacks.
    fn explain(&self, context: &Context, error: ImageError) -> ImageError {
        match error {
            ImageError::Disk(disk) if disk.is_full() => self.disk_full(context),
            other => other,
        }
    }

    fn disk_full(&self, context: &Context) -> ImageError {
        let path = self.paths.images();
        ImageError::DiskFull {
            what: format!("image {}", context.image()),
            needed: context.space(),
            free: disk::free_bytes(&path).unwrap_or(0),
            path,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_of_other_versions_and_other_files_are_no_records() {
        for record in ["pause-0a1b.json", "aznet-node-0a1b.json"] {
            assert!(is_record(&Path::new("/c").join(record)), "{record}");
        }
        for other in [
            "kube-dns-0a1b.json",
            "pause-0a1b.oci.tar",
            "aznet-node.json",
            ".lock",
        ] {
            assert!(!is_record(&Path::new("/c").join(other)), "{other}");
        }
    }
}
