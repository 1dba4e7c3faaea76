//! The Go programs a cluster is made of, pinned in `toolchain/*/go.mod`: built with `go build`, or downloaded as
//! official releases by checksum, once per version.

mod build;
mod chart;
mod download;
mod error;
mod pin;
mod programs;

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use aznet_kit::files::Staging;
use tokio_util::sync::CancellationToken;

pub use download::DownloadError;
pub use error::ToolchainError;
pub use pin::{PinError, Pinned, pinned};
pub use programs::{Group, Program};

use self::pin::Pin;
use super::kubernetes::Minor;
use crate::paths::Paths;
use crate::progress::{Reporter, Task};
use crate::source::Source;

/// The folder of the Helm chart that is made along with a group's programs.
const CHART: &str = "chart";
/// The folder of what kind puts on its nodes.
const NODE: &str = "node";
/// The folder of what KWOK's nodes and pods go through.
const STAGES: &str = "stages";

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

    /// The folder of Chaos Mesh's own Helm chart, with the resource definitions that its programs were built with;
    /// there if [`Group::ChaosMesh`] was asked for.
    pub fn chaos_mesh_chart(&self) -> PathBuf {
        self.groups[&Group::ChaosMesh].folder.join(CHART)
    }

    /// The folder of what kind puts on its nodes; there if [`Group::Kind`] was asked for.
    pub(crate) fn kind_node(&self) -> PathBuf {
        self.groups[&Group::Kind].folder.join(NODE)
    }

    /// The folder of what KWOK's nodes and pods may go through; there if [`Group::Kwok`] was asked for.
    pub fn kwok_stages(&self) -> PathBuf {
        self.groups[&Group::Kwok].folder.join(STAGES)
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
        let _lock = task.lock(&cache.join(".lock"), cancel).await?;
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
        match self.pin.group {
            Group::ChaosMesh => {
                chart::make(self.pin, &staging.path().join(CHART), task, cancel).await?;
            }
            Group::Kind => chart::node(self.pin, &staging.path().join(NODE), cancel).await?,
            Group::Kwok => chart::stages(self.pin, &staging.path().join(STAGES), cancel).await?,
            _ => {}
        }
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
    fn an_unknown_mode_is_refused_with_the_known_ones() {
        let error = "fast".parse::<Mode>().unwrap_err().to_string();
        assert!(error.contains("download, build or auto"), "{error}");
    }
}
