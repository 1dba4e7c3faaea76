//! The Go programs a cluster is made of, pinned in `toolchain/*/go.mod`: built with `go build`, or downloaded as
//! official releases by checksum, once per version.

mod build;
mod download;
mod programs;

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use tokio_util::sync::CancellationToken;

pub use download::DownloadError;
pub use programs::{Group, Program};

use crate::command::CommandError;
use crate::disk::{self, DiskError, Staging};
use crate::kubernetes::Minor;
use crate::lock::{Lock, LockError};
use crate::paths::Paths;
use crate::progress::{Reporter, Task};
use crate::source::Source;

/// Where programs come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Official release binaries only.
    Download,
    /// Built from source only.
    Build,
    /// Downloaded where a release is pinned and its host answers, else built.
    #[default]
    Auto,
}

impl FromStr for Mode {
    type Err = ToolchainError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "download" => Ok(Self::Download),
            "build" => Ok(Self::Build),
            "auto" | "" => Ok(Self::Auto),
            other => Err(ToolchainError::UnknownMode(other.to_owned())),
        }
    }
}

/// How to get the programs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// Where they come from.
    pub mode: Mode,
    /// A server that holds the releases as `<mirror>/<host>/<path>`, instead of their own hosts.
    pub mirror: Option<String>,
    /// Which Kubernetes.
    pub kubernetes: Minor,
}

impl Settings {
    /// As `AZNET_TOOLCHAIN` (`download`, `build` or `auto`) and `AZNET_TOOLCHAIN_MIRROR` say, with the newest
    /// Kubernetes.
    pub fn from_env() -> Result<Self, ToolchainError> {
        let mode = env::var("AZNET_TOOLCHAIN").unwrap_or_default().parse()?;
        let mirror = env::var("AZNET_TOOLCHAIN_MIRROR").ok();
        Ok(Self {
            mode,
            mirror: mirror.filter(|mirror| !mirror.is_empty()),
            kubernetes: Minor::default(),
        })
    }
}

/// Why a program is not there.
#[derive(Debug, thiserror::Error)]
pub enum ToolchainError {
    /// A mode that does not exist.
    #[error("AZNET_TOOLCHAIN is `{0}`; expected download, build or auto")]
    UnknownMode(String),
    /// A pin cannot be read.
    #[error("{} does not pin {module}", path.display())]
    NoPin {
        /// The module file.
        path: PathBuf,
        /// The module that should be required there.
        module: &'static str,
    },
    /// Go is too old.
    #[error("{group} needs Go {needed} or newer, found {found}; install it from https://go.dev/dl")]
    OldGo {
        /// What was to be built.
        group: Group,
        /// The `go` line of its module file.
        needed: String,
        /// What `go env GOVERSION` says.
        found: String,
    },
    /// Neither Go nor a release to download.
    #[error(
        "{group} has to be built and `go` is not on the PATH; install Go {needed} or newer from https://go.dev/dl"
    )]
    NoGo {
        /// What was to be built.
        group: Group,
        /// The `go` line of its module file.
        needed: String,
    },
    /// Not enough space.
    #[error("building {group} needs about {} in {}, {} are free; free some or set AZNET_CACHE", disk::human(*needed), path.display(), disk::human(*free))]
    DiskFull {
        /// What was to be built.
        group: Group,
        /// Where.
        path: PathBuf,
        /// Bytes needed.
        needed: u64,
        /// Bytes free.
        free: u64,
    },
    /// A compiler failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// A download failed.
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// A file is out of reach.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Another run holds the cache.
    #[error(transparent)]
    Lock(#[from] LockError),
}

/// Where each program is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toolchain {
    groups: BTreeMap<Group, Present>,
}

/// A group that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Present {
    folder: PathBuf,
    version: String,
}

impl Toolchain {
    /// The path of a program.
    pub fn path(&self, program: Program) -> PathBuf {
        self.groups[&program.group()]
            .folder
            .join("bin")
            .join(program.name())
    }

    /// The version of a program's group, such as `v1.37.2`.
    pub fn version(&self, program: Program) -> &str {
        &self.groups[&program.group()].version
    }

    /// A name for the exact content of a program: changes with its version and the way it was built.
    pub(crate) fn identity(&self, program: Program) -> String {
        let folder = &self.groups[&program.group()].folder;
        folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    }
}

/// Makes sure that the programs of these groups are in the cache, and says where.
///
/// A second run finds all of it and returns at once. Two runs at a time wait for each other. What an interrupted run
/// compiled is kept by Go's own cache.
pub async fn ensure(
    paths: &Paths,
    source: &Source,
    settings: &Settings,
    groups: &[Group],
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<Toolchain, ToolchainError> {
    let pins = groups
        .iter()
        .map(|group| Pin::read(*group, settings.kubernetes, source))
        .collect::<Result<Vec<_>, _>>()?;
    let releases = download::Releases::read(source)?;
    let cache = paths.toolchain();
    let mut present = BTreeMap::new();
    let mut task = Task::new(report, "toolchain");
    for (index, pin) in pins.iter().enumerate() {
        let plan = Plan::new(pin, &releases, settings, &cache);
        task.step(index + 1, pins.len());
        let folder = match plan.present() {
            Some(folder) => folder,
            None => plan.make(&cache, &task, cancel).await?,
        };
        let version = pin.version.clone();
        present.insert(pin.group, Present { folder, version });
    }
    task.done("ready");
    Ok(Toolchain { groups: present })
}

/// A pinned version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// The folder under `toolchain/`.
    pub name: &'static str,
    /// As its makers call the release, without a `v`.
    pub release: String,
}

/// All that is pinned under `toolchain/`, every Kubernetes included.
pub fn pinned(source: &Source) -> Result<Vec<Pinned>, ToolchainError> {
    let newest = Group::all().map(|group| (group, Minor::default()));
    let older = Minor::ALL.into_iter().skip(1);
    let older = older.map(|minor| (Group::Kubernetes, minor));
    let pins = newest
        .chain(older)
        .map(|(group, kubernetes)| Pin::read(group, kubernetes, source));
    pins.map(|pin| {
        let pin = pin?;
        Ok(Pinned {
            release: pin.group.release(&pin.version),
            name: pin.name,
        })
    })
    .collect()
}

/// What a group's module file pins.
#[derive(Debug)]
struct Pin {
    group: Group,
    /// The name of the module's folder.
    name: &'static str,
    /// The module's folder.
    folder: PathBuf,
    /// Version of the group's main module, with its `v`.
    version: String,
    /// The `go` line: the oldest Go that builds it.
    go: String,
    /// Linker flags of the build.
    ldflags: String,
    /// A name for all that the built programs depend on.
    hash: String,
}

impl Pin {
    fn read(group: Group, kubernetes: Minor, source: &Source) -> Result<Self, ToolchainError> {
        let name = group.folder(kubernetes);
        let folder = source.toolchain().join(name);
        let path = folder.join("go.mod");
        let text = disk::read(&path)?;
        let version = version_of(&text, group.module()).ok_or(ToolchainError::NoPin {
            path,
            module: group.module(),
        })?;
        let ldflags = group.ldflags(&version);
        let mut hash = disk::ContentHash::new("go build 1")
            .with("go.mod", &text)
            .with("go.sum", disk::read(&folder.join("go.sum"))?)
            .with("ldflags", &ldflags)
            .with("arch", programs::goarch());
        if !group.tags().is_empty() {
            hash = hash.with("tags", group.tags());
        }
        let main = folder.join("main.go");
        if main.is_file() {
            hash = hash.with("main.go", disk::read(&main)?);
        }
        Ok(Self {
            group,
            name,
            go: value_after(&text, "go").unwrap_or_default().to_owned(),
            folder,
            version,
            ldflags,
            hash: hash.short(),
        })
    }
}

/// The version that a module file requires of `module`. One that is required by its commit, since Go can't name its
/// releases, says in a comment which release that is.
fn version_of(text: &str, module: &str) -> Option<String> {
    let required = rest_after(text, module)?;
    let (version, comment) = required.split_once("//").unwrap_or((required, ""));
    let is_release = |word: &&str| word.starts_with('v') && word.contains('.');
    let release = comment.split_whitespace().find(is_release);
    Some(release.unwrap_or(version.trim()).to_owned())
}

/// The word after `name` on the line of a module file that requires it.
fn value_after<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    rest_after(text, name)?.split_whitespace().next()
}

fn rest_after<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .map(|line| line.trim().trim_start_matches("require "))
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
        .find(|rest| !rest.contains("=>"))
}

/// How one group will be had.
struct Plan<'a> {
    pin: &'a Pin,
    release: Option<download::Release>,
    mode: Mode,
    built: PathBuf,
    downloaded: Option<PathBuf>,
}

impl<'a> Plan<'a> {
    fn new(pin: &'a Pin, releases: &download::Releases, settings: &Settings, cache: &Path) -> Self {
        let release = releases.of(pin, settings.mirror.as_deref());
        let name = pin.name;
        Self {
            pin,
            mode: settings.mode,
            built: cache.join(format!("{name}-{}", pin.hash)),
            downloaded: release
                .as_ref()
                .map(|release| cache.join(format!("{name}-release-{}", release.hash()))),
            release,
        }
    }

    /// The folder with the programs, if they are there.
    fn present(&self) -> Option<PathBuf> {
        let built = (self.mode != Mode::Download).then_some(&self.built);
        let downloaded = self.downloaded.as_ref();
        let downloaded = downloaded.filter(|_| self.mode != Mode::Build);
        let mut places = built.into_iter().chain(downloaded);
        places.find(|place| place.is_dir()).cloned()
    }

    async fn make(
        &self,
        cache: &Path,
        task: &Task,
        cancel: &CancellationToken,
    ) -> Result<PathBuf, ToolchainError> {
        let _lock = Lock::acquire(&cache.join(".lock"), task, cancel).await?;
        if let Some(folder) = self.present() {
            return Ok(folder);
        }
        if self.mode != Mode::Build
            && let Some(folder) = self.download(cache, task, cancel).await?
        {
            return Ok(folder);
        }
        let staging = Staging::new(cache)?;
        build::group(self.pin, &staging.path().join("bin"), task, cancel).await?;
        staging.finish(&self.built)?;
        Ok(self.built.clone())
    }

    /// Downloads the group, or says by `None` that it is to be built.
    async fn download(
        &self,
        cache: &Path,
        task: &Task,
        cancel: &CancellationToken,
    ) -> Result<Option<PathBuf>, ToolchainError> {
        let (Some(release), Some(place)) = (&self.release, &self.downloaded) else {
            return match self.mode {
                Mode::Download => Err(DownloadError::NotPinned {
                    group: self.pin.group,
                    version: self.pin.version.clone(),
                }
                .into()),
                _ => Ok(None),
            };
        };
        if self.mode == Mode::Auto && !release.host_answers().await {
            task.say(&format!("{} does not answer, building", release.host()));
            return Ok(None);
        }
        let staging = Staging::new(cache)?;
        match release
            .fetch(&staging.path().join("bin"), task, cancel)
            .await
        {
            Ok(()) => {
                staging.finish(place)?;
                Ok(Some(place.clone()))
            }
            Err(error) if self.mode == Mode::Auto && error.is_transport() => {
                task.say(&format!("{error}; building instead"));
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_module_files() {
        let text = "module x\n\ngo 1.25.0\n\nrequire (\n\ta.b/c/v2 v2.0.1 // indirect\n\ta.b/c v1.0.0\n)\n\nrequire d v0.1.0\nreplace a.b/e => a.b/e v9\n";
        assert_eq!(value_after(text, "go"), Some("1.25.0"));
        assert_eq!(version_of(text, "a.b/c").as_deref(), Some("v1.0.0"));
        assert_eq!(version_of(text, "a.b/c/v2").as_deref(), Some("v2.0.1"));
        assert_eq!(version_of(text, "d").as_deref(), Some("v0.1.0"));
        assert_eq!(version_of(text, "a.b/e"), None);
        let by_commit = "require a.b/f v0.0.0-2025-b1f3 // indirect; v3.31.0\n";
        assert_eq!(version_of(by_commit, "a.b/f").as_deref(), Some("v3.31.0"));
    }

    #[test]
    fn every_group_of_this_checkout_is_pinned() {
        let source = Source::at(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).unwrap();
        for (group, kubernetes) in Group::all()
            .map(|group| (group, Minor::default()))
            .chain(Minor::ALL.map(|minor| (Group::Kubernetes, minor)))
        {
            let pin = Pin::read(group, kubernetes, &source).unwrap();
            assert!(pin.version.starts_with('v'), "{pin:?}");
            assert!(!pin.go.is_empty(), "{pin:?}");
        }
    }

    #[test]
    fn each_kubernetes_is_of_its_minor() {
        let source = Source::at(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).unwrap();
        for minor in Minor::ALL {
            let pin = Pin::read(Group::Kubernetes, minor, &source).unwrap();
            assert_eq!(crate::kubernetes::line(&pin.version), minor.name());
        }
    }

    #[test]
    fn an_unknown_mode_is_refused_with_the_known_ones() {
        let error = "fast".parse::<Mode>().unwrap_err().to_string();
        assert!(error.contains("download, build or auto"), "{error}");
    }
}
