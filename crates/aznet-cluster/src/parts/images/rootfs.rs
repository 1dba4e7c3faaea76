//! A minimal Debian from its own packages, where no registry serves one.

use std::env;
use std::path::Path;
use std::time::Duration;

use aznet_kit::files::{self, Access, FileError, Staging};
use aznet_kit::process::Tool;

use super::buildah::Buildah;
use super::error::ImageError;
use super::job::Job;

/// The first Debian whose C++ library is new enough for Aztec's native code.
const SUITE: &str = "trixie";
const MIRROR: &str = "http://deb.debian.org/debian";
/// What Debian signs its releases with: what comes over plain HTTP is as good as its signature.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
const SPACE: u64 = 1 << 30;
/// From a slow mirror.
const INSTALLATION: Duration = Duration::from_mins(30);
const LISTING: Duration = Duration::from_mins(1);
/// A few hundred megabytes.
const PACKING: Duration = Duration::from_mins(10);

/// Documentation that no container shows anyone; also kept out of what is installed later.
const DPKG: &str = "path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/man/*
path-exclude /usr/share/info/*
path-exclude /usr/share/locale/*
";

/// Beside the images: packages and versions, which the mirror decides on the day.
const PACKAGES: &str = "debian-packages.txt";

/// What it is called in buildah's storage; to be changed with the steps below.
pub(super) const NAME: &str = "localhost/aznet/rootfs:trixie-1";

/// Makes the image unless buildah has it.
pub(super) async fn ensure(buildah: &Buildah<'_>, job: &Job<'_>) -> Result<(), ImageError> {
    if buildah.has(NAME).await? {
        return Ok(());
    }
    let staging = Staging::new(&job.paths.images().join("rootfs"))?;
    let root = staging.path().join("root");
    files::make_dir(&root, Access::Shared)?;
    let mirror = env::var("AZNET_DEBIAN_MIRROR").unwrap_or_else(|_| MIRROR.into());
    let making = |what| ImageError::making(what, staging.path(), SPACE);
    let message = format!("installing Debian {SUITE} from {mirror}");
    let install = debootstrap(&root, &mirror);
    job.task
        .run(&message, install, INSTALLATION, job.cancel)
        .await
        .map_err(making("a minimal Debian"))?;
    let list = Tool::new("chroot").arg(&root).args(["dpkg-query", "-W"]);
    let packages = job
        .task
        .run("listing Debian's packages", list, LISTING, job.cancel)
        .await
        .map_err(making("a list of Debian's packages"))?;
    let record = job.paths.images().join(PACKAGES);
    files::write(&record, &packages, Access::Shared)?;
    slim(&root)?;
    let tar = staging.path().join("rootfs.tar");
    let pack = Tool::new("tar")
        .args(["--numeric-owner", "--xattrs", "-C"])
        .arg(&root)
        .arg("-cf")
        .arg(&tar)
        .arg(".");
    job.task
        .run("packing Debian", pack, PACKING, job.cancel)
        .await
        .map_err(making("a minimal Debian"))?;
    files::remove_dir(&root)?;
    buildah.import(&tar, NAME).await
}

/// Installs a minimal Debian at `root`; nothing that Debian has not signed.
fn debootstrap(root: &Path, mirror: &str) -> Tool {
    Tool::new("debootstrap")
        .args(["--variant=minbase", "--force-check-gpg"])
        .arg(format!("--keyring={KEYRING}"))
        .arg(SUITE)
        .arg(root)
        .arg(mirror)
        .shares_files()
}

/// Removes what only documents or caches, and keeps it from coming back.
fn slim(root: &Path) -> Result<(), FileError> {
    for folder in [
        "usr/share/man",
        "usr/share/info",
        "usr/share/locale",
        "usr/share/lintian",
        "var/cache/apt/archives",
        "var/lib/apt/lists",
    ] {
        let folder = root.join(folder);
        files::remove_dir(&folder)?;
        files::make_dir(&folder, Access::Shared)?;
    }
    let path = root.join("etc/dpkg/dpkg.cfg.d/no-documentation");
    files::write(&path, DPKG, Access::Shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_unsigned_is_installed() {
        let command = debootstrap(Path::new("/root"), MIRROR).to_string();
        assert!(command.contains(" --force-check-gpg "), "{command}");
        assert!(
            command.contains(&format!(" --keyring={KEYRING} ")),
            "{command}"
        );
    }
}
