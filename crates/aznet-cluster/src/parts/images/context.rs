//! What an image is made from: its folder, the files it needs from elsewhere, the image it stands on.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::buildah::{Buildah, SHARED_CERTIFICATES};
use super::{Built, Image, ImageError, Job, binary, rootfs};
use crate::command::{CommandError, Tool};
use crate::disk::{self, ContentHash, DiskError, Staging};
use crate::parts::toolchain::Program;

const MIB: u64 = 1 << 20;

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
        let mut hash = ContentHash::new("image 1").with_tree(&folder, &["node_modules"])?;
        for (name, path) in &extras {
            // A tool of the toolchain is known by its version; hashing 100 MB each time would be felt.
            hash = match program(image).zip(job.toolchain) {
                Some((program, tools)) => hash.with(name, tools.identity(program)),
                None => hash.with(name, "").with_tree(path, &["node_modules"])?,
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
            Image::Base | Image::Pxe => 2048 * MIB,
            _ => 768 * MIB,
        }
    }

    /// Values for the `ARG`s of the Containerfile.
    pub(super) async fn build_args(&self, buildah: &Buildah<'_>) -> Vec<(&'static str, String)> {
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
        copy_tree(&self.folder, staging.path())?;
        for (name, path) in &self.extras {
            copy_tree(path, &staging.path().join(name))?;
        }
        Ok(staging)
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
        copy_tree(&job.source.images().join("npm"), staging.path())?;
        Tool::new("npm")
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .dir(staging.path())
            .run(job.task, "installing Node.js and npm", job.cancel)
            .await
            .map_err(ImageError::making("image npm", staging.path(), 512 * MIB))?;
        let args = [("BASE", base.clone())];
        buildah.build_plain(name, &args, staging.path()).await
    }
}

/// What the image with npm on top of `base` is called.
fn npm_name(base: &str, job: &Job<'_>) -> Result<String, DiskError> {
    let hash = ContentHash::new("npm 1")
        .with("base", base)
        .with_tree(&job.source.images().join("npm"), &["node_modules"])?;
    Ok(format!("localhost/aznet/npm:{}", hash.short()))
}

/// The program of the toolchain that an image holds.
pub(super) fn program(image: Image) -> Option<Program> {
    match image {
        Image::Coredns => Some(Program::Coredns),
        Image::BlobStore => Some(Program::Versitygw),
        Image::OtelCollector => Some(Program::OtelCollector),
        Image::Prometheus => Some(Program::Prometheus),
        _ => None,
    }
}

async fn extras(image: Image, job: &Job<'_>) -> Result<Vec<(&'static str, PathBuf)>, ImageError> {
    if let Some((program, tools)) = program(image).zip(job.toolchain) {
        return Ok(vec![(program.name(), tools.path(program))]);
    }
    Ok(match image {
        Image::Pause => vec![("catatonit", catatonit()?)],
        Image::AznetNode => vec![("aznet-node", binary::ensure(job).await?)],
        Image::Pxe => vec![
            ("pxe/package.json", job.source.pxe().join("package.json")),
            ("pxe/src", job.source.pxe().join("src")),
        ],
        _ => Vec::new(),
    })
}

/// Debian's catatonit is static; it is on the machine because containers need it.
fn catatonit() -> Result<PathBuf, ImageError> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/bin".into(), "/usr/libexec/podman".into()])
        .map(|folder| folder.join("catatonit"))
        .find(|path| path.is_file())
        .ok_or_else(|| ImageError::Command {
            what: "image pause".into(),
            source: CommandError::NotFound {
                program: "catatonit".into(),
            },
        })
}

/// The registry that this machine's npm uses.
async fn registry(buildah: &Buildah<'_>) -> Option<String> {
    let asked = Tool::new("npm").args(["config", "get", "registry"]);
    let answer = asked.output(buildah.cancel()).await.ok()?;
    Some(answer.trim().to_owned()).filter(|registry| registry.starts_with("http"))
}

/// Copies a file or folder; without what npm puts beside a `package.json`.
fn copy_tree(from: &Path, to: &Path) -> Result<(), DiskError> {
    if !from.is_dir() {
        if let Some(parent) = to.parent() {
            disk::make_dir(parent)?;
        }
        return fs::copy(from, to)
            .map(drop)
            .map_err(DiskError::of("copy", from));
    }
    disk::make_dir(to)?;
    for entry in fs::read_dir(from)
        .map_err(DiskError::of("list", from))?
        .flatten()
    {
        if entry.file_name() != "node_modules" {
            copy_tree(&entry.path(), &to.join(entry.file_name()))?;
        }
    }
    Ok(())
}
