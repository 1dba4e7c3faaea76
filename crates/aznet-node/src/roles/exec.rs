//! Becoming another process.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use nix::sys::stat::{Mode, umask};

use crate::error::NodeError;
use crate::say::say;
use crate::settings::Settings;

/// Replaces this process by `argv`, which so gets signals itself; returns only if that failed.
///
/// A variable of `computed` that is set already keeps its value: the chart's `env` wins.
pub(crate) fn exec(
    argv: &[String],
    computed: &BTreeMap<String, String>,
) -> Result<ExitCode, NodeError> {
    say(format_args!("starting {}", argv.join(" ")));
    // Aztec writes its p2p key world-readable otherwise.
    umask(Mode::from_bits_truncate(0o027));
    let source = prepared(argv, computed).exec();
    let program = argv.first().cloned().unwrap_or_default();
    Err(NodeError::Exec { program, source })
}

/// A command with the computed environment under the given one.
pub(crate) fn prepared(argv: &[String], computed: &BTreeMap<String, String>) -> Command {
    let program = argv.first().map(String::as_str).unwrap_or_default();
    let mut command = Command::new(program);
    command.args(argv.iter().skip(1));
    command.env("PATH", Settings::search_path(std::env::var("PATH").ok()));
    command.envs(
        computed
            .iter()
            .filter(|(name, _)| std::env::var_os(name).is_none()),
    );
    command
}
