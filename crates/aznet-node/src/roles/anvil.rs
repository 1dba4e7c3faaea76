//! The L1 of a test network: anvil, with a chain that outlives it.

mod state;
mod supervise;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use aznet_kit::files::{self, Access, FileError};
use aznet_model::config::NetworkConfig;
use thiserror::Error;

use crate::config::{self, ConfigError};
use crate::console::say;
use crate::l1::L1;
use crate::l1::clock::{self, ClockError};
use crate::roles::anvil::state::{RecoverError, StateFiles};
use crate::roles::exec;
use crate::settings::Settings;

/// Port of the chart's service.
const PORT: u16 = 8545;
/// The option that says otherwise.
const PORT_OPTION: &str = "--port";

/// Seconds between two writes of a small state.
const STATE_INTERVAL: u64 = 2;
/// For each so many bytes, a second more: the whole state is written each time, and a checkpoint adds a blob's 260 kB.
const BYTES_PER_SECOND: u64 = 32 << 20;

/// Why the L1 does not run.
#[derive(Debug, Error)]
pub(crate) enum AnvilError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The clock.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The chain.
    #[error(transparent)]
    Recover(#[from] RecoverError),
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

impl AnvilError {
    /// Whether no restart of the pod can mend it.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Config(error) => error.is_final(),
            Self::Clock(error) => error.is_final(),
            Self::File(_) | Self::Recover(RecoverError::File(_)) => false,
            Self::Start { .. } | Self::Recover(RecoverError::Lost { .. }) => true,
        }
    }
}

/// Runs anvil until it ends.
pub(crate) fn run(settings: &Settings, extra: &[String]) -> Result<ExitCode, AnvilError> {
    let config = config::read(&settings.config)?;
    files::make_dir_if_missing(&settings.data, Access::Private)?;
    let files = StateFiles::of(&settings.data);
    let start = if files.recover()? {
        let meta = fs::metadata(&files.live).map_err(FileError::of("read", &files.live))?;
        Start::Resume { size: meta.len() }
    } else {
        let first_block = clock::start(&config, clock::now())?;
        files.record_start()?;
        Start::Fresh { first_block }
    };
    let mut argv = settings.anvil();
    argv.extend(overridden(arguments(&config, &files.live, start), extra));
    say("anvil starts");
    let l1 = L1::at(&format!("http://127.0.0.1:{}", port(&argv)));
    let fresh = matches!(start, Start::Fresh { .. });
    let command = exec::prepared(&argv, &BTreeMap::new());
    supervise::run(command, &files, l1, fresh).map_err(|source| {
        let program = argv[0].clone();
        AnvilError::Start { program, source }
    })
}

/// The port that anvil is told to listen on: as `--port=N` or `--port N`.
fn port(argv: &[String]) -> u16 {
    let mut ports = argv.iter().enumerate().filter_map(|(at, arg)| {
        let value = arg.strip_prefix(PORT_OPTION)?;
        match value.strip_prefix('=') {
            Some(port) => port.parse().ok(),
            None if value.is_empty() => argv.get(at + 1)?.parse().ok(),
            None => None,
        }
    });
    ports.next_back().unwrap_or(PORT)
}

/// How anvil starts.
#[derive(Debug, Clone, Copy)]
enum Start {
    /// A new chain.
    Fresh {
        /// Its time, in seconds since 1970.
        first_block: u64,
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
        Start::Fresh { first_block } => args.push(format!("--timestamp={first_block}")),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::config;

    #[test]
    fn arguments_of_a_fresh_chain_and_of_one_that_goes_on() {
        let state = Path::new("/data/anvil.json");
        let first_block = clock::start(&config(), 1_000_000).expect("after 1970");
        let fresh = arguments(&config(), state, Start::Fresh { first_block });
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
    fn the_port_is_the_one_that_anvil_is_told() {
        let of = |words: &[&str]| {
            port(
                &words
                    .iter()
                    .map(|word| (*word).to_owned())
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(of(&["anvil", "--port=8545", "--quiet"]), 8545);
        assert_eq!(of(&["anvil", "--quiet", "--port", "1234"]), 1234);
        assert_eq!(of(&["anvil"]), PORT);
    }
}
