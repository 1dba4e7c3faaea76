//! The embedded clusters of this machine.

use std::fs;
use std::io;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::Serialize;

use super::error::Error;
use super::layout::Layout;
use super::name::check_name;
use super::spec::Spec;
use super::status::{self, ComponentStatus, Status};
use crate::paths::Paths;

/// An embedded cluster, as far as can be told without asking it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Info {
    /// Its name.
    pub name: String,
    /// Whether it runs.
    pub state: State,
    /// The version of its Kubernetes, such as `v1.37.2`.
    pub kubernetes: String,
    /// The API's port on the host's 127.0.0.1.
    pub port: u16,
    /// Its kubeconfig.
    pub kubeconfig: PathBuf,
    /// Its component's logs.
    pub logs: PathBuf,
    /// When it was made.
    pub created: Timestamp,
    /// How its components do; empty if it does not run.
    pub components: Vec<ComponentStatus>,
}

/// Whether a cluster runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Supervised, and all components run.
    Running,
    /// Supervised, but some component does not run.
    Degraded,
    /// Supervised, and its API never answered so far.
    Starting,
    /// Nobody supervises it: `up` brings it back.
    Stopped,
}

/// All embedded clusters of this machine, by name.
///
/// # Errors
/// When the state directory can't be read.
pub fn list(paths: &Paths) -> Result<Vec<Info>, Error> {
    let dir = paths.clusters();
    let entries = match fs::read_dir(&dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("read directory", &dir)(error)),
    };
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| check_name(name).is_ok())
        .collect();
    names.sort_unstable();
    let mut found = Vec::new();
    for name in names {
        let layout = Layout::new(paths, &name);
        if let Some(spec) = Spec::load(&layout)? {
            found.push(info(&layout, &spec)?);
        }
    }
    Ok(found)
}

/// One embedded cluster of this machine.
///
/// # Errors
/// [`Error::NoSuchCluster`], or when what is kept about it can't be read.
pub fn find(paths: &Paths, name: &str) -> Result<Info, Error> {
    check_name(name)?;
    let layout = Layout::new(paths, name);
    let spec = Spec::load(&layout)?.ok_or_else(|| Error::NoSuchCluster {
        name: name.to_owned(),
    })?;
    info(&layout, &spec)
}

fn info(layout: &Layout, spec: &Spec) -> Result<Info, Error> {
    let supervised = status::supervisor(layout)?.is_some();
    let status = Status::load(layout)?
        .filter(|_| supervised)
        .unwrap_or_default();
    let all_run = status
        .components
        .iter()
        .all(|component| component.pid.is_some());
    let state = match (supervised, status.api_since.is_some()) {
        (false, _) => State::Stopped,
        (true, false) => State::Starting,
        (true, true) if all_run => State::Running,
        (true, true) => State::Degraded,
    };
    Ok(Info {
        name: spec.name.clone(),
        state,
        kubernetes: spec.binaries.kubernetes.clone(),
        port: spec.port,
        kubeconfig: layout.kubeconfig(),
        logs: layout.logs(),
        created: spec.created,
        components: status.components,
    })
}
