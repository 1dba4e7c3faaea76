//! The clusters of kind that were made from this state folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use aznet_kit::files::{self, Access, FileError};
use aznet_kit::process::on_path;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::container::Container;
use super::engine::Engine;
use super::error::Error;
use crate::paths::Paths;
use crate::provider::cluster::Cluster;
use crate::provider::embedded;

/// A cluster of kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Info {
    /// Which it is, as in `--cluster`.
    pub cluster: String,
    /// Its name.
    pub name: String,
    /// Whether it runs.
    pub state: State,
    /// How many nodes it has.
    pub nodes: usize,
    /// The image that its nodes are made of.
    pub image: String,
    /// Which Kubernetes runs, once its nodes have been ready.
    pub kubernetes: Option<String>,
    /// When it was made, if it is there.
    pub created: Option<Timestamp>,
    /// Its kubeconfig.
    pub kubeconfig: PathBuf,
}

/// Whether a cluster runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// All its nodes do.
    Running,
    /// Some node is stopped: `up` starts it.
    Stopped,
    /// It was never complete: `up` makes it anew.
    HalfMade,
    /// Somebody else removed its nodes.
    Gone,
}

/// What is kept of a cluster, beside its kubeconfig; written when it is complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// The image that its nodes are made of.
    pub(super) image: String,
    /// Which Kubernetes runs, once its nodes have been ready.
    #[serde(default)]
    pub(super) kubernetes: Option<String>,
}

/// The folder of a cluster: its nodes have a part of it mounted.
#[derive(Debug, Clone)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn of(paths: &Paths, name: &str) -> Self {
        Self(paths.kind().join(name))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// What the nodes have mounted.
    pub(super) fn mark(&self) -> PathBuf {
        self.0.join("nodes")
    }

    pub(super) fn kubeconfig(&self) -> PathBuf {
        self.0.join("kubeconfig")
    }

    pub(super) fn config(&self) -> PathBuf {
        self.0.join("kind.json")
    }

    fn program_file(&self) -> PathBuf {
        self.0.join("program")
    }

    /// Notes which kind makes the cluster.
    pub(super) fn note(&self, kind: &Path) -> Result<(), FileError> {
        let text = kind.as_os_str().as_encoded_bytes();
        files::write(&self.program_file(), text, Access::Shared)
    }

    /// The kind that made the cluster; if it is gone, the one on the PATH.
    pub(super) fn program(&self, name: &str) -> Result<PathBuf, Error> {
        let noted = files::read_text_if_there(&self.program_file())?.map(PathBuf::from);
        let noted = noted.filter(|path| path.is_file());
        let none = || Error::NoProgram {
            name: name.to_owned(),
        };
        noted.or_else(|| on_path("kind")).ok_or_else(none)
    }

    fn record(&self) -> PathBuf {
        self.0.join("cluster.json")
    }

    /// What is kept of a complete cluster. A record that can't be read says nothing.
    pub(super) fn known(&self) -> Result<Option<Record>, FileError> {
        let text = files::read_text_if_there(&self.record())?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Changes what is kept of a complete cluster.
    pub(super) fn know(&self, change: impl FnOnce(&mut Record)) -> Result<(), FileError> {
        let Some(mut record) = self.known()? else {
            return Ok(());
        };
        change(&mut record);
        self.complete(&record)
    }

    pub(super) fn is_complete(&self) -> bool {
        self.record().is_file()
    }

    pub(super) fn complete(&self, record: &Record) -> Result<(), FileError> {
        files::write_json(&self.record(), record, Access::Shared)
    }
}

/// The names of all of them, complete or not. Nothing is contacted.
///
/// # Errors
/// When the state folder can't be read.
pub fn names(paths: &Paths) -> Result<Vec<String>, FileError> {
    let dir = paths.kind();
    let entries = match fs::read_dir(&dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(FileError::of("list", &dir)(error)),
    };
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| embedded::is_name(name))
        .collect();
    names.sort_unstable();
    Ok(names)
}

/// A cluster that was made from this state folder. Nothing is contacted.
///
/// # Errors
/// [`Error::NoSuchCluster`].
pub fn find(paths: &Paths, name: &str) -> Result<Cluster, Error> {
    let folder = Folder::of(paths, name);
    if !folder.is_complete() {
        return Err(Error::NoSuchCluster {
            name: name.to_owned(),
        });
    }
    Ok(Cluster::of_kind(name, folder.kubeconfig()))
}

/// All of them, as the engine sees them; where there is none, nothing is asked.
///
/// # Errors
/// When the engine does not answer.
pub async fn list(paths: &Paths, cancel: &CancellationToken) -> Result<Vec<Info>, Error> {
    let names = names(paths)?;
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let nodes = Engine::find(cancel).await?.nodes(None, cancel).await?;
    let infos = names.into_iter().map(|name| {
        let folder = Folder::of(paths, &name);
        let is_own = |node: &&Container| node.cluster() == name && node.has(&folder.mark());
        let own: Vec<_> = nodes.iter().filter(is_own).collect();
        info(name, &folder, &own)
    });
    Ok(infos.collect())
}

fn info(name: String, folder: &Folder, nodes: &[&Container]) -> Info {
    let state = if nodes.is_empty() {
        State::Gone
    } else if !folder.is_complete() {
        State::HalfMade
    } else if nodes.iter().all(|node| node.runs()) {
        State::Running
    } else {
        State::Stopped
    };
    Info {
        cluster: format!("kind:{name}"),
        name,
        state,
        nodes: nodes.len(),
        image: nodes.first().map_or("", |node| node.image()).to_owned(),
        kubernetes: folder
            .known()
            .ok()
            .flatten()
            .and_then(|known| known.kubernetes),
        created: nodes.first().and_then(|node| node.created.parse().ok()),
        kubeconfig: folder.kubeconfig(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::container::tests::node;
    use super::*;

    #[test]
    fn a_cluster_is_known_once_it_is_complete() {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths::new(dir.path(), dir.path(), dir.path());
        assert_eq!(names(&paths).unwrap(), Vec::<String>::new());
        let folder = Folder::of(&paths, "ci");
        files::make_dir(&folder.mark(), Access::Shared).unwrap();
        assert_eq!(names(&paths).unwrap(), ["ci"]);
        assert!(matches!(
            find(&paths, "ci"),
            Err(Error::NoSuchCluster { .. })
        ));
        let image = "kindest/node:v1".to_owned();
        let kubernetes = Some("v1.37.2".to_owned());
        folder.complete(&Record { image, kubernetes }).unwrap();
        let cluster = find(&paths, "ci").unwrap();
        assert_eq!(cluster.context(), "kind-ci");
        assert_eq!(cluster.kubeconfig, Some(folder.kubeconfig()));
    }

    #[test]
    fn a_cluster_is_as_its_nodes_are() {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths::new(dir.path(), dir.path(), dir.path());
        let folder = Folder::of(&paths, "ci");
        let nodes =
            ["running", "exited"].map(|status| node("ci-worker", "worker", status, "/s/kind/ci"));
        let [runs, stopped] = &nodes;
        let state = |nodes: &[&Container]| info("ci".to_owned(), &folder, nodes).state;
        assert_eq!(state(&[]), State::Gone);
        assert_eq!(state(&[runs]), State::HalfMade);
        files::make_dir(folder.path(), Access::Shared).unwrap();
        let image = String::new();
        let kubernetes = Some("v1.37.2".to_owned());
        folder.complete(&Record { image, kubernetes }).unwrap();
        assert_eq!(state(&[runs, runs]), State::Running);
        assert_eq!(state(&[runs, stopped]), State::Stopped);
    }
}
