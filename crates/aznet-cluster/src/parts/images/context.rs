//! What an image is made from: its folder, the files it needs from elsewhere, the image it stands on.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aznet_kit::files::{self, FileError, Staging};
use aznet_kit::process::{ProcessError, Tool, find_in};

use super::binary::Own;
use super::buildah::{Buildah, SHARED_CERTIFICATES};
use super::error::ImageError;
use super::image::{Built, Image};
use super::job::Job;
use super::{binary, rootfs};
use crate::machine::programs;
use crate::parts::content::ContentHash;
use crate::parts::toolchain::Program;

const MIB: u64 = 1 << 20;
/// npm reads its settings.
const ANSWER: Duration = Duration::from_secs(30);
/// Through a slow registry.
const NPM: Duration = Duration::from_mins(20);
/// What npm puts beside a `package.json`.
const NPM_TREE: [&str; 1] = ["node_modules"];

/// The inputs of one image.
#[derive(Debug)]
pub(super) struct Context {
    image: Image,
    hash: String,
    /// The folder with the Containerfile.
    folder: PathBuf,
    /// Files and folders from elsewhere, by their place in the build context.
    extras: Vec<(&'static str, PathBuf)>,
    /// The reference of the image that it stands on.
    parent: Option<String>,
    /// The image that installs its npm tree.
    npm: Option<String>,
}

impl Context {
    pub(super) async fn of(
        image: Image,
        parent: Option<&Built>,
        job: &Job<'_>,
    ) -> Result<Self, ImageError> {
        let folder = job.source.images().join(image.name());
        let extras = extras(image, job).await?;
        let mut hash = ContentHash::new("image 1").with_tree(&folder, &NPM_TREE)?;
        for (name, path) in &extras {
            // A tool of the toolchain is known by its version; hashing 100 MB each time would be felt.
            let program = programs(image).iter().find(|one| one.name() == *name);
            hash = match program.zip(job.toolchain) {
                Some((program, tools)) => hash.with(name, tools.identity(*program)),
                None => hash.with(name, "").with_tree(path, &NPM_TREE)?,
            };
        }
        if let Some(parent) = parent {
            hash = hash.with("parent", &parent.reference);
        }
        let parent = parent.map(|parent| parent.reference.clone());
        let npm = match (image, &parent) {
            (Image::Aztec, Some(base)) => Some(npm_name(base, job)?),
            _ => None,
        };
        hash = hash.with("npm", npm.as_deref().unwrap_or_default());
        Ok(Self {
            image,
            hash: hash.short(),
            folder,
            extras,
            parent,
            npm,
        })
    }

    pub(super) fn image(&self) -> Image {
        self.image
    }

    /// A name for the inputs.
    pub(super) fn hash(&self) -> &str {
        &self.hash
    }

    /// What the image will be called in buildah's storage.
    pub(super) fn name(&self) -> String {
        format!("localhost/aznet/{}:inputs-{}", self.image, self.hash)
    }

    /// Bytes of disk space that building it takes at most.
    pub(super) fn space(&self) -> u64 {
        match self.image {
            Image::Aztec => 6144 * MIB,
            Image::KindNode => 4096 * MIB,
            Image::Base | Image::Pxe | Image::ChaosDaemon | Image::Aznet => 2048 * MIB,
            _ => 768 * MIB,
        }
    }

    /// Values for the `ARG`s of the Containerfile.
    async fn build_args(&self, buildah: &Buildah<'_>) -> Vec<(&'static str, String)> {
        let mut args: Vec<_> = self
            .parent
            .iter()
            .map(|parent| ("BASE", parent.clone()))
            .collect();
        match self.image {
            Image::Base => args.push(("BASE", rootfs::NAME.to_owned())),
            Image::Aztec => {
                args.push(("CERTIFICATES", SHARED_CERTIFICATES.to_owned()));
                args.extend(self.npm.iter().map(|npm| ("NPM", npm.clone())));
                args.extend(
                    registry(buildah)
                        .await
                        .map(|registry| ("REGISTRY", registry)),
                );
            }
            _ => {}
        }
        args
    }

    /// Puts the build context together, and into buildah's storage what the Containerfile stands on.
    pub(super) async fn prepare(
        &self,
        buildah: &Buildah<'_>,
        job: &Job<'_>,
    ) -> Result<Staging, ImageError> {
        match self.image {
            Image::Base => rootfs::ensure(buildah, job).await?,
            Image::Aztec => self.ensure_npm(buildah, job).await?,
            _ => {}
        }
        let staging = Staging::new(&job.paths.images().join("contexts"))?;
        files::copy_tree(&self.folder, staging.path(), &NPM_TREE)?;
        for (name, path) in &self.extras {
            files::copy_tree(path, &staging.path().join(name), &NPM_TREE)?;
        }
        Ok(staging)
    }

    /// Builds the image from a prepared folder.
    pub(super) async fn build(
        &self,
        buildah: &Buildah<'_>,
        folder: &Path,
    ) -> Result<(), ImageError> {
        let args = self.build_args(buildah).await;
        buildah.build(&self.name(), &args, folder).await
    }

    /// Makes the image that holds Node.js and npm, with the npm of this machine.
    async fn ensure_npm(&self, buildah: &Buildah<'_>, job: &Job<'_>) -> Result<(), ImageError> {
        let (Some(name), Some(base)) = (&self.npm, &self.parent) else {
            return Ok(());
        };
        if buildah.has(name).await? {
            return Ok(());
        }
        let staging = Staging::new(&job.paths.images().join("npm"))?;
        files::copy_tree(&job.source.images().join("npm"), staging.path(), &NPM_TREE)?;
        let npm = Tool::new("npm")
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .shares_files()
            .dir(staging.path());
        job.task
            .run("installing Node.js and npm", npm, NPM, job.cancel)
            .await
            .map_err(ImageError::making("image npm", staging.path(), 512 * MIB))?;
        let args = [("BASE", base.clone())];
        buildah.build(name, &args, staging.path()).await
    }
}

/// What the image with npm on top of `base` is called.
fn npm_name(base: &str, job: &Job<'_>) -> Result<String, FileError> {
    let hash = ContentHash::new("npm 1")
        .with("base", base)
        .with_tree(&job.source.images().join("npm"), &NPM_TREE)?;
    Ok(format!("localhost/aznet/npm:{}", hash.short()))
}

/// The programs of the toolchain that an image holds.
pub(super) fn programs(image: Image) -> &'static [Program] {
    match image {
        Image::Coredns => &[Program::Coredns],
        Image::BlobStore => &[Program::Versitygw],
        Image::OtelCollector => &[Program::OtelCollector],
        Image::Prometheus => &[Program::Prometheus],
        Image::ChaosMesh => &[Program::ChaosControllerManager],
        Image::ChaosDaemon => &[Program::ChaosDaemon, Program::ChaosDaemonHelper],
        Image::KindNode => &[
            Program::Kubeadm,
            Program::Kubectl,
            Program::Kubelet,
            Program::KubeApiserver,
            Program::KubeControllerManager,
            Program::KubeScheduler,
            Program::KubeProxy,
            Program::Etcd,
            Program::Coredns,
            Program::LocalPathProvisioner,
        ],
        Image::Aznet => &[Program::Kubectl, Program::Helm, Program::Kind],
        _ => &[],
    }
}

async fn extras(image: Image, job: &Job<'_>) -> Result<Vec<(&'static str, PathBuf)>, ImageError> {
    let programs = programs(image);
    if let Some(tools) = job.toolchain.filter(|_| !programs.is_empty()) {
        let place = |program: &Program| (program.name(), tools.path(*program));
        let mut extras: Vec<_> = programs.iter().map(place).collect();
        if image == Image::ChaosDaemon {
            extras.push((Own::Netem.name(), binary::ensure(Own::Netem, job).await?));
        }
        if image == Image::Aznet {
            extras.push(("aznet", this_program()?));
        }
        if image == Image::KindNode {
            extras.push(("catatonit", catatonit()?));
            extras.push(("kind", tools.kind_node()));
        }
        return Ok(extras);
    }
    Ok(match image {
        Image::Pause => vec![("catatonit", catatonit()?)],
        Image::AznetNode => vec![(Own::Node.name(), binary::ensure(Own::Node, job).await?)],
        Image::Pxe => vec![
            ("pxe/package.json", job.source.pxe().join("package.json")),
            ("pxe/src", job.source.pxe().join("src")),
        ],
        _ => Vec::new(),
    })
}

/// The program that builds the image is the one in it.
fn this_program() -> Result<PathBuf, ImageError> {
    let failed = FileError::of("find", Path::new("/proc/self/exe"));
    Ok(std::env::current_exe().map_err(failed)?)
}

/// Debian's catatonit is static; it is on the machine because containers need it.
fn catatonit() -> Result<PathBuf, ImageError> {
    let podman = || find_in(Path::new("catatonit"), ["/usr/libexec/podman".into()]);
    programs::find("catatonit")
        .or_else(podman)
        .ok_or_else(|| ImageError::Command {
            what: "image pause".into(),
            source: ProcessError::NotFound {
                program: "catatonit".into(),
            },
        })
}

/// The registry that this machine's npm uses.
async fn registry(buildah: &Buildah<'_>) -> Option<String> {
    let asked = Tool::new("npm").args(["config", "get", "registry"]);
    let answer = asked.output(ANSWER, buildah.cancel()).await.ok()?;
    Some(answer.trim().to_owned()).filter(|registry| registry.starts_with("http"))
}
