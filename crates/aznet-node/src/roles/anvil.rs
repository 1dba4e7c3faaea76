//! The L1 of a test network: anvil, with a chain that outlives it.
//!
//! anvil writes its state over the old one every few seconds, so being killed while it writes leaves half a file. A
//! second copy, made only of files that were read back whole, covers that.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use alloy_primitives::U64;
use aznet_model::config::NetworkConfig;
use serde::Deserialize;

use crate::clock;
use crate::command;
use crate::error::NodeError;
use crate::facts;
use crate::files::FileError;
use crate::say::say;
use crate::settings::Settings;
use crate::supervise;

/// Port of the chart's service.
const PORT: u16 = 8545;

/// Seconds between two writes of a small state.
const STATE_INTERVAL: u64 = 2;
/// For each so many bytes, a second more: the whole state is written each time, and a checkpoint adds a blob's 260 kB.
const BYTES_PER_SECOND: u64 = 32 << 20;

/// Where the chain is kept.
#[derive(Debug, Clone)]
pub(crate) struct StateFiles {
    /// The file anvil writes.
    pub(crate) live: PathBuf,
    /// The last whole copy of it.
    pub(crate) whole: PathBuf,
}

impl StateFiles {
    fn of(data: &Path) -> Self {
        Self {
            live: data.join("anvil.json"),
            whole: data.join("anvil.whole.json"),
        }
    }
}

/// What is read of anvil's state; reading it proves the file whole.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct State {
    block: StateHead,
    blocks: Vec<StateBlock>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct StateHead {
    timestamp: U64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct StateBlock {
    header: StateHead,
}

impl State {
    /// Reads a state file; an error of kind `InvalidData` is a file that was cut short.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        Ok(serde_json::from_reader(BufReader::new(File::open(path)?))?)
    }

    /// Seconds of chain time since its first block.
    fn age(&self) -> u64 {
        let first = self.blocks.iter().map(|block| block.header.timestamp).min();
        let first = first.unwrap_or(self.block.timestamp);
        self.block.timestamp.saturating_sub(first).to()
    }
}

/// Runs anvil until it ends.
pub(crate) fn run(settings: &Settings, extra: &[String]) -> Result<ExitCode, NodeError> {
    let config = facts::read_config(&settings.config)?;
    fs::create_dir_all(&settings.data)
        .map_err(|source| FileError::write(&settings.data, source))?;
    let files = StateFiles::of(&settings.data);
    let resumes = recover(&files, clock::head_start(&config))?;
    let start = match fs::metadata(&files.live) {
        Ok(meta) if resumes => Start::Resume { size: meta.len() },
        _ => Start::Fresh { now: clock::now() },
    };
    let mut argv = settings.anvil();
    argv.extend(overridden(arguments(&config, &files.live, start), extra));
    say(format_args!("starting {}", argv.join(" ")));
    supervise::run(
        command::prepared(&argv, &std::collections::BTreeMap::new()),
        &files,
    )
    .map_err(|source| NodeError::Exec {
        program: argv[0].clone(),
        source,
    })
}

/// How anvil starts.
#[derive(Debug, Clone, Copy)]
enum Start {
    /// A new chain.
    Fresh {
        /// Seconds since 1970.
        now: u64,
    },
    /// The chain there is.
    Resume {
        /// Bytes of its state.
        size: u64,
    },
}

/// anvil's arguments. The network's mnemonic is not among them: a process list is no place for it, and pods give
/// themselves what they need.
fn arguments(config: &NetworkConfig, state: &Path, start: Start) -> Vec<String> {
    let block_time = config.l1.block_time;
    let size = match start {
        Start::Fresh { .. } => 0,
        Start::Resume { size } => size,
    };
    let interval = STATE_INTERVAL + size / BYTES_PER_SECOND;
    let mut args = vec![
        "--host=0.0.0.0".to_owned(),
        format!("--port={PORT}"),
        format!("--chain-id={}", config.l1.chain_id),
        format!("--slots-in-an-epoch={}", config.l1.slots_in_an_epoch),
        format!("--state={}", state.display()),
        format!("--state-interval={interval}"),
        // A checkpoint with many blobs is larger than anvil's limit of 2 MB.
        "--no-request-size-limit".to_owned(),
        "--quiet".to_owned(),
    ];
    match start {
        Start::Fresh { now } => args.push(format!(
            "--timestamp={}",
            now.saturating_sub(clock::head_start(config))
        )),
        Start::Resume { .. } => args.push(format!("--block-time={block_time}")),
    }
    args
}

/// Our arguments without those that the chart's `args` give anew (anvil refuses an option given twice), then those.
fn overridden(own: Vec<String>, extra: &[String]) -> Vec<String> {
    let name = |arg: &str| arg.split('=').next().unwrap_or_default().to_owned();
    let given: Vec<String> = extra.iter().map(|arg| name(arg)).collect();
    let kept = own.into_iter().filter(|arg| !given.contains(&name(arg)));
    kept.chain(extra.iter().cloned()).collect()
}

/// Puts the newest usable state in place; `false` if the chain starts anew.
///
/// A chain that never got past its head start is from a start that was cut short: its clock is still in the past, and
/// whatever was deployed on it is deployed again.
fn recover(files: &StateFiles, head_start: u64) -> Result<bool, NodeError> {
    for path in [&files.live, &files.whole] {
        match State::read(path) {
            Ok(state) if state.age() < head_start => {
                say("the L1's start was cut short; it starts anew");
                break;
            }
            Ok(_) => {
                restore(path, files)?;
                return Ok(true);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => say(format_args!(
                "the state in {} is not whole: {error}",
                path.display()
            )),
        }
    }
    for path in [&files.live, &files.whole] {
        match fs::remove_file(path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(FileError::write(path, source).into());
            }
            _ => {}
        }
    }
    Ok(false)
}

fn restore(from: &Path, files: &StateFiles) -> Result<(), NodeError> {
    if from == files.live {
        return Ok(());
    }
    say(format_args!("going back to the copy {}", from.display()));
    fs::copy(from, &files.live).map_err(|source| FileError::write(&files.live, source))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::tests::config;

    fn state(first: u64, last: u64) -> String {
        format!(
            r#"{{"block":{{"number":"0x2","timestamp":"{last:#x}"}},"accounts":{{}},
                "blocks":[{{"header":{{"timestamp":"{last:#x}"}}}},{{"header":{{"timestamp":"{first:#x}"}}}}]}}"#
        )
    }

    fn files() -> (tempfile::TempDir, StateFiles) {
        let dir = tempfile::tempdir().expect("temporary directory");
        let files = StateFiles::of(dir.path());
        (dir, files)
    }

    #[test]
    fn arguments_of_a_fresh_chain_and_of_one_that_goes_on() {
        let state = Path::new("/data/anvil.json");
        let fresh = arguments(&config(), state, Start::Fresh { now: 1_000_000 });
        let resumed = arguments(&config(), state, Start::Resume { size: 100 << 20 });
        insta::assert_debug_snapshot!((fresh, resumed));
    }

    #[test]
    fn extra_arguments_win() {
        let own = vec!["--port=8545".to_owned(), "--quiet".to_owned()];
        let extra = ["--port".to_owned(), "1".to_owned()];
        assert_eq!(overridden(own, &extra), ["--quiet", "--port", "1"]);
    }

    #[test]
    fn nothing_there_is_a_fresh_start() {
        let (_dir, files) = files();
        assert!(!recover(&files, 100).expect("recovers"));
    }

    #[test]
    fn a_whole_state_goes_on() {
        let (_dir, files) = files();
        fs::write(&files.live, state(1000, 1100)).expect("writes");
        assert!(recover(&files, 100).expect("recovers"));
    }

    #[test]
    fn a_state_cut_short_is_replaced_by_the_copy() {
        let (_dir, files) = files();
        let good = state(1000, 2000);
        fs::write(&files.whole, &good).expect("writes");
        fs::write(&files.live, &good[..good.len() / 2]).expect("writes");
        assert!(recover(&files, 100).expect("recovers"));
        assert_eq!(fs::read_to_string(&files.live).expect("reads"), good);
    }

    #[test]
    fn a_start_cut_short_begins_anew() {
        let (_dir, files) = files();
        fs::write(&files.live, state(1000, 1099)).expect("writes");
        fs::write(&files.whole, state(1000, 1050)).expect("writes");
        assert!(!recover(&files, 100).expect("recovers"));
        assert!(!files.live.exists() && !files.whole.exists());
    }
}
