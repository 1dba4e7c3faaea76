//! The archive itself, written and read: a `.tar.gz` of texts with a list of them.

use std::collections::BTreeMap;
use std::io::{self, Read};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::redact::Redactor;

/// Name of the list of what is in a bundle.
pub const MANIFEST: &str = "MANIFEST.json";
/// Name of a test's events in its bundle.
pub const EVENTS: &str = "test/events.jsonl";
/// Folder of the pods' descriptions.
pub const PODS: &str = "pods/";
/// Folder of the logs.
pub const LOGS: &str = "logs/";
/// What Kubernetes told of the namespace.
pub const CLUSTER_EVENTS: &str = "events.json";
/// No bundle is larger when it is unpacked; a file that says so is none.
const LARGEST: u64 = 1 << 30;

/// What is in a bundle, and what is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of aznet that made it.
    pub aznet: String,
    /// When.
    pub made: Timestamp,
    /// The network.
    pub network: String,
    /// Its namespace.
    pub namespace: String,
    /// Its cluster.
    pub cluster: String,
    /// The test that failed, if it was made for one.
    pub test: Option<Reproduction>,
    /// What is in it.
    pub members: Vec<Member>,
    /// What could not be collected.
    pub missing: Vec<Missing>,
    /// How often something secret was taken out.
    pub redacted: usize,
}

/// A test and how to run it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reproduction {
    /// Its name.
    pub test: String,
    /// When the attempt began.
    pub began: Timestamp,
    /// Source of all chance in the run.
    pub seed: u64,
    /// The command.
    pub command: String,
}

/// A text in a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its path.
    pub path: String,
    /// What it is.
    pub about: String,
}

/// What could not be collected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// What it would be.
    pub what: String,
    /// Why it is not there.
    pub why: String,
}

/// Why a bundle can't be written or read.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// Nothing can be written, or the file can't be read.
    #[error("the archive can't be read or written")]
    Io(#[from] io::Error),
    /// The list of what is in it can't be written or read.
    #[error("{MANIFEST} of the bundle can't be read or written")]
    Manifest(#[from] serde_json::Error),
    /// An archive of something else.
    #[error("this archive has no {MANIFEST}: it is no bundle")]
    NoManifest,
    /// It would fill the memory.
    #[error("unpacked, this archive is larger than {} MiB: it is no bundle", LARGEST >> 20)]
    TooLarge,
}

/// A bundle that is being made, in memory.
pub(super) struct Archive {
    tar: tar::Builder<GzEncoder<Vec<u8>>>,
    root: String,
    redactor: Redactor,
    manifest: Manifest,
}

impl Archive {
    /// An empty one whose members will be in the folder `root`.
    pub(super) fn new(root: &str, redactor: Redactor, manifest: Manifest) -> Self {
        let gzip = GzEncoder::new(Vec::new(), Compression::default());
        Self {
            tar: tar::Builder::new(gzip),
            root: root.to_owned(),
            redactor,
            manifest,
        }
    }

    /// Adds a text without what is secret.
    pub(super) fn add(&mut self, path: &str, about: &str, text: &str) -> Result<(), BundleError> {
        self.put(path, text)?;
        self.manifest.members.push(Member {
            path: path.to_owned(),
            about: about.to_owned(),
        });
        Ok(())
    }

    /// The same of what was collected; what was not is listed.
    pub(super) fn add_or_miss(
        &mut self,
        path: &str,
        about: &str,
        found: Result<String, String>,
    ) -> Result<(), BundleError> {
        match found {
            Ok(text) => self.add(path, about, &text),
            Err(why) => {
                self.miss(format!("{about} ({path})"), why);
                Ok(())
            }
        }
    }

    /// Lists something that could not be collected.
    pub(super) fn miss(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.manifest.missing.push(Missing {
            what: what.into(),
            why: why.into(),
        });
    }

    /// The archive's bytes, and what is in it.
    pub(super) fn finish(mut self) -> Result<(Vec<u8>, Manifest), BundleError> {
        let text = serde_json::to_string_pretty(&self.manifest)?;
        self.put(MANIFEST, &text)?;
        let gzip = self.tar.into_inner()?;
        Ok((gzip.finish()?, self.manifest))
    }

    fn put(&mut self, path: &str, text: &str) -> Result<(), BundleError> {
        let (text, taken_out) = self.redactor.redact(text);
        self.manifest.redacted += taken_out;
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(u64::try_from(self.manifest.made.as_second()).unwrap_or(0));
        let path = format!("{}/{path}", self.root);
        Ok(self.tar.append_data(&mut header, path, text.as_bytes())?)
    }
}

/// A bundle that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// What is in it.
    pub manifest: Manifest,
    /// Its texts by path.
    pub members: BTreeMap<String, String>,
}

impl Bundle {
    /// Reads an archive.
    ///
    /// # Errors
    /// [`BundleError`] if it is none, or no bundle.
    pub fn read(archive: impl Read) -> Result<Self, BundleError> {
        let mut tar = tar::Archive::new(GzDecoder::new(archive));
        let (mut members, mut size) = (BTreeMap::new(), 0);
        for entry in tar.entries()? {
            let mut entry = entry?;
            size += entry.size();
            if size > LARGEST {
                return Err(BundleError::TooLarge);
            }
            let path = entry.path()?.to_string_lossy().into_owned();
            // Without the folder that all of it is in.
            let Some((_, path)) = path.split_once('/') else {
                continue;
            };
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            members.insert(
                path.to_owned(),
                String::from_utf8_lossy(&bytes).into_owned(),
            );
        }
        let manifest = members.remove(MANIFEST).ok_or(BundleError::NoManifest)?;
        Ok(Self {
            manifest: serde_json::from_str(&manifest)?,
            members,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::redact::Secret;
    use super::*;

    fn manifest() -> Manifest {
        Manifest {
            aznet: "0.1.0".to_owned(),
            made: Timestamp::UNIX_EPOCH,
            network: "small".to_owned(),
            namespace: "aznet-small-x".to_owned(),
            cluster: "embedded".to_owned(),
            test: None,
            members: Vec::new(),
            missing: Vec::new(),
            redacted: 0,
        }
    }

    #[test]
    fn what_is_written_is_read_and_what_is_missing_is_listed() {
        let mut archive = Archive::new("small", Redactor::new(&[]), manifest());
        archive.add("logs/a/b.log", "a log", "text\n").unwrap();
        archive
            .add_or_miss("metrics.json", "metrics", Err("no Prometheus".to_owned()))
            .unwrap();
        let (bytes, manifest) = archive.finish().unwrap();
        let read = Bundle::read(bytes.as_slice()).unwrap();
        assert_eq!(read.manifest, manifest);
        assert_eq!(read.members["logs/a/b.log"], "text\n");
        assert_eq!(read.manifest.missing[0].what, "metrics (metrics.json)");
    }

    /// In every member, the list included.
    #[test]
    fn no_planted_secret_is_in_any_member() {
        let planted = [
            "hunter2-hunter2",
            "0xAb12cdef34567890ab12cdef34567890ab12cdef34567890ab12cdef34567890",
        ];
        let secrets = planted.map(|value| Secret::named("keys/a", value.as_bytes()));
        let mut archive = Archive::new("small", Redactor::new(&secrets), manifest());
        let leak = format!("{} and {}", planted[0], planted[1].to_lowercase());
        archive.add("status.json", "status", &leak).unwrap();
        archive.miss("a log", format!("the server says {leak}"));
        let (bytes, manifest) = archive.finish().unwrap();
        let mut unpacked = String::new();
        GzDecoder::new(bytes.as_slice())
            .read_to_string(&mut unpacked)
            .unwrap();
        for value in planted {
            assert!(
                !unpacked
                    .to_lowercase()
                    .contains(&value.trim_start_matches("0x").to_lowercase()),
                "{value}"
            );
        }
        assert_eq!(manifest.redacted, 4);
    }

    #[test]
    fn other_archives_are_no_bundles() {
        assert!(matches!(
            Bundle::read(b"text".as_slice()),
            Err(BundleError::Io(_))
        ));
        let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        let mut header = tar::Header::new_gnu();
        header.set_size(1);
        tar.append_data(&mut header, "a/b", b"x".as_slice())
            .unwrap();
        let other = tar.into_inner().unwrap().finish().unwrap();
        assert!(matches!(
            Bundle::read(other.as_slice()),
            Err(BundleError::NoManifest)
        ));
    }
}
