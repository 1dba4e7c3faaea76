//! `aznet-node image`: whether the image that a pod runs has what its release's profile says. Run in a pod, by `aznet test`.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use aznet_kit::wait::{Look, WaitError};
use aznet_model::release::{self, Release};
use aznet_model::report::{Compared, ImageReport};
use aznet_model::role::Role;
use thiserror::Error;

use crate::config::{self, ConfigError};
use crate::environment::SET_HERE;
use crate::roles::version;
use crate::settings::Settings;
use crate::wait::TimeLimit;

/// What `start --help` may take on a busy machine.
const HELP_WITHIN: Duration = Duration::from_secs(90);
/// The shortest name of a variable.
const SHORTEST: usize = 4;

/// Why nothing is known of the image.
#[derive(Debug, Error)]
pub(crate) enum ImageError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The command line program can't be run, or read.
    #[error("can't run `{command} start --help`")]
    Help {
        /// The program.
        command: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// It does not end.
    #[error(transparent)]
    Wait(#[from] WaitError),
    /// The report can't be written.
    #[error("can't write the report")]
    Report(#[source] io::Error),
}

/// Writes an [`ImageReport`] to standard output.
pub(crate) fn run(settings: &Settings) -> Result<(), ImageError> {
    let release = config::read(&settings.config)?.release;
    let report = ImageReport {
        version: version::of_image(&settings.aztec_root),
        options: options(release, &help(&settings.aztec())?),
        variables: variables(release, SET_HERE, &words(&settings.aztec_root)),
    };
    let text = serde_json::to_string(&report).map_err(io::Error::from);
    let written = text.and_then(|text| writeln!(io::stdout(), "{text}"));
    written.map_err(ImageError::Report)
}

/// What the program says of its options.
fn help(argv: &[String]) -> Result<String, ImageError> {
    let failed = |source| ImageError::Help {
        command: argv.join(" "),
        source,
    };
    // Into a file: Node.js leaves what a pipe has not taken when it exits.
    let mut out = tempfile::tempfile().map_err(failed)?;
    let mut command = Command::new(&argv[0]);
    command.args(&argv[1..]).args(["start", "--help"]);
    let stdout = out.try_clone().map_err(failed)?;
    let child = command.stdin(Stdio::null()).stdout(stdout).spawn();
    let mut child = child.map_err(failed)?;
    let limit = TimeLimit::after(HELP_WITHIN);
    let ended = limit.until::<_, ImageError>("`start --help` to end", || {
        let ended = child.try_wait().map_err(failed)?;
        Ok(ended.map_or(Look::pending("it runs"), |_| Look::Done(())))
    });
    if ended.is_err() {
        // It is of no use any more; that it can't be ended adds nothing to that it did not end.
        drop(child.kill());
    }
    ended?;
    let mut text = Vec::new();
    let read = out.rewind().and_then(|()| out.read_to_end(&mut text));
    read.map_err(failed)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The options that roles are started with.
fn options(release: &Release, help: &str) -> Compared {
    let arguments = Role::ALL.into_iter().flat_map(|role| {
        let start = |broker| release.start.of(role, broker).iter().copied();
        start(true).chain(start(false))
    });
    let wanted: BTreeSet<&str> = arguments.filter(|one| one.starts_with("--")).collect();
    let known: BTreeSet<&str> = help
        .lines()
        .filter_map(|line| line.split([' ', ',', '=']).find(|word| !word.is_empty()))
        .collect();
    Compared {
        names: wanted.len(),
        missing: lacking(&wanted, &known),
        unforeseen: Vec::new(),
    }
}

/// The variables of the table that the release reads, and those that it does not.
fn variables(release: &Release, table: &str, words: &BTreeSet<String>) -> Compared {
    let known: BTreeSet<&str> = words.iter().map(String::as_str).collect();
    let names = table.lines().filter(|line| !line.starts_with('#'));
    let (read, foreign): (BTreeSet<_>, BTreeSet<_>) = names.partition(|name| release.lists(name));
    Compared {
        names: read.len(),
        missing: lacking(&read, &known),
        unforeseen: foreign
            .intersection(&known)
            .map(ToString::to_string)
            .collect(),
    }
}

fn lacking(wanted: &BTreeSet<&str>, known: &BTreeSet<&str>) -> Vec<String> {
    wanted.difference(known).map(ToString::to_string).collect()
}

/// Every word in Aztec's own programs that may be the name of a variable.
fn words(root: &Path) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    let scopes = release::ALL.iter().flat_map(|release| release.scopes);
    for scope in scopes.collect::<BTreeSet<_>>() {
        collect(&root.join("node_modules").join(scope), &mut words);
    }
    collect(&root.join("yarn-project"), &mut words);
    words
}

/// Links are not followed: packages of a workspace are there by themselves.
fn collect(dir: &Path, words: &mut BTreeSet<String>) {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    for entry in entries {
        let path = entry.path();
        let kind = entry.file_type();
        if kind.as_ref().is_ok_and(fs::FileType::is_dir) {
            if path.file_name().is_some_and(|name| name != "node_modules") {
                collect(&path, words);
            }
        } else if path.extension().is_some_and(|extension| extension == "js") {
            let text = fs::read(&path).unwrap_or_default();
            let is_part =
                |byte: &u8| !(byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_');
            let found = text.split(is_part).filter(|word| word.len() >= SHORTEST);
            words.extend(found.map(|word| String::from_utf8_lossy(word).into_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(name: &str) -> &'static Release {
        Release::named(name).expect("a profile")
    }

    /// As the command line program of 4.1.2 writes it.
    const HELP: &str = "
  AZTEC NODE

    --node                                        ($AZTEC_NODE)
          Starts Aztec Node
    --archiver
    --archiver.blobSinkUrl <value>
    --sequencer    --not-first
    --prover-node
    --prover-broker
    --prover-agent
    --bot
";

    #[test]
    fn an_option_that_a_release_has_not_is_named() {
        let all = options(release("4.1"), HELP);
        assert_eq!((all.names, all.missing), (7, Vec::new()));
        let without = HELP.replace("    --archiver\n", "");
        assert_eq!(options(release("4.1"), &without).missing, ["--archiver"]);
        assert_eq!(
            options(release("6.0"), &without).missing,
            Vec::<String>::new()
        );
        assert_eq!(options(release("6.0"), "").missing.len(), 6);
    }

    #[test]
    fn variables_are_held_against_the_programs() {
        let root = tempfile::tempdir().expect("temporary directory");
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("makes");
            fs::write(path, text).expect("writes");
        };
        write(
            "node_modules/@aztec/x/dest/config.js",
            "{env: 'AZTEC_PORT'}, P2P_PORTS",
        );
        write("node_modules/@aztec/x/dest/config.txt", "AZTEC_NODE_URL");
        write("node_modules/viem/x.js", "AZTEC_NODE_URL");
        write("yarn-project/y/dest/z.js", "env.AZTEC_SLASHER_ENABLED;");
        write("yarn-project/y/node_modules/z.js", "AZTEC_NODE_URL");
        let table = "# names\nAZTEC_PORT\nP2P_PORT\nAZTEC_NODE_URL\nAZTEC_SLASHER_ENABLED";
        let seen = variables(release("4.1"), table, &words(root.path()));
        assert_eq!(seen.names, 3);
        assert_eq!(seen.missing, ["AZTEC_NODE_URL", "P2P_PORT"]);
        assert_eq!(seen.unforeseen, ["AZTEC_SLASHER_ENABLED"]);
    }

    #[test]
    fn what_a_program_says_is_read_and_one_that_is_not_there_is_named() {
        let echo = help(&["echo".to_owned()]).expect("it runs");
        assert_eq!(echo, "start --help\n");
        let error = help(&["/nowhere/aztec".to_owned()]).expect_err("it is not there");
        assert_eq!(error.to_string(), "can't run `/nowhere/aztec start --help`");
    }
}
