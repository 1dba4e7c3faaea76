//! Programs of this project that run in pods: static, so that they run in any image.

use std::env::consts::ARCH;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aznet_kit::files::{self, Access, FileError, Staging};
use aznet_kit::process::ProcessError;

use super::error::ImageError;
use super::job::Job;
use crate::machine::programs;
use crate::parts::content::ContentHash;
use crate::paths::Paths;
use crate::source::{Origin, Source};

/// A program of this project that runs in pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Own {
    /// Runs first in every Aztec pod.
    Node,
    /// Delays and loses packets where the kernel has no netem.
    Netem,
}

impl Own {
    const ALL: [Self; 2] = [Self::Node, Self::Netem];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Node => "aznet-node",
            Self::Netem => "aznet-netem",
        }
    }

    /// The crates that it is made of.
    const fn sources(self) -> [&'static str; 3] {
        [self.name(), "aznet-model", "aznet-kit"]
    }
}

/// The crates that images are made of, in `crates/` of a source tree.
pub fn crates() -> impl Iterator<Item = &'static str> {
    Own::ALL.into_iter().flat_map(Own::sources)
}

const SPACE: u64 = 1 << 30;
/// A cold compilation takes minutes, beside others many.
const COMPILATION: Duration = Duration::from_hours(1);

/// Where it is when it is built from this source.
fn place(own: Own, paths: &Paths, source: &Source) -> Result<PathBuf, FileError> {
    let root = source.root();
    let mut hash = ContentHash::new("static 1");
    for sources in own.sources() {
        let skip = ["tests", "snapshots", "target"];
        hash = hash.with_tree(&root.join("crates").join(sources), &skip)?;
    }
    let hash = hash
        .with("Cargo.toml", files::read(&root.join("Cargo.toml"))?)
        .with("Cargo.lock", files::read(&root.join("Cargo.lock"))?)
        .short();
    Ok(paths.images().join(own.name()).join(hash))
}

/// Whether it is built from this source.
pub(super) fn is_built(own: Own, paths: &Paths, source: &Source) -> Result<bool, FileError> {
    Ok(place(own, paths, source)?.is_dir())
}

/// Builds it unless its sources are unchanged, and says where it is.
pub(super) async fn ensure(own: Own, job: &Job<'_>) -> Result<PathBuf, ImageError> {
    let place = place(own, job.paths, job.source)?;
    if !place.is_dir() {
        let lock = place.with_file_name(".lock");
        let _lock = job.task.lock(&lock, job.cancel).await?;
        if !place.is_dir() {
            build(own, job, &place).await?;
        }
    }
    Ok(place.join(own.name()))
}

async fn build(own: Own, job: &Job<'_>, place: &Path) -> Result<(), ImageError> {
    let name = own.name();
    let target = job.paths.cache().join("cargo");
    let platform = format!("{ARCH}-unknown-linux-gnu");
    let failed = || ImageError::making(&format!("program {name}"), &target, SPACE);
    let cargo = programs::cargo().ok_or_else(|| {
        failed()(ProcessError::NotFound {
            program: "cargo".into(),
        })
    })?;
    // The lock of a source tree that a program brought along names crates that are not there.
    let locked = (job.source.origin() == Origin::Checkout).then_some("--locked");
    let cargo = cargo
        .args(["build", "--release", "--package", name])
        .args(locked)
        // With the target named, the flags do not reach build scripts and procedural macros.
        .args(["--target", &platform])
        .env("CARGO_TARGET_DIR", &target)
        .env("CARGO_PROFILE_RELEASE_STRIP", "symbols")
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .dir(job.source.root());
    job.task
        .run("compiling", cargo, COMPILATION, job.cancel)
        .await
        .map_err(failed())?;
    let staging = Staging::new(&job.paths.images().join(name))?;
    let built = target.join(platform).join("release").join(name);
    files::copy(&built, &staging.path().join(name), Access::Program)?;
    Ok(staging.finish(place)?)
}
