//! The program that runs first in every Aztec pod: static, so that it runs in any image.

use std::env::consts::ARCH;
use std::path::PathBuf;

use super::{ImageError, Job};
use crate::command::Tool;
use crate::disk::{self, ContentHash, Staging};
use crate::lock::Lock;

const NAME: &str = "aznet-node";
/// The crates that it is made of.
const SOURCES: [&str; 2] = [NAME, "aznet-model"];
const SPACE: u64 = 1 << 30;

/// Builds it unless its sources are unchanged, and says where it is.
pub(super) async fn ensure(job: &Job<'_>) -> Result<PathBuf, ImageError> {
    let root = job.source.root();
    let mut hash = ContentHash::new("static 1");
    for sources in SOURCES {
        let skip = ["tests", "snapshots", "target"];
        hash = hash.with_tree(&root.join("crates").join(sources), &skip)?;
    }
    let hash = hash
        .with("Cargo.toml", disk::read(&root.join("Cargo.toml"))?)
        .with("Cargo.lock", disk::read(&root.join("Cargo.lock"))?)
        .short();
    let folder = job.paths.images().join(NAME);
    let place = folder.join(&hash);
    if !place.is_dir() {
        let _lock = Lock::acquire(&folder.join(".lock"), job.task, job.cancel).await?;
        if !place.is_dir() {
            build(job, &place).await?;
        }
    }
    Ok(place.join(NAME))
}

async fn build(job: &Job<'_>, place: &std::path::Path) -> Result<(), ImageError> {
    let folder = job.paths.images().join(NAME);
    let target = job.paths.cache().join("cargo");
    let platform = format!("{ARCH}-unknown-linux-gnu");
    // With the target named, the flags do not reach build scripts and procedural macros.
    Tool::new("cargo")
        .args([
            "build",
            "--release",
            "--locked",
            "--package",
            NAME,
            "--target",
            &platform,
        ])
        .env("CARGO_TARGET_DIR", &target)
        .env("CARGO_PROFILE_RELEASE_STRIP", "symbols")
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .dir(job.source.root())
        .run(job.task, "compiling", job.cancel)
        .await
        .map_err(ImageError::making("image aznet-node", &target, SPACE))?;
    let staging = Staging::new(&folder)?;
    let built = target.join(platform).join("release").join(NAME);
    std::fs::copy(&built, staging.path().join(NAME))
        .map_err(disk::DiskError::of("copy", &built))?;
    Ok(staging.finish(place)?)
}
