//! What a pod notes of the network it belongs to, on its data volume: the registry by which it comes back while the
//! boot node is away, and by which a boot node deploys the L1 contracts once.

use std::path::{Path, PathBuf};

use alloy_primitives::{Address, B256};
use aznet_kit::files::{self, Access, FileError};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::console::say;
use crate::l1::{L1, L1Error};

/// Why notes can't be read or written.
#[derive(Debug, Error)]
pub(crate) enum RecordError {
    /// The L1, which the notes are checked against.
    #[error(transparent)]
    L1(#[from] L1Error),
    /// The file.
    #[error(transparent)]
    File(#[from] FileError),
}

/// The registry of a network, valid for one L1 only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    /// Hash of the L1's first block.
    pub(crate) l1_genesis: B256,
    /// The registry contract.
    pub(crate) registry: Address,
}

impl Record {
    /// The pod's record, if it is of this L1, and the L1 still has the contract.
    pub(crate) fn valid(data: &Path, l1: &L1) -> Result<Option<Self>, RecordError> {
        let Some(record) = Self::read(data)? else {
            return Ok(None);
        };
        if record.l1_genesis == l1.genesis()? && l1.has_code(record.registry)? {
            return Ok(Some(record));
        }
        say(format_args!(
            "the L1 is another one than the one registry {} was on",
            record.registry
        ));
        Ok(None)
    }

    /// The pod's record, if it has one that can be read.
    pub(crate) fn read(data: &Path) -> Result<Option<Self>, FileError> {
        let text = files::read_text_if_there(&path(data))?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Notes the registry of this L1.
    pub(crate) fn write(data: &Path, l1: &L1, registry: Address) -> Result<(), RecordError> {
        let l1_genesis = l1.genesis()?;
        let record = Self {
            l1_genesis,
            registry,
        };
        Ok(files::write_json_durable(
            &path(data),
            &record,
            Access::Private,
        )?)
    }
}

fn path(data: &Path) -> PathBuf {
    data.join("l1-deployment.json")
}
