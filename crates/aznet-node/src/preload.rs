//! What images of this project load before Aztec: it finds modules faster than Node.js does, and loads what a node runs
//! while this program still waits for the rest of the network. Images without it start as they always do.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use aznet_model::role::Role;
use serde_json::json;
use thiserror::Error;

use crate::environment;

/// Where images have it.
const SCRIPT: &str = "/usr/src/preload.mjs";
/// What it reads from what to run meanwhile, see [`prepare`].
const PREPARE: &str = "AZNET_PREPARE";
/// Where it reads the variables from that this command finds out.
const VARIABLES: &str = "/dev/fd/3";

/// Why a process can't be prepared while it loads.
#[derive(Debug, Error)]
pub(crate) enum PreloadError {
    /// This program's own place.
    #[error("can't find this program")]
    Program(#[source] io::Error),
    /// Nobody reads the variables.
    #[error("can't hand the variables over at {VARIABLES}")]
    HandOver(#[source] io::Error),
}

/// Adds the script to a command that Node.js runs, if the image has it; whether it did.
pub(crate) fn add(argv: &mut Vec<String>) -> bool {
    Path::new(SCRIPT).exists() && insert(argv)
}

fn insert(argv: &mut Vec<String>) -> bool {
    let program = argv.first().map(Path::new).and_then(Path::file_name);
    let by_node = program.is_some_and(|name| name == "node");
    if by_node {
        argv.splice(1..1, ["--import", SCRIPT].map(str::to_owned));
    }
    by_node
}

/// Adds the command that waits for what the role needs. It runs without these variables, as it would have without all
/// of this: of two that compute one variable, the first would win.
pub(crate) fn prepare(
    role: Role,
    mut variables: BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, PreloadError> {
    let program = std::env::current_exe().map_err(PreloadError::Program)?;
    let added = variables
        .keys()
        .filter(|name| std::env::var_os(name).is_none());
    let prepare = json!({
        "command": [program.to_string_lossy(), "prepare", role.name()],
        "without": added.collect::<Vec<_>>(),
    });
    variables.insert(PREPARE.to_owned(), prepare.to_string());
    Ok(variables)
}

/// Hands over those variables that are not set already.
pub(crate) fn hand_over(computed: &BTreeMap<String, String>) -> Result<(), PreloadError> {
    let variables: BTreeMap<_, _> = environment::beside_own(computed).into_iter().collect();
    let text = json!(variables).to_string();
    let file = OpenOptions::new().write(true).open(VARIABLES);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(PreloadError::HandOver)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_node_runs_is_preloaded() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let mut aztec = words("/usr/local/bin/node --no-warnings index.js start");
        assert!(insert(&mut aztec));
        assert_eq!(
            aztec.join(" "),
            "/usr/local/bin/node --import /usr/src/preload.mjs --no-warnings index.js start"
        );
        let mut other = words("aztec start --node");
        assert!(!insert(&mut other));
        assert_eq!(other.join(" "), "aztec start --node");
    }

    #[test]
    fn the_command_that_waits_runs_without_what_was_computed_before() {
        let computed = ["P2P_ENABLED", "PATH"].map(|name| (name.to_owned(), "x".to_owned()));
        let variables = prepare(Role::Validator, computed.into()).expect("known");
        let prepare: serde_json::Value = serde_json::from_str(&variables[PREPARE]).expect("JSON");
        assert_eq!(prepare["command"][1], "prepare");
        assert_eq!(prepare["command"][2], "validator");
        assert_eq!(prepare["without"], json!(["P2P_ENABLED"]));
    }
}
