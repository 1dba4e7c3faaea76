//! The images that pods run: built from `images/*/Containerfile` once per content, and kept as archives.

mod archive;
mod binary;
mod buildah;
mod context;
mod error;
mod image;
mod job;
mod registry;
mod rootfs;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use aznet_kit::files::FileError;

use tokio_util::sync::CancellationToken;

use self::binary::Own;
pub use self::binary::crates;
pub use self::buildah::{login_missing, mounted, mounts, storage};
pub use self::error::ImageError;
pub use self::image::{Built, Image, ImageSet};
pub use self::registry::{BadRegistry, Published, Registry};

use self::buildah::Buildah;
use self::context::Context;
use self::image::chain;
use self::job::Job;
use super::reference;
use super::toolchain::Toolchain;
use crate::machine::space;
use crate::paths::Paths;
use crate::progress::{Reporter, Task};
use crate::source::Source;

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
    Ok(ImageSet::new(images))
}

/// Builds the images that hold no program of the toolchain: they need not wait for it, and what they wait for (the
/// disk, the network) leaves the processors to its compilers.
pub async fn ahead(
    paths: &Paths,
    source: &Source,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<(), ImageError> {
    let without = |image: &Image| context::programs(*image).is_empty();
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

/// An image of a registry, or of buildah's storage, as an archive; it goes when this is dropped.
#[derive(Debug)]
pub struct Fetched {
    folder: tempfile::TempDir,
}

impl Fetched {
    /// The archive.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("image.tar")
    }
}

/// Gets an image from its registry.
///
/// # Errors
/// [`ImageError`], e.g. when the registry can't be reached from this machine.
pub async fn fetch(
    paths: &Paths,
    reference: &str,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<Fetched, ImageError> {
    let task = Task::new(report, "fetch");
    let buildah = Buildah::new(paths, &task, cancel)?;
    let folder = paths.images();
    let folder = tempfile::tempdir_in(&folder).map_err(FileError::of("make folder in", &folder))?;
    let fetched = Fetched { folder };
    let name = reference::full(reference);
    buildah.fetch(&name, &fetched.path()).await?;
    Ok(fetched)
}

/// Writes an image of the set to an archive as `docker save` does, for engines that know no OCI layout.
///
/// # Errors
/// [`ImageError`].
pub async fn save(
    paths: &Paths,
    set: &ImageSet,
    image: Image,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<Fetched, ImageError> {
    need_root("writing an archive")?;
    let task = Task::new(report, format!("image {image}"));
    let folder = paths.images();
    let _lock = task.lock(&folder.join(".lock"), cancel).await?;
    let buildah = Buildah::new(paths, &task, cancel)?;
    let built = set.get(image);
    if !buildah.has(&built.reference).await? {
        archive::restore(&buildah, &set.chain(image)).await?;
    }
    let folder = tempfile::tempdir_in(&folder).map_err(FileError::of("make folder in", &folder))?;
    let saved = Fetched { folder };
    buildah.save(&built.reference, &saved.path()).await?;
    Ok(saved)
}

/// Copies images of the set to a registry, with the credentials that Docker and its kin keep for it. What is there already
/// is not copied again.
///
/// # Errors
/// [`ImageError`]; images before the one that failed are in the registry, and whole.
pub async fn push(
    paths: &Paths,
    set: &ImageSet,
    which: &[Image],
    target: &Target<'_>,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<Vec<Published>, ImageError> {
    need_root("pushing")?;
    let mut published = Vec::new();
    for (index, image) in which.iter().copied().enumerate() {
        let mut task = Task::new(report, format!("push {image}"));
        task.step(index + 1, which.len());
        let _lock = task.lock(&paths.images().join(".lock"), cancel).await?;
        let buildah = Buildah::new(paths, &task, cancel)?;
        let built = set.get(image);
        if !buildah.has(&built.reference).await? {
            archive::restore(&buildah, &set.chain(image)).await?;
        }
        let reference = target.registry.reference(built);
        buildah
            .publish(&built.reference, &reference, target.plain_http)
            .await?;
        task.done(&reference);
        published.push(Published { image, reference });
    }
    Ok(published)
}

/// A registry, and how to talk to it.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The registry.
    pub registry: &'a Registry,
    /// Without TLS.
    pub plain_http: bool,
}

/// Writes images of the set to one archive in OCI layout, whole: with what they share with others.
///
/// # Errors
/// [`ImageError`]; the file is then as it was before.
pub async fn export(
    set: &ImageSet,
    which: &[Image],
    file: &Path,
    report: &Reporter,
) -> Result<Vec<Published>, ImageError> {
    let task = Task::new(report, "export");
    let (wanted, file) = (which.to_vec(), file.to_owned());
    let (images, path) = (set.clone(), file.clone());
    let work = tokio::task::spawn_blocking(move || archive::join(&images, &wanted, &path));
    let written = task.during("writing the archive", work).await;
    written.map_err(|error| FileError::of("write", &file)(std::io::Error::other(error)))??;
    task.done(&space::human(space::size(&file)));
    let published = which.iter().map(|image| Published {
        image: *image,
        reference: set.get(*image).reference.clone(),
    });
    Ok(published.collect())
}

fn need_root(what: &'static str) -> Result<(), ImageError> {
    if nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    Err(ImageError::NotRoot { what })
}

/// Whether a compiler is needed before pods can run: whether what runs first in them is not compiled from this source.
///
/// # Errors
/// [`ImageError::File`] if the source can't be read.
pub fn need_compiler(paths: &Paths, source: &Source) -> Result<bool, ImageError> {
    Ok(!binary::is_built(Own::Node, paths, source)?)
}

/// Whether a file of the cache is the record of an image: other versions have images that this one doesn't know.
fn is_record(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let image = name
        .and_then(|name| name.strip_suffix(".json"))
        .and_then(|stem| stem.rsplit_once('-'));
    image.is_some_and(|(image, hash)| {
        let is_hash = hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hash && Image::all().any(|one| one.name() == image)
    })
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

impl Job<'_> {
    async fn ensure(&self, image: Image, parents: &[&Built]) -> Result<Built, ImageError> {
        let context = Context::of(image, parents.last().copied(), self).await?;
        let folder = self.paths.images();
        let record = folder.join(format!("{image}-{}.json", context.hash()));
        if let Some(built) = archive::read_record(&record)? {
            return Ok(built);
        }
        let _lock = self.task.lock(&folder.join(".lock"), self.cancel).await?;
        if let Some(built) = archive::read_record(&record)? {
            return Ok(built);
        }
        let built = self.build(&context, parents, &record).await;
        let built = built.map_err(|error| self.explain(&context, error))?;
        archive::sweep(&folder, image)?;
        self.task
            .done(&format!("built, {}", space::human(built.size)));
        Ok(built)
    }

    async fn build(
        &self,
        context: &Context,
        parents: &[&Built],
        record: &Path,
    ) -> Result<Built, ImageError> {
        need_root("building")?;
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
            context.build(&buildah, folder.path()).await?;
        }
        let parent = parents.last().copied();
        let built = archive::write(&buildah, &name, context, parent, record).await?;
        buildah
            .tidy(context.image(), &[&name, &built.reference])
            .await;
        Ok(built)
    }

    fn check_space(&self, context: &Context) -> Result<(), ImageError> {
        if space::free_bytes(&self.paths.images())? >= context.space() {
            return Ok(());
        }
        Err(self.disk_full(context))
    }

    /// Tells what a full disk lacks.
    fn explain(&self, context: &Context, error: ImageError) -> ImageError {
        match error {
            ImageError::File(file) if file.is_full() => self.disk_full(context),
            other => other,
        }
    }

    fn disk_full(&self, context: &Context) -> ImageError {
        let path = self.paths.images();
        ImageError::DiskFull {
            what: format!("image {}", context.image()),
            needed: context.space(),
            free: space::free_bytes(&path).unwrap_or(0),
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
