//! Packs what the program needs of its source tree, so that it runs without a checkout.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};

/// Charts, networks, images and the programs in them, by their place in the source tree.
const PACKED: [&str; 11] = [
    "Cargo.lock",
    "Cargo.toml",
    "crates/aznet-kit",
    "crates/aznet-model",
    "crates/aznet-netem",
    "crates/aznet-node",
    "helm-charts",
    "images",
    "networks",
    "pxe",
    "toolchain",
];
/// Folders that nothing at run time needs.
const LEFT_OUT: [&str; 6] = [
    "node_modules",
    "target",
    "tests",
    "test",
    "snapshots",
    "examples",
];

fn main() -> Result<(), Box<dyn Error>> {
    // Read now: a build script that was compiled elsewhere would know where it was compiled.
    let here = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let root = here
        .ancestors()
        .nth(2)
        .ok_or("the crate is in no workspace")?;
    let mut files = Vec::new();
    for place in PACKED {
        println!("cargo::rerun-if-changed={}", root.join(place).display());
        collect(root, Path::new(place), &mut files)?;
    }
    let archive = pack(root, &files)?;
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    let mut gzip = GzEncoder::new(
        fs::File::create(out.join("source.tar.gz"))?,
        Compression::default(),
    );
    gzip.write_all(&archive)?;
    gzip.finish()?;
    let hash = Sha256::digest(&archive);
    println!(
        "cargo::rustc-env=AZNET_SOURCE_HASH={}",
        hex::encode(&hash[..6])
    );
    Ok(())
}

/// The files at and below `place`, in an order that is the same everywhere.
fn collect(root: &Path, place: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    let path = root.join(place);
    if !path.is_dir() {
        files.push(place.to_owned());
        return Ok(());
    }
    let mut names: Vec<_> = fs::read_dir(path)?
        .map(|entry| entry.map(|entry| entry.file_name()))
        .collect::<Result<_, _>>()?;
    names.sort();
    names
        .iter()
        .filter(|name| !LEFT_OUT.iter().any(|left| name.as_os_str() == *left))
        .try_for_each(|name| collect(root, &place.join(name), files))
}

/// An archive that depends on names, contents and the right to execute alone.
fn pack(root: &Path, files: &[PathBuf]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut archive = tar::Builder::new(Vec::new());
    for place in files {
        let path = root.join(place);
        let runs = fs::metadata(&path)?.permissions().mode() & 0o111 != 0;
        let mode = if runs { 0o755 } else { 0o644 };
        add(&mut archive, place, mode, &fs::read(path)?)?;
    }
    Ok(archive.into_inner()?)
}

fn add(
    archive: &mut tar::Builder<Vec<u8>>,
    place: &Path,
    mode: u32,
    content: &[u8],
) -> std::io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(mode);
    archive.append_data(&mut header, place, content)
}
