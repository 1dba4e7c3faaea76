//! docs/guide/quickstart.md, executed: what only looks on the tier's network, the whole page in a cluster of its own.

use super::machine::{CLUSTER, Checked, Machine, aznet};
use crate::shown::{Shown, shown};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The page's network, which is the tier's as well.
pub(crate) const UP: &str = "aznet up small";
/// Another beside it.
pub(crate) const BESIDE: &str = "aznet up … --name other";
/// Its test.
pub(crate) const TRANSFER: &str = "aznet test transfer --attach small --report runs/last";

/// The cluster that stands for `default`, and the one that the page names.
const CLUSTERS: [&str; 3] = ["quickstart", "second", "older"];
/// The page changes something with these: checks of their own use the first three, the whole page all.
const CHANGES: [&str; 5] = [
    "aznet up ",
    "aznet down",
    "aznet cluster ",
    "aznet test --network",
    TRANSFER,
];

/// The arguments of a command of the page, `…` being any; an error if the page no longer has it.
pub(crate) fn arguments(command: &str) -> Result<Vec<String>, String> {
    let (start, end) = command.split_once('…').unwrap_or((command, ""));
    let fits = |text: &str| match end {
        "" => text == start,
        end => text.starts_with(start) && text.ends_with(end),
    };
    let commands = commands()?;
    let found = commands.iter().find(|shown| fits(&shown.text));
    let found = found.ok_or_else(|| format!("{} does not show `{command}`", page().display()))?;
    let words = found.text.split(' ').skip(1);
    Ok(words.map(ToOwned::to_owned).collect())
}

/// Runs one command of the page in this folder.
pub(crate) fn run_in(folder: &Path, command: &str) -> Checked {
    arguments(command)?;
    shell(command, CLUSTER, folder)
}

/// Whatever the page has that changes nothing.
pub(crate) fn looking(_: &Machine) -> Checked {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let commands = commands()?;
    let looking = commands
        .iter()
        .filter(|shown| !CHANGES.iter().any(|start| shown.text.starts_with(start)));
    shell(&script(looking), CLUSTER, folder.path())
}

/// The whole page, in a cluster of its own. The test that brings up its network comes first: two cores have little left for it
/// beside the others.
pub(crate) fn as_written(_: &Machine) -> Checked {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let cluster = format!("embedded:{}", CLUSTERS[0]);
    // `aznet cluster down` of the page means the cluster `default`, which may be the user's.
    let (alone, others): (Vec<_>, Vec<_>) = commands()?
        .into_iter()
        .partition(|shown| shown.text.starts_with("aznet test --network"));
    let script = script(alone.iter().chain(&others)).replace(
        "aznet cluster down\n",
        &format!("aznet cluster down {}\n", CLUSTERS[0]),
    );
    let outcome = shell(&script, &cluster, folder.path());
    // The page removes them; where its commands failed, they did not come to it.
    let left = CLUSTERS.map(|cluster| aznet(&["cluster", "down", cluster]));
    outcome?;
    let left = CLUSTERS.iter().zip(left);
    let mut left = left.filter(|(_, down)| down.as_ref().is_ok_and(|down| down.status.success()));
    match left.next() {
        Some((cluster, _)) => Err(format!("the page leaves cluster {cluster}")),
        None => Ok(()),
    }
}

fn page() -> PathBuf {
    source().join("docs/guide/quickstart.md")
}

fn source() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// All but how the program is installed.
fn commands() -> Result<Vec<Shown>, String> {
    let page = page();
    let text = std::fs::read_to_string(&page).map_err(|e| format!("{}: {e}", page.display()))?;
    let mut commands = shown(&text);
    commands.retain(|shown| !shown.text.starts_with("cargo "));
    Ok(commands)
}

/// One shell for all, since `eval "$(aznet env)"` is for what comes after it. What follows logs is stopped once it has shown some.
fn script<'a>(commands: impl IntoIterator<Item = &'a Shown>) -> String {
    let mut script = String::new();
    for Shown { line, text } in commands {
        let quoted = text.replace('\'', r"'\''");
        let _ = writeln!(script, "echo 'line {line}: {quoted}' >&2");
        let _ = if text.starts_with("aznet logs") && text.ends_with(" -f") {
            writeln!(script, "[ -n \"$(timeout 10 {text} | head -n 1)\" ]")
        } else {
            writeln!(script, "{text}")
        };
    }
    script
}

fn shell(script: &str, cluster: &str, folder: &Path) -> Checked {
    let program = Path::new(env!("CARGO_BIN_EXE_aznet"));
    let programs = program.parent().unwrap_or(program).display();
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("bash")
        .args(["-eu", "-c", script])
        .current_dir(folder)
        .env("PATH", format!("{programs}:{path}"))
        .env("AZNET_CLUSTER", cluster)
        .env("AZNET_SOURCE", source())
        .env("NO_COLOR", "1")
        .output()
        .map_err(|error| format!("bash could not be started: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "the quickstart's commands ended with {}:\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    ))
}
