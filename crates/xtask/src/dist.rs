//! `cargo xtask dist`: what a release offers for download, in target/dist.

mod licences;
mod linked;
mod sbom;

use crate::{cargo, run};
use anyhow::{Context, Result};
use clap_complete::Shell;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Files of the repository that go along.
const FILES: [&str; 3] = ["LICENSE", "README.md", "CHANGELOG.md"];
const SUMS: &str = "SHA256SUMS";

/// Builds the program and writes `aznet-VERSION-ARCH-linux.tar.gz` and its SBOM with their sums beside them; for
/// another target than the machine's own, its toolchain and linker must be there.
pub(crate) fn run(target: Option<&str>) -> Result<()> {
    let metadata = cargo::metadata()?;
    let out = metadata.target_directory.as_std_path();
    let mut build = vec!["build", "--release", "--locked", "--package", "aznet"];
    build.extend(target.iter().flat_map(|target| ["--target", target]));
    run::check("cargo", &build)?;
    let name = name(target.unwrap_or(std::env::consts::ARCH));
    let dist = out.join("dist");
    let folder = dist.join(&name);
    if dist.exists() {
        fs::remove_dir_all(&dist).with_context(|| format!("removing {}", dist.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    let program = out.join(target.unwrap_or_default()).join("release/aznet");
    copy(&program, &folder)?;
    for file in FILES {
        copy(&run::root().join(file), &folder)?;
    }
    completions(&folder)?;
    man_pages(&folder)?;
    write(
        &folder.join("LICENCES.md"),
        licences::page(&metadata)?.as_bytes(),
    )?;
    let archive = pack(&folder, &name)?;
    let sbom = dist.join(format!("{name}.cdx.json"));
    write(&sbom, sbom::document(&metadata)?.as_bytes())?;
    sum(&[&archive, &sbom])?;
    println!("wrote {} and {}", archive.display(), sbom.display());
    Ok(())
}

/// Of the archive, by a target or an architecture.
fn name(target: &str) -> String {
    let arch = target.split('-').next().unwrap_or(target);
    format!("aznet-{}-{arch}-linux", env!("CARGO_PKG_VERSION"))
}

fn completions(folder: &Path) -> Result<()> {
    let folder = folder.join("completions");
    fs::create_dir_all(&folder)?;
    for shell in [
        Shell::Bash,
        Shell::Elvish,
        Shell::Fish,
        Shell::PowerShell,
        Shell::Zsh,
    ] {
        clap_complete::generate_to(shell, &mut aznet::cli(), "aznet", &folder)
            .with_context(|| format!("writing the completions for {shell}"))?;
    }
    Ok(())
}

/// One page for each verb, `aznet-cluster-up.1` and so on.
fn man_pages(folder: &Path) -> Result<()> {
    let folder = folder.join("man");
    fs::create_dir_all(&folder)?;
    clap_mangen::generate_to(aznet::cli(), &folder).context("writing the man pages")
}

/// The same bytes for the same files: sorted, without times and owners.
fn pack(folder: &Path, name: &str) -> Result<PathBuf> {
    let path = folder.with_file_name(format!("{name}.tar.gz"));
    let file = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
    let mut archive = tar::Builder::new(GzEncoder::new(file, Compression::best()));
    archive.mode(tar::HeaderMode::Deterministic);
    for file in aznet_kit::files::list(folder)? {
        let inside = Path::new(name).join(file.strip_prefix(folder)?);
        archive
            .append_path_with_name(&file, &inside)
            .with_context(|| format!("packing {}", file.display()))?;
    }
    archive.into_inner()?.finish()?;
    Ok(path)
}

/// For `sha256sum --check`, beside the files.
fn sum(files: &[&Path]) -> Result<()> {
    let mut lines = String::new();
    for file in files {
        let bytes = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let _ = writeln!(lines, "{}  {name}", run::hex(&Sha256::digest(&bytes)));
    }
    let first = files.first().context("nothing to sum")?;
    write(&first.with_file_name(SUMS), lines.as_bytes())
}

fn copy(file: &Path, folder: &Path) -> Result<()> {
    let to = folder.join(file.file_name().unwrap_or_default());
    fs::copy(file, &to).with_context(|| format!("copying {}", file.display()))?;
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_depends_on_its_files_alone() {
        let packed = || {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let inner = folder.path().join("x");
            fs::create_dir_all(inner.join("man")).expect("a folder");
            write(&inner.join("man/b"), b"b").expect("written");
            write(&inner.join("a"), b"a").expect("written");
            let archive = pack(&inner, "x").expect("packed");
            sum(&[&archive]).expect("summed");
            fs::read_to_string(folder.path().join(SUMS)).expect("sums")
        };
        let first = packed();
        assert!(first.ends_with("  x.tar.gz\n"), "{first}");
        assert_eq!(first, packed());
    }

    #[test]
    fn an_archive_is_named_by_its_architecture() {
        let of = |target| name(target).split_off("aznet-".len());
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(
            of("aarch64-unknown-linux-musl"),
            format!("{version}-aarch64-linux")
        );
        assert_eq!(of("x86_64"), format!("{version}-x86_64-linux"));
    }
}
