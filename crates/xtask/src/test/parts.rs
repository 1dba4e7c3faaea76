//! What the higher tiers use: the machine's packages, the toolchain, the images.

use anyhow::{Context, Result, bail};
use aznet_cluster::paths::Paths;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// A package that only tests use, and the program in it.
const BROWSER: &str = "chromium";
/// Another one. Installed it would serve at once: it is unpacked only.
const REGISTRY: &str = "docker-registry";

/// Makes them with the program under test; what it says goes to `log`, since tests talk at the same time.
pub(super) fn make(aznet: &Path, log: &Path) -> Result<()> {
    let mut log = File::create(log).with_context(|| format!("creating {}", log.display()))?;
    for words in [
        ["doctor", "--fix"].as_slice(),
        &["images", "build", "--telemetry"],
    ] {
        let mut command = Command::new(aznet);
        said_to(&log, command.args(words).current_dir(crate::run::root()))?;
    }
    // The tests that need one are skipped without it, and say so.
    if let Err(error) = browser(&log) {
        writeln!(log, "no {BROWSER}: {error:#}")?;
    }
    // The check that needs one fails without it, and says so; the others can do without.
    if let Err(error) = registry(&log) {
        writeln!(log, "no {REGISTRY}: {error:#}")?;
    }
    Ok(())
}

/// Unpacks a registry of images where there is none.
fn registry(log: &File) -> Result<()> {
    let folder = Paths::from_env()?.cache().join("test-programs");
    if folder.join("usr/bin").join(REGISTRY).is_file() {
        return Ok(());
    }
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    let staging = tempfile::tempdir_in(&folder)?;
    for words in [["update"].as_slice(), &["download", REGISTRY]] {
        said_to(log, apt_get().args(words).current_dir(staging.path()))?;
    }
    let package = fs::read_dir(staging.path())?.flatten().next();
    let package = package.with_context(|| format!("apt-get downloaded no {REGISTRY}"))?;
    let mut unpack = Command::new("dpkg-deb");
    said_to(
        log,
        unpack.arg("--extract").arg(package.path()).arg(&folder),
    )
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.args(["--quiet", "--option", "DPkg::Lock::Timeout=300"]);
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// Installs a browser where there is none; after `doctor --fix`, which may use the package manager itself.
fn browser(log: &File) -> Result<()> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&folders).any(|folder| folder.join(BROWSER).is_file()) {
        return Ok(());
    }
    let install = ["install", "--yes", "--no-install-recommends", BROWSER];
    for words in [["update"].as_slice(), &install] {
        said_to(log, apt_get().args(words))?;
    }
    Ok(())
}

/// Runs a command, with what it says in `log`.
fn said_to(log: &File, command: &mut Command) -> Result<()> {
    let words = crate::run::words(command);
    let status = command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log.try_clone()?)
        .status()
        .with_context(|| format!("`{words}` could not be started"))?;
    if !status.success() {
        bail!("`{words}` failed: {status}");
    }
    Ok(())
}
