//! Archives in OCI layout, and the records that say what is in them.
//!
//! An archive leaves out the layers that its image shares with the one it stands on: they are in that one's archive,
//! which is imported first.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use aznet_kit::files::{self, Access, FileError, Staging};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::buildah::Buildah;
use super::context::Context;
use super::error::ImageError;
use super::image::{Built, Image, ImageSet};
use crate::machine::space;
use crate::parts::content;

/// How digests begin.
const SHA256: &str = "sha256:";
/// What says that a folder is in OCI layout.
const VERSION: &str = "oci-layout";
const LAYOUT_VERSION: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
/// What lists its images.
const INDEX: &str = "index.json";
/// By what name it lists them.
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// What a folder in OCI layout is called.
const LAYOUT: &str = "layout";
/// The only tag in a layout.
const TAG: &str = "image";

/// Reads a record; `None` if there is no such image.
pub(super) fn read_record(path: &Path) -> Result<Option<Built>, ImageError> {
    // The record is written last and removed last: without an archive it is none.
    let archive = path.with_extension("oci.tar");
    if !archive.is_file() {
        return Ok(None);
    }
    let Some(text) = files::read_if_there(path)? else {
        return Ok(None);
    };
    let mut built: Built = serde_json::from_slice(&text).map_err(damaged(path))?;
    built.archive = archive;
    // Says that it is in use; a cache that cannot be written to needs no sweeping either.
    let _read_only = File::open(path).and_then(|file| file.set_modified(SystemTime::now()));
    Ok(Some(built))
}

/// Archives of earlier builds are kept so long after they were last asked for.
const KEPT_FOR: Duration = Duration::from_hours(14 * 24);

/// Removes archives of an image that no checkout has asked for in a while.
pub(super) fn sweep(folder: &Path, image: Image) -> Result<(), FileError> {
    let entries = fs::read_dir(folder).map_err(FileError::of("list", folder))?;
    for path in entries.flatten().map(|entry| entry.path()) {
        let used = fs::metadata(&path).and_then(|meta| meta.modified());
        let idle = used.ok().and_then(|used| used.elapsed().ok());
        let ours = read_record(&path.with_extension("json")).ok().flatten();
        let record = path
            .extension()
            .is_some_and(|extension| extension == "json");
        if record && ours.is_some_and(|built| built.image == image) && idle > Some(KEPT_FOR) {
            for file in [path.with_extension("oci.tar"), path] {
                files::remove_if_there(&file)?;
            }
        }
    }
    Ok(())
}

/// Archives the image `name` of buildah's storage and records it at `record`, in this order.
pub(super) async fn write(
    buildah: &Buildah<'_>,
    name: &str,
    context: &Context,
    parent: Option<&Built>,
    record: &Path,
) -> Result<Built, ImageError> {
    let folder = record.parent().unwrap_or(Path::new("/"));
    let staging = Staging::new(&folder.join("layouts"))?;
    buildah.push(name, staging.path()).await?;
    let layout = Pushed::read(staging.path())?;
    let digest = layout.digest();
    let built = Built {
        image: context.image(),
        reference: format!("localhost/aznet/{}:{}", context.image(), &digest[..12]),
        size: 0,
        layers: layout
            .layers
            .iter()
            .map(|layer| layer.digest.clone())
            .collect(),
        archive: record.with_extension("oci.tar"),
    };
    // Later images name this one by its content.
    buildah.tag(name, &built.reference).await?;
    let known: Vec<String> = parent
        .map(|parent| parent.layers.clone())
        .unwrap_or_default();
    finish(layout, built, known, record.to_owned()).await
}

/// Packs and records on a thread of its own: it moves most of a gigabyte.
async fn finish(
    layout: Pushed,
    mut built: Built,
    known: Vec<String>,
    record: PathBuf,
) -> Result<Built, ImageError> {
    let path = record.clone();
    let work = tokio::task::spawn_blocking(move || {
        layout.pack(&built, &known)?;
        built.size = space::size(&built.archive);
        files::write_json(&record, &built, Access::Shared)?;
        Ok(built)
    });
    work.await
        .map_err(|error| FileError::of("write", &path)(io::Error::other(error)))?
}

/// Brings back images of which only the archives are left; the last of `chain` stands on those before it.
pub(super) async fn restore(buildah: &Buildah<'_>, chain: &[&Built]) -> Result<(), ImageError> {
    let Some(last) = chain.last() else {
        return Ok(());
    };
    let folder = last.archive.parent().unwrap_or(Path::new("/"));
    let staging = Staging::new(&folder.join("layouts"))?;
    for built in chain {
        let file = File::open(&built.archive).map_err(FileError::of("open", &built.archive))?;
        tar::Archive::new(file)
            .unpack(staging.path().join(LAYOUT))
            .map_err(FileError::of("unpack", &built.archive))?;
    }
    buildah
        .pull(staging.path(), LAYOUT, TAG, &last.reference)
        .await
}

/// Writes one archive of several images, with all layers of each.
pub(super) fn join(set: &ImageSet, which: &[Image], file: &Path) -> Result<(), FileError> {
    let built: Vec<&Built> = which.iter().map(|image| set.get(*image)).collect();
    let layers = built.iter().flat_map(|built| &built.layers);
    let layers: BTreeSet<PathBuf> = layers.map(|digest| blob(hex_of(digest)).into()).collect();
    files::write_with(file, Access::Shared, |file| {
        let mut joined = Joined::new(BufWriter::new(file));
        for built in built {
            joined.take(built, |_| true)?;
            for parent in set.chain(built.image) {
                joined.take(parent, |path| layers.contains(path))?;
            }
        }
        joined.end()?.flush()
    })
}

/// An archive of several images while it is written.
struct Joined<W: Write> {
    tar: tar::Builder<W>,
    manifests: Vec<Value>,
    names: BTreeSet<PathBuf>,
}

impl<W: Write> Joined<W> {
    fn new(to: W) -> Self {
        let mut tar = tar::Builder::new(to);
        tar.mode(tar::HeaderMode::Deterministic);
        Self {
            tar,
            manifests: Vec::new(),
            names: BTreeSet::new(),
        }
    }

    /// Takes from an image's archive what is asked for and not there yet; the index is the image's own.
    fn take(&mut self, built: &Built, is_wanted: impl Fn(&Path) -> bool) -> io::Result<()> {
        let mut archive = tar::Archive::new(File::open(&built.archive)?);
        for entry in archive.entries()? {
            let mut entry = entry?;
            let path = entry.path()?.into_owned();
            if !is_wanted(&path) {
                continue;
            }
            if path == Path::new(INDEX) {
                let index: Index = serde_json::from_reader(&mut entry)?;
                self.list(index, &built.reference);
            } else if path != Path::new(VERSION) && self.names.insert(path.clone()) {
                let mut header = entry.header().clone();
                self.tar.append_data(&mut header, &path, &mut entry)?;
            }
        }
        Ok(())
    }

    /// In an archive of several, a tag that all have names none.
    fn list(&mut self, index: Index, reference: &str) {
        for mut manifest in index.manifests {
            manifest["annotations"][REF_NAME] = json!(reference);
            self.manifests.push(manifest);
        }
    }

    fn end(mut self) -> io::Result<W> {
        let index = json!({"schemaVersion": 2, "manifests": self.manifests}).to_string();
        append(&mut self.tar, VERSION, LAYOUT_VERSION)?;
        append(&mut self.tar, INDEX, index.as_bytes())?;
        self.tar.into_inner()
    }
}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Value>,
}

/// An image as buildah writes it to a folder: its manifest and, by digest, what that names.
struct Pushed {
    folder: PathBuf,
    manifest: Vec<u8>,
    media_type: String,
    config: Descriptor,
    layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    media_type: String,
    config: Descriptor,
    layers: Vec<Descriptor>,
}

impl Pushed {
    fn read(folder: &Path) -> Result<Self, ImageError> {
        let path = folder.join("manifest.json");
        let manifest = fs::read(&path).map_err(FileError::of("read", &path))?;
        let parsed: Manifest = serde_json::from_slice(&manifest).map_err(damaged(&path))?;
        Ok(Self {
            folder: folder.to_owned(),
            manifest,
            media_type: parsed.media_type,
            config: parsed.config,
            layers: parsed.layers,
        })
    }

    /// What the image is known by.
    fn digest(&self) -> String {
        content::hex(&Sha256::digest(&self.manifest))
    }

    /// Writes the archive, without the layers `known` to be in another.
    fn pack(&self, built: &Built, known: &[String]) -> Result<(), FileError> {
        let own = self
            .layers
            .iter()
            .filter(|layer| !known.contains(&layer.digest))
            .chain([&self.config]);
        files::write_with(&built.archive, Access::Shared, |file| {
            let mut tar = tar::Builder::new(BufWriter::new(file));
            tar.mode(tar::HeaderMode::Deterministic);
            let index = self.index(&built.reference);
            append(&mut tar, VERSION, LAYOUT_VERSION)?;
            append(&mut tar, INDEX, index.as_bytes())?;
            append(&mut tar, &blob(&self.digest()), &self.manifest)?;
            for descriptor in own {
                let digest = hex_of(&descriptor.digest);
                tar.append_path_with_name(self.folder.join(digest), blob(digest))?;
            }
            tar.into_inner()?.flush()
        })
    }

    /// The index under which containerd and others find the image by its reference.
    fn index(&self, reference: &str) -> String {
        json!({
            "schemaVersion": 2,
            "manifests": [{
                "mediaType": self.media_type,
                "digest": format!("{SHA256}{}", self.digest()),
                "size": self.manifest.len(),
                "annotations": {
                    "io.containerd.image.name": reference,
                    REF_NAME: TAG,
                },
            }],
        })
        .to_string()
    }
}

fn append(tar: &mut tar::Builder<impl Write>, name: &str, content: &[u8]) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, name, content)
}

/// A digest without its algorithm.
fn hex_of(digest: &str) -> &str {
    digest.trim_start_matches(SHA256)
}

/// Where a layout keeps what has this digest.
fn blob(digest: &str) -> String {
    format!("blobs/sha256/{digest}")
}

fn damaged(path: &Path) -> impl FnOnce(serde_json::Error) -> ImageError + use<> {
    let path = path.to_owned();
    move |error| ImageError::Damaged {
        path,
        problem: error.to_string(),
    }
}
