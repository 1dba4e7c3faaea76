//! Docker or Podman, whichever runs kind's nodes.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use aznet_kit::process::{ProcessError, Tool, on_path};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::container::{CLUSTER, Container};
use super::error::Error;
use super::which::Kind;

/// By which name kind is told to use another engine than the first that it finds.
const CHOSEN: &str = "KIND_EXPERIMENTAL_PROVIDER";
/// Questions, also to a busy daemon.
const ANSWER: Duration = Duration::from_mins(1);
/// A node's image from a registry, or an archive of it.
const IMAGE: Duration = Duration::from_mins(30);
/// Containers that were stopped start in seconds.
const START: Duration = Duration::from_mins(5);

/// kind's control plane takes half of it.
const LEAST_MEMORY: u64 = 2 << 30;

/// An engine that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    kind: Kind,
    about: About,
}

/// What it says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct About {
    /// Its version.
    pub(super) version: String,
    /// Bytes of memory of the machine that it runs on.
    pub(super) memory: u64,
    /// Version 2 of cgroups.
    pub(super) unified: bool,
    /// Run by a user without root.
    pub(super) rootless: bool,
    /// Can limit memory, processor time and the number of processes.
    pub(super) limits: bool,
}

impl Engine {
    /// The engine of this machine: the one that kind is told to use, else Docker, else Podman.
    ///
    /// # Errors
    /// [`Error::NoEngine`], [`Error::NotRunning`], [`Error::NotAllowed`].
    pub async fn find(cancel: &CancellationToken) -> Result<Self, Error> {
        let chosen = std::env::var(CHOSEN).ok();
        let all = [Kind::Docker, Kind::Podman];
        let mut there = all.into_iter().filter(|kind| match &chosen {
            Some(chosen) => chosen == kind.program(),
            None => on_path(kind.program()).is_some(),
        });
        let kind = there.next().ok_or(Error::NoEngine)?;
        let info = Tool::new(kind.program()).args(["info", "--format", "{{json .}}"]);
        let told = info.output(ANSWER, cancel).await;
        let told = told.map_err(|error| refused(kind, error))?;
        let about = about(kind, &told)?;
        Ok(Self { kind, about })
    }

    /// Which it is.
    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn about(&self) -> &About {
        &self.about
    }

    /// Refuses what kind's nodes could not start on.
    pub(super) fn check(&self) -> Result<(), Error> {
        let engine = self.kind;
        if let Some(lacking) = self.about.lacks() {
            return Err(Error::Rootless { engine, lacking });
        }
        if self.about.memory < LEAST_MEMORY {
            return Err(Error::TooSmall {
                engine,
                there: self.about.memory,
                needed: LEAST_MEMORY,
            });
        }
        Ok(())
    }

    /// kind, told to use this engine.
    pub(super) fn run(&self, kind: impl AsRef<OsStr>) -> Tool {
        Tool::new(kind).env(CHOSEN, self.kind.program())
    }

    fn tool(&self, verb: &str) -> Tool {
        Tool::new(self.kind.program()).arg(verb)
    }

    /// The nodes of the cluster of kind that is called so, or of all of them.
    pub(super) async fn nodes(
        &self,
        cluster: Option<&str>,
        cancel: &CancellationToken,
    ) -> Result<Vec<Container>, Error> {
        let filter = match cluster {
            Some(name) => format!("label={CLUSTER}={name}"),
            None => format!("label={CLUSTER}"),
        };
        let list = self
            .tool("ps")
            .args(["--all", "--quiet", "--filter", &filter]);
        let ids = list.output(ANSWER, cancel).await?;
        let ids: Vec<&str> = ids.lines().map(str::trim).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let inspect = self.tool("inspect").args(["--type", "container"]).args(ids);
        let told = inspect.output(ANSWER, cancel).await?;
        let mut nodes: Vec<Container> =
            serde_json::from_str(&told).map_err(unreadable(self.kind))?;
        nodes.sort_by(|one, other| one.name().cmp(other.name()));
        Ok(nodes)
    }

    /// Starts containers that were stopped.
    pub(super) async fn start(
        &self,
        names: &[&str],
        cancel: &CancellationToken,
    ) -> Result<(), Error> {
        let start = self.tool("start").args(names);
        Ok(start.output(START, cancel).await.map(drop)?)
    }

    /// The images that the containerd of a node has, by full reference.
    pub(super) async fn images(
        &self,
        node: &str,
        cancel: &CancellationToken,
    ) -> Result<BTreeSet<String>, Error> {
        let list = ["ctr", "--namespace=k8s.io", "images", "list", "--quiet"];
        let list = self.tool("exec").arg(node).args(list);
        let listed = list.output(ANSWER, cancel).await?;
        let names = listed.lines().map(str::trim);
        let by_digest = |name: &&str| name.starts_with("sha256:") || name.contains('@');
        Ok(names
            .filter(|name| !name.is_empty() && !by_digest(name))
            .map(str::to_owned)
            .collect())
    }

    /// Whether an image is there that containers can be made of.
    pub(super) async fn has(
        &self,
        image: &str,
        cancel: &CancellationToken,
    ) -> Result<bool, ProcessError> {
        let inspect = self.tool("inspect").args(["--type", "image", image]);
        match inspect.output(ANSWER, cancel).await {
            Ok(_) => Ok(true),
            Err(ProcessError::Failed { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Gets an image from its registry.
    pub(super) fn pull(&self, image: &str) -> (Tool, Duration) {
        (self.tool("pull").args(["--quiet", image]), IMAGE)
    }

    /// Takes the images of an archive of `docker save`.
    pub(super) fn load(&self, archive: &Path) -> (Tool, Duration) {
        (self.tool("load").arg("--input").arg(archive), IMAGE)
    }
}

impl About {
    /// What kind needs of an engine without root.
    fn lacks(&self) -> Option<&'static str> {
        if !self.rootless {
            None
        } else if !self.unified {
            Some("the machine has no cgroup v2")
        } else if !self.limits {
            Some("systemd delegates it no controllers (`Delegate=yes` for user@.service)")
        } else {
            None
        }
    }
}

/// Why an engine told nothing of itself.
fn refused(kind: Kind, error: ProcessError) -> Error {
    let ProcessError::Failed { stdout, stderr, .. } = &error else {
        return error.into();
    };
    let text = [stdout.as_str(), stderr.as_str()].join("\n");
    let said = text
        .lines()
        .map(str::trim)
        .rfind(|line| line.to_lowercase().contains("daemon") || line.starts_with("Error"))
        .or_else(|| text.lines().map(str::trim).rfind(|line| !line.is_empty()))
        .unwrap_or("it said nothing")
        .to_owned();
    if text.to_lowercase().contains("permission denied") {
        return Error::NotAllowed { engine: kind, said };
    }
    Error::NotRunning { engine: kind, said }
}

fn unreadable(engine: Kind) -> impl Fn(serde_json::Error) -> Error {
    move |error| Error::Unreadable {
        engine,
        problem: error.to_string(),
    }
}

fn about(kind: Kind, told: &str) -> Result<About, Error> {
    let failed = unreadable(kind);
    match kind {
        Kind::Docker => {
            let info: DockerInfo = serde_json::from_str(told).map_err(failed)?;
            // The client answers for a daemon that it does not reach.
            match info
                .server_errors
                .as_ref()
                .and_then(|errors| errors.first())
            {
                Some(said) if said.to_lowercase().contains("permission denied") => {
                    Err(Error::NotAllowed {
                        engine: kind,
                        said: said.clone(),
                    })
                }
                Some(said) => Err(Error::NotRunning {
                    engine: kind,
                    said: said.clone(),
                }),
                None => Ok(info.into()),
            }
        }
        Kind::Podman => {
            let info: PodmanInfo = serde_json::from_str(told).map_err(failed)?;
            Ok(info.into())
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct DockerInfo {
    server_version: String,
    mem_total: u64,
    cgroup_version: String,
    security_options: Option<Vec<String>>,
    memory_limit: bool,
    pids_limit: bool,
    #[serde(rename = "CPUShares")]
    cpu_shares: bool,
    server_errors: Option<Vec<String>>,
}

impl From<DockerInfo> for About {
    fn from(info: DockerInfo) -> Self {
        Self {
            version: info.server_version,
            memory: info.mem_total,
            unified: info.cgroup_version == "2",
            rootless: info
                .security_options
                .iter()
                .flatten()
                .any(|option| option.contains("rootless")),
            limits: info.memory_limit && info.pids_limit && info.cpu_shares,
        }
    }
}

#[derive(Deserialize)]
struct PodmanInfo {
    host: PodmanHost,
    version: PodmanVersion,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodmanHost {
    mem_total: u64,
    cgroup_version: String,
    #[serde(default)]
    cgroup_controllers: Vec<String>,
    security: PodmanSecurity,
}

#[derive(Deserialize)]
struct PodmanSecurity {
    rootless: bool,
}

#[derive(Deserialize)]
struct PodmanVersion {
    #[serde(rename = "Version")]
    version: String,
}

impl From<PodmanInfo> for About {
    fn from(info: PodmanInfo) -> Self {
        let host = info.host;
        let delegated = |name: &&str| host.cgroup_controllers.iter().any(|one| one == name);
        Self {
            version: info.version.version,
            memory: host.mem_total,
            unified: host.cgroup_version == "v2",
            rootless: host.security.rootless,
            limits: ["cpu", "memory", "pids"].iter().all(delegated),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;

    use super::*;

    fn docker(options: &str, cgroup: &str, limits: bool, memory: u64) -> Result<(), Error> {
        let told = format!(
            r#"{{"ServerVersion": "28.2.2", "MemTotal": {memory}, "CgroupVersion": "{cgroup}", "SecurityOptions": [{options}],
            "MemoryLimit": {limits}, "PidsLimit": {limits}, "CPUShares": {limits}, "NCPU": 4}}"#
        );
        let engine = Engine {
            kind: Kind::Docker,
            about: about(Kind::Docker, &told)?,
        };
        engine.check()
    }

    #[test]
    fn an_engine_without_root_needs_delegated_cgroups() {
        let rootless = "\"name=seccomp,profile=default\", \"name=rootless\"";
        docker("", "1", true, 8 << 30).unwrap();
        docker(rootless, "2", true, 8 << 30).unwrap();
        for (cgroup, limits, lacking) in [("1", true, "cgroup v2"), ("2", false, "Delegate=yes")] {
            let error = docker(rootless, cgroup, limits, 8 << 30).unwrap_err();
            assert!(error.to_string().contains(lacking), "{error}");
        }
    }

    #[test]
    fn a_virtual_machine_that_is_too_small_is_refused() {
        let error = docker("", "2", true, 1 << 30).unwrap_err().to_string();
        assert!(error.starts_with("Docker has 1.0 GiB of memory"), "{error}");
    }

    #[test]
    fn podman_without_root_needs_them_too() {
        let told = |controllers: &str| {
            format!(
                r#"{{"host": {{"memTotal": 25000000000, "cgroupVersion": "v2", "cgroupControllers": {controllers},
                "security": {{"rootless": true, "seccompEnabled": true}}}}, "version": {{"Version": "5.4.2"}}}}"#
            )
        };
        let lacks = |controllers| about(Kind::Podman, &told(controllers)).unwrap().lacks();
        assert_eq!(lacks(r#"["cpu", "io", "memory", "pids"]"#), None);
        assert!(lacks(r#"["memory", "pids"]"#).is_some());
    }

    #[test]
    fn a_daemon_that_does_not_run_is_told_from_one_that_refuses() {
        let failed = |stderr: &str| {
            let error = ProcessError::Failed {
                command: "docker info".to_owned(),
                status: ExitStatus::from_raw(256),
                stdout: String::new(),
                stderr: stderr.to_owned(),
            };
            refused(Kind::Docker, error)
        };
        let said = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?";
        let error = failed(&format!(
            "Client:\n Version: 28\n\nServer:\n{said}\nerrors pretty printing info\n"
        ));
        assert!(
            matches!(&error, Error::NotRunning { said: told, .. } if told == said),
            "{error}"
        );
        let denied = "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock";
        assert!(matches!(failed(denied), Error::NotAllowed { .. }));
        // With a format, the client reports on stdout, and well.
        let told = format!(r#"{{"ServerErrors": ["{said}"]}}"#);
        let error = about(Kind::Docker, &told).unwrap_err();
        assert!(matches!(error, Error::NotRunning { .. }), "{error}");
    }
}
