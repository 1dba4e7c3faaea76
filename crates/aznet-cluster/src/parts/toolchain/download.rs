//! Official releases, taken only when their checksum is the pinned one.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use aznet_kit::files::{self, Access, FileError};
use serde::Deserialize;
use sha2::{Digest, Sha256, Sha512};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::pin::Pin;
use super::programs::{Group, goarch};
use crate::machine::space;
use crate::parts::content;
use crate::progress::Task;
use crate::source::Source;

/// A host that takes longer to greet is taken for unreachable.
const GREETING: Duration = Duration::from_secs(3);
/// A connection that brings nothing for so long is broken.
const SILENCE: Duration = Duration::from_secs(30);
/// No release takes longer on a connection worth using.
const LONGEST: Duration = Duration::from_mins(30);

/// Why a release was not taken.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// No release of this version has a pinned checksum.
    #[error(
        "no release of {group} {version} is pinned in toolchain/releases.yaml; use AZNET_TOOLCHAIN=auto or build"
    )]
    NotPinned {
        /// What was asked for.
        group: Group,
        /// Its version.
        version: String,
    },
    /// The list of releases cannot be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// The list.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: serde_norway::Error,
    },
    /// The host did not answer, or with an error.
    #[error("cannot download {url}")]
    Transport {
        /// The address.
        url: String,
        /// What happened.
        #[source]
        source: Box<ureq::Error>,
    },
    /// The connection broke.
    #[error("the download of {url} was interrupted after {}", space::human(*bytes))]
    Broken {
        /// The address.
        url: String,
        /// How much had come.
        bytes: u64,
        /// What happened.
        #[source]
        source: io::Error,
    },
    /// Something other than the release came.
    #[error(
        "{url} is not what was pinned: expected {expected}, got {found}; do not use it, and check toolchain/releases.yaml"
    )]
    WrongChecksum {
        /// The address.
        url: String,
        /// The pinned checksum.
        expected: String,
        /// The checksum of what came.
        found: String,
    },
    /// The release lacks a program.
    #[error("{url} holds no {member}")]
    Missing {
        /// The address.
        url: String,
        /// The path in the archive.
        member: String,
    },
    /// The caller gave up.
    #[error("interrupted while downloading {url}")]
    Cancelled {
        /// The address.
        url: String,
    },
    /// A file is out of reach.
    #[error(transparent)]
    File(#[from] FileError),
}

impl DownloadError {
    /// Whether the network is to blame, and not what came through it.
    pub(super) fn is_transport(&self) -> bool {
        matches!(self, Self::Transport { .. } | Self::Broken { .. })
    }
}

/// The pinned releases by group.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Releases(BTreeMap<String, Entry>);

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    version: String,
    url: String,
    /// The folder of the programs in the archive.
    folder: String,
    /// `sha256:…` or `sha512:…` by architecture; without one the group is built.
    checksum: BTreeMap<String, String>,
}

impl Releases {
    pub(super) fn read(source: &Source) -> Result<Self, DownloadError> {
        let path = source.toolchain().join("releases.yaml");
        let text = files::read(&path)?;
        let parsed = serde_norway::from_str(&text);
        parsed.map_err(|source| DownloadError::Unreadable { path, source })
    }

    /// The release of what `pin` pins, for this machine.
    pub(super) fn of(&self, pin: &Pin, mirror: Option<&str>) -> Option<Release> {
        let entry = self.0.get(pin.name)?;
        let arch = goarch();
        let checksum = entry.checksum.get(arch)?.clone();
        let here = |text: &str| text.replace("{arch}", arch);
        let url = here(&entry.url);
        let url = match (mirror, url.strip_prefix("https://")) {
            (Some(mirror), Some(rest)) => format!("{}/{rest}", mirror.trim_end_matches('/')),
            _ => url,
        };
        (entry.version == pin.version).then(|| Release {
            group: pin.group,
            url,
            folder: here(&entry.folder),
            checksum,
        })
    }
}

/// One archive to download.
#[derive(Debug, Clone)]
pub(super) struct Release {
    group: Group,
    url: String,
    folder: String,
    checksum: String,
}

impl Release {
    /// The host that serves it.
    pub(super) fn host(&self) -> &str {
        let rest = self
            .url
            .split_once("://")
            .map_or(&*self.url, |(_, rest)| rest);
        rest.split('/').next().unwrap_or(rest)
    }

    /// A name for the content.
    pub(super) fn hash(&self) -> String {
        content::ContentHash::new("release 1")
            .with("checksum", &self.checksum)
            .with("folder", &self.folder)
            .short()
    }

    /// Whether its host accepts a request soon.
    pub(super) async fn host_answers(&self) -> bool {
        let url = self.url.clone();
        let asked = tokio::task::spawn_blocking(move || agent(GREETING).head(&url).call().is_ok());
        asked.await.unwrap_or(false)
    }

    /// Downloads the archive, checks it as a whole, and only then unpacks the group's programs into `bin`.
    pub(super) async fn fetch(
        &self,
        bin: &Path,
        task: &Task,
        cancel: &CancellationToken,
    ) -> Result<(), DownloadError> {
        files::make_dir(bin, Access::Shared)?;
        let stop = cancel.child_token();
        // However this ends, the thread gives up with its next read.
        let _given_up = stop.clone().drop_guard();
        let fetching = Fetching {
            release: self.clone(),
            bin: bin.to_owned(),
            stop,
            received: Arc::default(),
        };
        let received = Arc::clone(&fetching.received);
        let (done, mut outcome) = oneshot::channel();
        // Not a thread of the runtime's: that one would wait for a silent server before the program can end.
        thread::Builder::new()
            .name("download".into())
            .spawn(move || done.send(fetching.run()).is_ok())
            .map_err(FileError::of("start a thread to fill", bin))?;
        let mut pulse = tokio::time::interval(Duration::from_secs(1));
        let mut last = (0, Instant::now());
        loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => return Err(self.cancelled()),
                outcome = &mut outcome => return outcome.unwrap_or_else(|_| Err(self.cancelled())),
                _ = pulse.tick() => {
                    let bytes = received.load(Ordering::Relaxed);
                    if bytes != last.0 {
                        last = (bytes, Instant::now());
                    } else if last.1.elapsed() > SILENCE {
                        return Err(self.broken(bytes, io::ErrorKind::TimedOut.into()));
                    }
                    task.say(&format!(
                        "downloading {} from {}: {}",
                        self.group,
                        self.host(),
                        space::human(bytes),
                    ));
                }
            }
        }
    }

    fn cancelled(&self) -> DownloadError {
        DownloadError::Cancelled {
            url: self.url.clone(),
        }
    }

    fn broken(&self, bytes: u64, source: io::Error) -> DownloadError {
        DownloadError::Broken {
            url: self.url.clone(),
            bytes,
            source,
        }
    }
}

fn agent(greeting: Duration) -> ureq::Agent {
    ureq::Agent::config_builder()
        .timeout_connect(Some(greeting))
        .timeout_recv_response(Some(greeting.max(Duration::from_secs(5))))
        .timeout_global(Some(LONGEST))
        .build()
        .new_agent()
}

/// A download on a thread of its own.
struct Fetching {
    release: Release,
    bin: PathBuf,
    stop: CancellationToken,
    received: Arc<AtomicU64>,
}

impl Fetching {
    fn run(&self) -> Result<(), DownloadError> {
        let archive = self.bin.join(".archive");
        let found = self.receive(&archive)?;
        if found != self.release.checksum {
            return Err(DownloadError::WrongChecksum {
                url: self.release.url.clone(),
                expected: self.release.checksum.clone(),
                found,
            });
        }
        self.unpack(&archive)?;
        fs::remove_file(&archive).map_err(FileError::of("remove", &archive))?;
        Ok(())
    }

    /// Writes the archive to a file and returns its checksum.
    fn receive(&self, archive: &Path) -> Result<String, DownloadError> {
        let url = &self.release.url;
        let mut response =
            agent(SILENCE)
                .get(url)
                .call()
                .map_err(|source| DownloadError::Transport {
                    url: url.clone(),
                    source: Box::new(source),
                })?;
        let mut body = response.body_mut().with_config().limit(u64::MAX).reader();
        let mut file = File::create(archive).map_err(FileError::of("write", archive))?;
        let mut hasher = Hasher::of(&self.release.checksum);
        let mut buffer = vec![0; 256 * 1024];
        loop {
            if self.stop.is_cancelled() {
                return Err(self.release.cancelled());
            }
            let count = body.read(&mut buffer).map_err(|source| {
                self.release
                    .broken(self.received.load(Ordering::Relaxed), source)
            })?;
            if count == 0 {
                return Ok(hasher.finish());
            }
            hasher.update(&buffer[..count]);
            file.write_all(&buffer[..count])
                .map_err(FileError::of("write", archive))?;
            self.received.fetch_add(count as u64, Ordering::Relaxed);
        }
    }

    /// Takes the group's programs out of the archive.
    fn unpack(&self, archive: &Path) -> Result<(), DownloadError> {
        let unreadable = |source| FileError::of("unpack", archive)(source);
        let file = File::open(archive).map_err(unreadable)?;
        let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(file));
        let mut missing: Vec<&str> = self
            .release
            .group
            .programs()
            .iter()
            .map(|p| p.name())
            .collect();
        for entry in tar.entries().map_err(unreadable)? {
            let mut entry = entry.map_err(unreadable)?;
            let path = entry.path().map_err(unreadable)?.into_owned();
            let Ok(name) = path.strip_prefix(&self.release.folder) else {
                continue;
            };
            let Some(at) = missing
                .iter()
                .position(|program| name == Path::new(program))
            else {
                continue;
            };
            let place = self.bin.join(missing.swap_remove(at));
            let mut program = File::create(&place).map_err(FileError::of("write", &place))?;
            io::copy(&mut entry, &mut program).map_err(FileError::of("write", &place))?;
            files::set_access(&place, Access::Program)?;
        }
        match missing.first() {
            None => Ok(()),
            Some(program) => Err(DownloadError::Missing {
                url: self.release.url.clone(),
                member: format!("{}/{program}", self.release.folder),
            }),
        }
    }
}

/// The hash function that a checksum names.
enum Hasher {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hasher {
    fn of(checksum: &str) -> Self {
        if checksum.starts_with("sha512:") {
            Self::Sha512(Sha512::new())
        } else {
            Self::Sha256(Sha256::new())
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    fn finish(self) -> String {
        match self {
            Self::Sha256(hasher) => format!("sha256:{}", content::hex(&hasher.finalize())),
            Self::Sha512(hasher) => format!("sha512:{}", content::hex(&hasher.finalize())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::kubernetes::Minor;

    #[test]
    fn every_entry_of_this_checkout_is_of_the_pinned_version() {
        let source = Source::at(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).unwrap();
        let Releases(entries) = Releases::read(&source).unwrap();
        let groups = Group::all().flat_map(|group| Minor::ALL.map(|minor| (group, minor)));
        let pins: Vec<Pin> = groups
            .map(|(group, minor)| Pin::read(group, minor, &source).unwrap())
            .collect();
        for (name, entry) in entries {
            let pin = pins.iter().find(|pin| pin.name == name);
            assert_eq!(pin.map(|pin| &pin.version), Some(&entry.version), "{name}");
            for checksum in entry.checksum.values() {
                let digits = match checksum.split_once(':') {
                    Some(("sha256", hex)) if hex.len() == 64 => hex,
                    Some(("sha512", hex)) if hex.len() == 128 => hex,
                    _ => panic!("{name}: {checksum}"),
                };
                assert!(digits.bytes().all(|c| c.is_ascii_hexdigit()), "{checksum}");
            }
        }
    }
}
