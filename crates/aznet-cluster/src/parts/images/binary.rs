//! The program that runs first in every Aztec pod: static, so that it runs in any image.

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

const NAME: &str = "aznet-node";
/// The crates that it is made of.
const SOURCES: [&str; 3] = [NAME, "aznet-model", "aznet-kit"];
const SPACE: u64 = 1 << 30;
/// A cold compilation takes minutes, beside others many.
const COMPILATION: Duration = Duration::from_hours(1);

/// Where it is when it is built from this source.
fn place(paths: &Paths, source: &Source) -> Result<PathBuf, FileError> {
    let root = source.root();
    let mut hash = ContentHash::new("static 1");
    for sources in SOURCES {
        let skip = ["tests", "snapshots", "target"];
        hash = hash.with_tree(&root.join("crates").join(sources), &skip)?;
    }
    let hash = hash
        .with("Cargo.toml", files::read(&root.join("Cargo.toml"))?)
        .with("Cargo.lock", files::read(&root.join("Cargo.lock"))?)
        .short();
    Ok(paths.images().join(NAME).join(hash))
}

/// Whether it is built from this source.
pub(super) fn is_built(paths: &Paths, source: &Source) -> Result<bool, FileError> {
    Ok(place(paths, source)?.is_dir())
}

/// Builds it unless its sources are unchanged, and says where it is.
pub(super) async fn ensure(job: &Job<'_>) -> Result<PathBuf, ImageError> {
    let place = place(job.paths, job.source)?;
    if !place.is_dir() {
        let lock = place.with_file_name(".lock");
        let _lock = job.task.lock(&lock, job.cancel).await?;
        if !place.is_dir() {
            build(job, &place).await?;
        }
    }
    Ok(place.join(NAME))
}

async fn build(job: &Job<'_>, place: &Path) -> Result<(), ImageError> {
    let target = job.paths.cache().join("cargo");
    let platform = format!("{ARCH}-unknown-linux-gnu");
    let failed = || ImageError::making("image aznet-node", &target, SPACE);
    let cargo = programs::cargo().ok_or_else(|| {
        failed()(ProcessError::NotFound {
            program: "cargo".into(),
        })
    })?;
    // The lock of a source tree that a program brought along names crates that are not there.
    let locked = (job.source.origin() == Origin::Checkout).then_some("--locked");
    let cargo = cargo
        .args(["build", "--release", "--package", NAME])
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
    let staging = Staging::new(&job.paths.images().join(NAME))?;
    let built = target.join(platform).join("release").join(NAME);
    files::copy(&built, &staging.path().join(NAME), Access::Program)?;
    Ok(staging.finish(place)?)
}
