//! A minimal Debian from its own packages, where no registry serves one.

use std::env;
use std::fs;
use std::path::Path;

use super::buildah::Buildah;
use super::{ImageError, Job};
use crate::command::Tool;
use crate::disk::{self, DiskError, Staging};

/// The first Debian whose C++ library is new enough for Aztec's native code.
const SUITE: &str = "trixie";
const MIRROR: &str = "http://deb.debian.org/debian";
const SPACE: u64 = 1 << 30;

/// Documentation that no container shows anyone; also kept out of what is installed later.
const DPKG: &str = "path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/man/*
path-exclude /usr/share/info/*
path-exclude /usr/share/locale/*
";

/// What it is called in buildah's storage; to be changed with the steps below.
pub(super) const NAME: &str = "localhost/aznet/rootfs:trixie-1";

/// Makes the image unless buildah has it.
pub(super) async fn ensure(buildah: &Buildah<'_>, job: &Job<'_>) -> Result<(), ImageError> {
    if buildah.has(NAME).await? {
        return Ok(());
    }
    let staging = Staging::new(&job.paths.images().join("rootfs"))?;
    let root = staging.path().join("root");
    disk::make_dir(&root)?;
    let mirror = env::var("AZNET_DEBIAN_MIRROR").unwrap_or_else(|_| MIRROR.into());
    let making = |what| ImageError::making(what, staging.path(), SPACE);
    Tool::new("debootstrap")
        .args(["--variant=minbase", SUITE])
        .arg(&root)
        .arg(&mirror)
        .run(
            job.task,
            &format!("installing Debian {SUITE} from {mirror}"),
            job.cancel,
        )
        .await
        .map_err(making("a minimal Debian"))?;
    slim(&root)?;
    let tar = staging.path().join("rootfs.tar");
    Tool::new("tar")
        .args(["--numeric-owner", "--xattrs", "-C"])
        .arg(&root)
        .arg("-cf")
        .arg(&tar)
        .arg(".")
        .run(job.task, "packing Debian", job.cancel)
        .await
        .map_err(making("a minimal Debian"))?;
    disk::remove_dir(&root)?;
    buildah.import(&tar, NAME).await
}

/// Removes what only documents or caches, and keeps it from coming back.
fn slim(root: &Path) -> Result<(), DiskError> {
    for folder in [
        "usr/share/man",
        "usr/share/info",
        "usr/share/locale",
        "usr/share/lintian",
        "var/cache/apt/archives",
        "var/lib/apt/lists",
    ] {
        let folder = root.join(folder);
        disk::remove_dir(&folder)?;
        disk::make_dir(&folder)?;
    }
    let path = root.join("etc/dpkg/dpkg.cfg.d/no-documentation");
    fs::write(&path, DPKG).map_err(DiskError::of("write", &path))
}
