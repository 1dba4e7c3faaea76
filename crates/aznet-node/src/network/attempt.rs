//! A deployment on an L1 that costs money leaves a note before it sends anything: a pod that finds the note and no
//! result deploys nothing by itself, for what was spent can't be had back and may have led to a whole set of contracts.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use alloy_primitives::{Address, B256};
use aznet_kit::files::{self, Access, FileError};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::console::say;
use crate::l1::{L1, L1Error, clock};
use crate::settings::DEPLOY_AGAIN;

/// Why an attempt can't begin.
#[derive(Debug, Error)]
pub(crate) enum AttemptError {
    /// The L1.
    #[error(transparent)]
    L1(#[from] L1Error),
    /// The note.
    #[error(transparent)]
    File(#[from] FileError),
    /// The note is not one of ours: what it says can't be known, so nothing is spent.
    #[error(
        "{} does not say what became of an earlier deployment; set network.registryAddress to the registry it led to, or delete the file to deploy again", .path.display()
    )]
    Unreadable {
        /// The note.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// An earlier attempt has no result.
    #[error(
        "{earlier} and its result is not known: {spent}. To spare a second payment nothing is deployed again by itself. Either set network.registryAddress to the registry of that deployment, if the pod's earlier log or the deployer's transactions show that it was completed, or set bootNode.env.{DEPLOY_AGAIN}={} to deploy anew", .earlier.number
    )]
    Unfinished {
        /// What the note says.
        earlier: Attempt,
        /// What the L1 says.
        spent: Spent,
    },
}

impl AttemptError {
    /// Whether no restart of the pod can mend it.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::L1(error) => error.is_final(),
            Self::File(_) => false,
            Self::Unreadable { .. } | Self::Unfinished { .. } => true,
        }
    }
}

/// A deployment that was begun; its note is removed when the result is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Attempt {
    /// Counts the attempts of this pod, from 1.
    number: u32,
    /// When it began, in seconds since 1970.
    began: u64,
    /// Hash of the L1's first block.
    l1_genesis: B256,
    /// Who pays.
    deployer: Address,
    /// Transactions that the deployer had sent before.
    nonce: u64,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let began = UNIX_EPOCH + Duration::from_secs(self.began);
        write!(
            f,
            "deployment {} of the L1 contracts began at {} as {}",
            self.number,
            humantime::format_rfc3339_seconds(began),
            self.deployer
        )
    }
}

/// The transactions of a deployer since an attempt began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spent {
    before: u64,
    now: u64,
}

impl Spent {
    /// Whether the L1 knows of none.
    pub(crate) fn is_nothing(self) -> bool {
        self.now == self.before
    }
}

impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { before, now } = self;
        let since = now.saturating_sub(*before);
        write!(
            f,
            "the deployer had sent {before} transactions before it and {now} by now, {since} since"
        )
    }
}

impl Attempt {
    /// Notes on the disk that a deployment begins. `again` is the number of the attempt without a result that the user
    /// allows to be followed by another.
    ///
    /// # Errors
    /// [`AttemptError::Unfinished`] where an earlier attempt has no result and is not that one.
    pub(crate) fn begin(
        data: &Path,
        l1: &L1,
        deployer: Address,
        again: Option<u32>,
    ) -> Result<Self, AttemptError> {
        let l1_genesis = l1.genesis()?;
        let earlier = read(data)?.filter(|earlier| earlier.l1_genesis == l1_genesis);
        let mut number = 1;
        if let Some(earlier) = earlier {
            let spent = earlier.spent(l1)?;
            if again != Some(earlier.number) {
                return Err(AttemptError::Unfinished { earlier, spent });
            }
            say(format_args!(
                "{earlier}; {spent}; {DEPLOY_AGAIN} says to go on"
            ));
            number = earlier.number.saturating_add(1);
        }
        let attempt = Self {
            number,
            began: clock::now(),
            l1_genesis,
            deployer,
            nonce: l1.nonce(deployer)?,
        };
        files::write_json_durable(&path(data), &attempt, Access::Private)?;
        Ok(attempt)
    }

    /// What it sent so far.
    pub(crate) fn spent(&self, l1: &L1) -> Result<Spent, L1Error> {
        Ok(Spent {
            before: self.nonce,
            now: l1.nonce(self.deployer)?,
        })
    }
}

/// Forgets the attempt: its result is noted, or it sent nothing.
pub(crate) fn forget(data: &Path) -> Result<(), FileError> {
    files::remove_if_there(&path(data))
}

fn read(data: &Path) -> Result<Option<Attempt>, AttemptError> {
    let path = path(data);
    let Some(text) = files::read_text_if_there(&path)? else {
        return Ok(None);
    };
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|source| AttemptError::Unreadable { path, source })
}

fn path(data: &Path) -> PathBuf {
    data.join("l1-deployment-attempt.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_that_cannot_be_read_stops_the_pod() {
        let dir = tempfile::tempdir().expect("temporary directory");
        assert!(read(dir.path()).expect("no note").is_none());
        std::fs::write(path(dir.path()), "{}").expect("writes");
        let error = read(dir.path()).expect_err("not a note");
        assert!(error.is_final(), "{error}");
    }

    #[test]
    fn the_refusal_says_what_was_spent_and_how_to_go_on() {
        let earlier = Attempt {
            number: 2,
            began: 1_800_000_000,
            l1_genesis: B256::ZERO,
            deployer: Address::repeat_byte(7),
            nonce: 12,
        };
        let spent = Spent {
            before: 12,
            now: 47,
        };
        let text = AttemptError::Unfinished { earlier, spent }.to_string();
        for part in [
            "deployment 2 of the L1 contracts began at 2027-01-15T08:00:00Z",
            "had sent 12 transactions before it and 47 by now, 35 since",
            "network.registryAddress",
            "bootNode.env.AZNET_DEPLOY_AGAIN=2",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }
}
