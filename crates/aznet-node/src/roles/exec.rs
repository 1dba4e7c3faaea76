//! Becoming another process.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::sys::stat::{Mode, umask};
use thiserror::Error;

use crate::environment;
use crate::environment::credentials::{self, CredentialError};

/// Why another process can't be become.
#[derive(Debug, Error)]
pub(crate) enum ExecError {
    /// A credential can't be used.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// The program can't be started.
    #[error("can't start {program}")]
    Start {
        /// The program.
        program: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

/// Replaces this process by `argv`, which so gets signals itself; returns only if that failed.
pub(crate) fn exec(
    argv: &[String],
    computed: &BTreeMap<String, String>,
) -> Result<Infallible, ExecError> {
    let mut command = prepared(argv, computed);
    command.envs(credentials::mended(|name| std::env::var(name).ok())?);
    // Aztec writes its p2p key world-readable otherwise.
    umask(Mode::from_bits_truncate(0o027));
    let source = command.exec();
    let program = argv.first().cloned().unwrap_or_default();
    Err(ExecError::Start { program, source })
}

/// A command with the computed environment under the given one.
pub(crate) fn prepared(argv: &[String], computed: &BTreeMap<String, String>) -> Command {
    let mut words = argv.iter();
    let mut command = Command::new(words.next().map_or("", String::as_str));
    command.args(words).envs(environment::beside_own(computed));
    command
}
