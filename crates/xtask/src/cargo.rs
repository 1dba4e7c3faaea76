//! Cargo, as the developer tasks call it.

use crate::run;
use anyhow::{Context, Result};
use cargo_metadata::{Metadata, MetadataCommand};
use std::path::PathBuf;
use std::process::Command;

/// Clippy's driver compiles our own crates, as it does for `cargo xtask` itself (.cargo/config.toml): what is linted is
/// what is tested, and the dependencies are compiled once, where `cargo clippy` compiles their metadata once more.
/// An argument and no variable: what a program under test builds, it builds by rustc.
const LINTED: [&str; 2] = ["--config", "build.rustc-workspace-wrapper='clippy-driver'"];

/// A cargo command whose build is linted.
pub(crate) fn linted(args: &[&str]) -> Command {
    run::command("cargo", &[LINTED.as_slice(), args].concat())
}

/// The workspace and its dependencies on this platform.
pub(crate) fn metadata() -> Result<Metadata> {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    MetadataCommand::new()
        .current_dir(run::root())
        .other_options(vec!["--filter-platform".to_owned(), platform])
        .exec()
        .context("`cargo metadata` failed")
}

/// Where cargo puts what it builds: `target`, unless the environment or a configuration says otherwise.
pub(crate) fn target_directory() -> Result<PathBuf> {
    let metadata = MetadataCommand::new()
        .current_dir(run::root())
        .no_deps()
        .exec()
        .context("`cargo metadata` failed")?;
    Ok(metadata.target_directory.into_std_path_buf())
}

/// The program itself, in the profile of development.
pub(crate) fn aznet() -> Result<PathBuf> {
    Ok(target_directory()?.join("debug/aznet"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Packages that are compiled, each with its features.
    fn compiled(edges: &str) -> BTreeSet<String> {
        let words = ["tree", "--workspace", "--locked", "--prefix", "none"];
        let words = [&words[..], &["--edges", edges, "--format", "{p} [{f}]"]].concat();
        let output = run::command("cargo", &words).output().unwrap();
        assert!(output.status.success(), "cargo tree failed");
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines()
            .map(|line| line.trim_end_matches(" (*)").to_owned())
            .collect()
    }

    /// Else the package and all that stand on it would be compiled twice, for programs and for tests, and this program would
    /// be replaced while it runs.
    #[test]
    fn tests_ask_for_no_other_features_of_what_programs_use() {
        let (programs, all) = (compiled("normal,build"), compiled("normal,build,dev"));
        let other: Vec<&String> = programs.difference(&all).collect();
        assert!(!programs.is_empty() && other.is_empty(), "{other:?}");
    }
}
