//! The pods of this node and their network namespaces.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use aznet_kit::files::FileError;

/// The node as its `/proc` and the kubelet's folder of logs show it.
#[derive(Debug)]
pub(crate) struct Node {
    logs: PathBuf,
    proc: PathBuf,
}

/// A pod that has been on this node; whether it runs shows its namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pod {
    pub(crate) name: String,
    pub(crate) uid: String,
}

impl Node {
    pub(crate) fn new(logs: &Path, proc: &Path) -> Self {
        Self {
            logs: logs.to_owned(),
            proc: proc.to_owned(),
        }
    }

    /// The pods of a namespace that have a folder of logs, `<namespace>_<name>_<uid>`.
    pub(crate) fn pods(&self, namespace: &str) -> Result<Vec<Pod>, FileError> {
        let failed = |error| FileError::of("list", &self.logs)(error);
        let mut pods = Vec::new();
        for entry in fs::read_dir(&self.logs).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let mut parts = name.to_str().unwrap_or_default().split('_');
            if let (Some(of), Some(name), Some(uid)) = (parts.next(), parts.next(), parts.next())
                && of == namespace
            {
                let (name, uid) = (name.to_owned(), uid.to_owned());
                pods.push(Pod { name, uid });
            }
        }
        Ok(pods)
    }

    /// The network namespace of a pod that runs.
    pub(crate) fn network(&self, pod: &Pod) -> Result<Option<File>, FileError> {
        let failed = |error| FileError::of("list", &self.proc)(error);
        for entry in fs::read_dir(&self.proc).map_err(failed)? {
            let process = entry.map_err(failed)?.path();
            if is_of(&process, &pod.uid)
                && let Some(network) = opened(&process.join("ns/net"))?
            {
                return Ok(Some(network));
            }
        }
        Ok(None)
    }
}

/// Whether a process is of the pod: its cgroup carries the pod's UID, with `_` where systemd makes it.
fn is_of(process: &Path, uid: &str) -> bool {
    let cgroup = fs::read_to_string(process.join("cgroup")).unwrap_or_default();
    cgroup.contains(&format!("pod{uid}"))
        || cgroup.contains(&format!("pod{}", uid.replace('-', "_")))
}

/// `None` if the process has ended meanwhile.
fn opened(path: &Path) -> Result<Option<File>, FileError> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FileError::of("open", path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_are_those_of_the_namespace_and_run_where_a_process_is_in_their_cgroup() {
        let dir = tempfile::tempdir().expect("a folder");
        let (logs, proc) = (dir.path().join("logs"), dir.path().join("proc"));
        for pod in [
            "ns_validator-0_1-2",
            "ns_validator-1_3-4",
            "other_validator-0_5-6",
        ] {
            fs::create_dir_all(logs.join(pod)).expect("a folder");
        }
        for (process, cgroup) in [
            ("1", "0::/init.scope"),
            ("2", "0::/kubepods.slice/kubepods-pod1_2.slice/cri-x.scope"),
            ("3", "9:memory:/aznet/kubepods/burstable/pod5-6/0123"),
        ] {
            let process = proc.join(process);
            fs::create_dir_all(process.join("ns")).expect("a folder");
            fs::write(process.join("ns/net"), "").expect("written");
            fs::write(process.join("cgroup"), cgroup).expect("written");
        }
        let node = Node::new(&logs, &proc);
        let mut pods = node.pods("ns").expect("listed");
        pods.sort();
        let names: Vec<&str> = pods.iter().map(|pod| pod.name.as_str()).collect();
        assert_eq!(names, ["validator-0", "validator-1"]);
        let runs = |pod: &Pod| node.network(pod).expect("looked").is_some();
        assert!(runs(&pods[0]), "systemd's cgroup");
        assert!(!runs(&pods[1]), "no process");
        assert!(runs(&node.pods("other").expect("listed")[0]), "cgroupfs");
    }
}
