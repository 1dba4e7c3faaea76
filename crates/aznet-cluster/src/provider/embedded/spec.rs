//! What a cluster is made of: given to `up`, kept in `cluster.json`, read by the supervisor.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::layout::Layout;
use super::name::check_name;
use crate::parts::kubernetes::{self, Minor};
use crate::paths::Paths;
use aznet_kit::files::{self, Access};
use aznet_kit::process::find_in;

/// Where the programs are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binaries {
    /// Directories searched, in this order, for `etcd`, `kube-apiserver`, `kube-controller-manager`, `kube-scheduler`,
    /// `kubelet`, `kube-proxy`, `containerd`, `ctr`, `runc`, `nft`, `iptables`, `setpriv` and `mount`; they also are
    /// the components' `PATH`.
    pub search: Vec<PathBuf>,
    /// The directory of the CNI plugins `ptp`, `host-local`, `portmap` and `loopback`.
    pub cni: PathBuf,
    /// The version of those that are Kubernetes' own, such as `v1.37.2`.
    #[serde(default = "unnamed_kubernetes")]
    pub kubernetes: String,
}

/// What all clusters were made of before they kept it.
fn unnamed_kubernetes() -> String {
    "v1.34.4".to_owned()
}

impl Binaries {
    /// The full path of `program`.
    ///
    /// # Errors
    /// [`Error::ProgramMissing`] with the directories searched.
    pub fn find(&self, program: &str) -> Result<PathBuf, Error> {
        find(program, &self.search)
    }

    /// Checks that all programs a cluster needs are there.
    ///
    /// # Errors
    /// [`Error::ProgramMissing`] for the first one that is not.
    pub fn check(&self) -> Result<(), Error> {
        const PROGRAMS: [&str; 13] = [
            "etcd",
            "kube-apiserver",
            "kube-controller-manager",
            "kube-scheduler",
            "kubelet",
            "kube-proxy",
            "containerd",
            "ctr",
            "runc",
            "nft",
            "iptables",
            "setpriv",
            "mount",
        ];
        for program in PROGRAMS {
            self.find(program)?;
        }
        for plugin in ["ptp", "host-local", "portmap", "loopback"] {
            find(plugin, std::slice::from_ref(&self.cni))?;
        }
        Ok(())
    }

    /// Checks that the programs are there that enforce network policies.
    ///
    /// # Errors
    /// [`Error::ProgramMissing`] for the first one that is not.
    pub(crate) fn check_policy(&self) -> Result<(), Error> {
        for program in ["calico-felix", "calico", "ipset", "iptables", "unshare"] {
            self.find(program)?;
        }
        Ok(())
    }
}

fn find(program: &str, search: &[PathBuf]) -> Result<PathBuf, Error> {
    find_in(Path::new(program), search.iter().cloned()).ok_or_else(|| {
        let searched: Vec<_> = search.iter().map(|dir| dir.display().to_string()).collect();
        Error::ProgramMissing {
            program: program.to_owned(),
            searched: searched.join(", "),
        }
    })
}

/// The images a cluster starts with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Images {
    /// A containerd root directory that has them imported and unpacked, with nobody using it; it is cloned.
    pub store: PathBuf,
    /// The pause image: its entry point sleeps until told to end.
    pub pause: String,
    /// CoreDNS, the binary at `/coredns`.
    pub coredns: String,
    /// A small Debian: bash, coreutils, getent.
    pub base: String,
    /// All images of the set with their archives. A cluster that lacks one imports it from there.
    pub archives: Vec<Archive>,
}

/// An image and the OCI archive that holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archive {
    /// The fully normalised reference, such as `localhost/aznet/base:1f2e`.
    pub image: String,
    /// The archive.
    pub path: PathBuf,
}

/// What a cluster is made of, as kept in its `cluster.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Spec {
    /// The cluster's name.
    pub(crate) name: String,
    /// The port on the host's 127.0.0.1 that leads to the API.
    pub(crate) port: u16,
    /// Its folder under the run folder that was in use last.
    #[serde(default)]
    pub(crate) run: Option<PathBuf>,
    /// When it was made, RFC 3339.
    pub(crate) created: jiff::Timestamp,
    /// Where the programs are.
    pub(crate) binaries: Binaries,
    /// The images it was made with.
    pub(crate) images: Images,
    /// Whether it enforces network policies: with Calico's plugin and daemon instead of plain links.
    #[serde(default)]
    pub(crate) network_policy: bool,
}

impl Spec {
    /// The spec kept for the cluster, `None` if there is none.
    pub(crate) fn load(layout: &Layout) -> Result<Option<Self>, Error> {
        let path = layout.spec();
        let Some(text) = files::read_if_there(&path)? else {
            return Ok(None);
        };
        serde_json::from_slice(&text)
            .map(Some)
            .map_err(|source| Error::State {
                name: layout.name().to_owned(),
                path,
                source,
            })
    }

    /// The minor release it is made of.
    ///
    /// # Errors
    /// [`Error::NoKubernetes`] if this aznet has no programs of it.
    pub(crate) fn kubernetes(&self) -> Result<Minor, Error> {
        let version = &self.binaries.kubernetes;
        kubernetes::line(version)
            .parse()
            .map_err(|_| Error::NoKubernetes {
                name: self.name.clone(),
                version: version.clone(),
            })
    }

    /// A cluster stays of the minor release it was made of; patches of that one it takes.
    ///
    /// # Errors
    /// [`Error::OtherKubernetes`] if `line` is another one.
    pub(crate) fn stays_of(&self, line: &str) -> Result<(), Error> {
        let version = &self.binaries.kubernetes;
        if kubernetes::line(version) == line {
            return Ok(());
        }
        Err(Error::OtherKubernetes {
            name: self.name.clone(),
            version: version.clone(),
            asked: line.to_owned(),
        })
    }

    /// Keeps it.
    pub(crate) fn save(&self, layout: &Layout) -> Result<(), Error> {
        Ok(files::write_json(&layout.spec(), self, Access::Private)?)
    }
}

/// Whether the cluster `name` was made to enforce network policies; `false` if there is none.
///
/// # Errors
/// When what is kept about it can't be read.
pub fn enforces_policies(paths: &Paths, name: &str) -> Result<bool, Error> {
    check_name(name)?;
    let spec = Spec::load(&Layout::new(paths, name))?;
    Ok(spec.is_some_and(|spec| spec.network_policy))
}

/// The Kubernetes that the cluster `name` is made of; if there is none yet, the one asked for or else the newest.
///
/// # Errors
/// When the cluster is of another one than is asked for, or of one that this aznet has no programs of.
pub fn kubernetes_of(paths: &Paths, name: &str, asked: Option<Minor>) -> Result<Minor, Error> {
    check_name(name)?;
    let Some(spec) = Spec::load(&Layout::new(paths, name))? else {
        return Ok(asked.unwrap_or_default());
    };
    if let Some(asked) = asked {
        spec.stays_of(asked.name())?;
    }
    spec.kubernetes()
}

/// The part of the program search path that is always there, for mount helpers and the like.
pub(crate) fn search_path(binaries: &Binaries) -> String {
    let system = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(Path::new);
    let given = binaries.search.iter().map(PathBuf::as_path);
    let mut dirs: Vec<String> = Vec::new();
    for dir in given.chain(system) {
        let dir = dir.display().to_string();
        if !dirs.contains(&dir) {
            dirs.push(dir);
        }
    }
    dirs.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named_with_the_places_searched() {
        let binaries = Binaries {
            search: vec!["/nowhere".into(), "/neither".into()],
            cni: "/nowhere".into(),
            kubernetes: "v1.37.2".into(),
        };
        let text = binaries.find("etcd").unwrap_err().to_string();
        assert!(text.contains("`etcd` in /nowhere, /neither"), "{text}");
    }

    fn kept(dir: &Path, kubernetes: Option<&str>) -> Paths {
        let paths = Paths::new(dir, dir, dir);
        let mut spec = serde_json::json!({
            "name": "ci",
            "port": 1,
            "created": "2026-11-25T00:00:00Z",
            "binaries": { "search": [], "cni": "/" },
            "images": { "store": "/", "pause": "", "coredns": "", "base": "", "archives": [] },
        });
        if let Some(version) = kubernetes {
            spec["binaries"]["kubernetes"] = version.into();
        }
        let file = Layout::new(&paths, "ci").spec();
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, spec.to_string()).unwrap();
        paths
    }

    #[test]
    fn a_cluster_stays_of_the_kubernetes_it_was_made_of() {
        let dir = tempfile::tempdir().unwrap();
        let paths = kept(dir.path(), Some("v1.35.1"));
        let of = |name, asked| kubernetes_of(&paths, name, asked);
        assert_eq!(of("ci", None).unwrap(), Minor::V1_35);
        assert_eq!(of("ci", Some(Minor::V1_35)).unwrap(), Minor::V1_35);
        let error = of("ci", Some(Minor::V1_37)).unwrap_err().to_string();
        assert!(error.contains("of Kubernetes v1.35.1, not 1.37"), "{error}");
        assert_eq!(of("new", None).unwrap(), Minor::default());
        assert_eq!(of("new", Some(Minor::V1_35)).unwrap(), Minor::V1_35);
    }

    #[test]
    fn a_cluster_of_a_kubernetes_that_is_gone_is_refused_and_named() {
        let dir = tempfile::tempdir().unwrap();
        let paths = kept(dir.path(), None);
        let error = kubernetes_of(&paths, "ci", None).unwrap_err().to_string();
        assert!(error.contains("v1.34.4"), "{error}");
        assert!(error.contains("1.37 or 1.35"), "{error}");
        assert!(error.contains("aznet cluster down ci"), "{error}");
    }

    #[test]
    fn the_search_path_names_each_directory_once() {
        let binaries = Binaries {
            search: vec!["/opt/x".into(), "/usr/bin".into()],
            cni: "/".into(),
            kubernetes: "v1.37.2".into(),
        };
        assert_eq!(
            search_path(&binaries),
            "/opt/x:/usr/bin:/usr/sbin:/sbin:/bin"
        );
    }
}
