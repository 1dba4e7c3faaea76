//! Running programs from the workspace's root.

use anyhow::{Context, Result, bail};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .map(Path::to_path_buf)
        .unwrap_or_default()
}

/// A command that runs in the workspace's root.
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(root());
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_of_this_crate(name)) {
        command.env_remove(name);
    }
    command
}

/// What `cargo run` says of the crate it runs. Build scripts take it for a change: a `cargo build` from here would
/// compile anew what one from a shell has built, and the other way round.
fn is_of_this_crate(variable: &std::ffi::OsStr) -> bool {
    let variable = variable.to_string_lossy();
    [
        "CARGO_PKG_",
        "CARGO_MANIFEST_",
        "CARGO_BIN_",
        "CARGO_CRATE_",
    ]
    .iter()
    .any(|prefix| variable.starts_with(prefix))
}

/// Runs a command with its output shown; an exit code other than 0 is an error that names the command.
pub(crate) fn check(program: impl AsRef<std::ffi::OsStr>, args: &[&str]) -> Result<()> {
    finish(command(program, args))
}

/// Runs a command likewise.
pub(crate) fn finish(mut command: Command) -> Result<()> {
    let words = words(&command);
    let status = command
        .status()
        .with_context(|| format!("`{words}` could not be started"))?;
    if !status.success() {
        bail!("`{words}` failed: {status}");
    }
    Ok(())
}

/// The command as a person would type it.
pub(crate) fn words(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
