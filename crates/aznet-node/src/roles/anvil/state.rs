//! anvil's state on disk, and what is recorded beside it.
//!
//! anvil writes its state over the old one every few seconds, so being killed while it writes leaves half a file. A
//! second copy, made only of files that were read back whole, covers that.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use alloy_primitives::U64;
use aznet_kit::error::chain;
use aznet_kit::files::{self, Access, FileError};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::console::say;

/// Where the chain is kept.
#[derive(Debug, Clone)]
pub(crate) struct StateFiles {
    /// The file anvil writes.
    pub(crate) live: PathBuf,
    /// The last whole copy of it.
    pub(crate) whole: PathBuf,
    /// What is recorded of the chain.
    record: PathBuf,
}

/// What is recorded of a chain beside its state. The configuration may say something else by the time it is read.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChainRecord {
    /// Time of a block after the chain was brought to the present; `None`: it still is in the past.
    released_at: Option<u64>,
}

/// Why a chain can't go on.
#[derive(Debug, Error)]
pub(crate) enum RecoverError {
    /// Neither the state nor its copy can be read.
    #[error(
        "the L1's chain was in use, and neither its state nor the copy in {} can be read; a new one would not be the network's",
        path.display()
    )]
    Lost {
        /// The copy.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        error: io::Error,
    },
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
}

/// What is read of anvil's state; reading it proves the file whole.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct State {
    block: Head,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Head {
    timestamp: U64,
}

impl State {
    /// Reads a state file; an error of kind `InvalidData` or `UnexpectedEof` is a file that was cut short.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        Ok(serde_json::from_reader(BufReader::new(File::open(path)?))?)
    }
}

impl StateFiles {
    /// Those of a data directory.
    pub(crate) fn of(data: &Path) -> Self {
        Self {
            live: data.join("anvil.json"),
            whole: data.join("anvil.whole.json"),
            record: data.join("anvil.chain.json"),
        }
    }

    /// Puts the newest usable state in place; `false` if the chain starts anew.
    ///
    /// A chain that was never brought to the present is from a start that was cut short: whatever was deployed on it is
    /// deployed again. So is one that was in use for less time than it takes to make the first copy; of any other, nothing
    /// is thrown away.
    pub(crate) fn recover(&self) -> Result<bool, RecoverError> {
        let released_at = self.released_at()?;
        for path in [&self.live, &self.whole] {
            match State::read(path) {
                Ok(state) if state.block.timestamp.to::<u64>() < released_at => {
                    say("the L1's start was interrupted; it starts over");
                    break;
                }
                Ok(_) => return Ok(self.restore(path).map(|()| true)?),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) if *path == self.whole && released_at < u64::MAX => {
                    let path = path.clone();
                    return Err(RecoverError::Lost { path, error });
                }
                Err(error) => say(format_args!(
                    "the state in {} is not whole: {error}",
                    path.display()
                )),
            }
        }
        files::remove_if_there(&self.live)?;
        files::remove_if_there(&self.whole)?;
        Ok(false)
    }

    /// The time from which on the state is that of a chain in use. Of a chain that nothing is recorded of, nothing is
    /// thrown away.
    fn released_at(&self) -> Result<u64, FileError> {
        let Some(text) = files::read_text_if_there(&self.record)? else {
            return Ok(0);
        };
        match serde_json::from_str::<ChainRecord>(&text) {
            Ok(record) => Ok(record.released_at.unwrap_or(u64::MAX)),
            Err(error) => {
                say(format_args!(
                    "what is recorded of the L1 can't be read, so its state is kept: {}",
                    chain(&error)
                ));
                Ok(0)
            }
        }
    }

    fn restore(&self, from: &Path) -> Result<(), FileError> {
        if from == self.live {
            return Ok(());
        }
        say(format_args!("going back to the copy {}", from.display()));
        std::fs::copy(from, &self.live).map_err(FileError::of("write", &self.live))?;
        Ok(())
    }

    /// Records that a new chain begins, before it does.
    pub(crate) fn record_start(&self) -> Result<(), FileError> {
        self.record(&ChainRecord::default())
    }

    /// Records that the chain was brought to the present: it has a block of this time since.
    pub(crate) fn record_release(&self, block_time: u64) -> Result<(), FileError> {
        let released_at = Some(block_time);
        self.record(&ChainRecord { released_at })
    }

    fn record(&self, record: &ChainRecord) -> Result<(), FileError> {
        files::write_json_durable(&self.record, record, Access::Private)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn state(time: u64) -> String {
        format!(r#"{{"block":{{"number":"0x2","timestamp":"{time:#x}"}},"accounts":{{}}}}"#)
    }

    fn files() -> (tempfile::TempDir, StateFiles) {
        let dir = tempfile::tempdir().expect("temporary directory");
        let files = StateFiles::of(dir.path());
        (dir, files)
    }

    #[test]
    fn nothing_there_is_a_fresh_start() {
        let (_dir, files) = files();
        assert!(!files.recover().expect("recovers"));
    }

    #[test]
    fn a_released_chain_goes_on_whatever_the_configuration_says() {
        let (_dir, files) = files();
        files.record_start().expect("writes");
        files.record_release(1_000).expect("writes");
        fs::write(&files.live, state(1_001)).expect("writes");
        assert!(files.recover().expect("recovers"));
    }

    #[test]
    fn a_chain_that_nothing_is_recorded_of_is_kept() {
        let (_dir, files) = files();
        fs::write(&files.live, state(1_000)).expect("writes");
        assert!(files.recover().expect("recovers"));
        fs::write(&files.record, "{").expect("writes");
        assert!(files.recover().expect("recovers"));
    }

    #[test]
    fn a_state_cut_short_is_replaced_by_the_copy() {
        let (_dir, files) = files();
        files.record_release(1_000).expect("writes");
        let good = state(2_000);
        fs::write(&files.whole, &good).expect("writes");
        fs::write(&files.live, &good[..good.len() / 2]).expect("writes");
        assert!(files.recover().expect("recovers"));
        assert_eq!(fs::read_to_string(&files.live).expect("reads"), good);
    }

    #[test]
    fn a_chain_in_use_is_never_begun_anew() {
        let (_dir, files) = files();
        files.record_release(1_000).expect("writes");
        for file in [&files.live, &files.whole] {
            fs::write(file, "").expect("writes");
        }
        let lost = files.recover();
        assert!(matches!(lost, Err(RecoverError::Lost { .. })), "{lost:?}");
        assert!(files.live.exists() && files.whole.exists());
    }

    #[test]
    fn a_start_cut_short_begins_anew() {
        let (_dir, files) = files();
        files.record_start().expect("writes");
        fs::write(&files.live, state(1_099)).expect("writes");
        fs::write(&files.whole, state(1_050)).expect("writes");
        assert!(!files.recover().expect("recovers"));
        assert!(!files.live.exists() && !files.whole.exists());
    }

    #[test]
    fn a_state_from_before_the_release_begins_anew() {
        let (_dir, files) = files();
        files.record_release(5_000).expect("writes");
        fs::write(&files.live, state(1_099)).expect("writes");
        assert!(!files.recover().expect("recovers"));
    }
}
