//! What the cluster's programs leave in directories of the machine that can't be given another place.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::error::Error;
use super::layout::Layout;
use super::netns;
use aznet_kit::files;

const SHIM_SOCKETS: &str = "/run/containerd/s";
const CNI_RESULTS: &str = "/var/lib/cni/results";
const CONTAINER_LOGS: &str = "/var/log/containers";

/// The sockets of the cluster's shims. To be asked while they run.
pub(crate) fn shim_sockets(layout: &Layout) -> HashSet<PathBuf> {
    let mut sockets = HashSet::new();
    if netns::exists(layout.netns()) {
        let listed = netns::within(layout.netns(), || {
            let path = "/proc/thread-self/net/unix";
            fs::read_to_string(path).map_err(Error::io("read", path))
        });
        let listed = listed.unwrap_or_default();
        let paths = listed
            .lines()
            .filter_map(|line| line.split_whitespace().nth(7));
        sockets.extend(paths.map(PathBuf::from));
    }
    let tasks = layout
        .containerd_state()
        .join("io.containerd.runtime.v2.task/k8s.io");
    for task in entries(&tasks) {
        if let Ok(address) = fs::read_to_string(task.join("address")) {
            let path = address.trim().trim_start_matches("unix://");
            sockets.insert(PathBuf::from(path));
        }
    }
    sockets.retain(|path| path.parent() == Some(Path::new(SHIM_SOCKETS)));
    sockets
}

/// Removes them all.
pub(crate) fn remove(layout: &Layout, shim_sockets: &HashSet<PathBuf>) -> Result<(), Error> {
    for socket in shim_sockets {
        files::remove_if_there(socket)?;
    }
    for file in cni_results(layout.unique(), entries(Path::new(CNI_RESULTS))) {
        files::remove_if_there(&file)?;
    }
    for link in entries(Path::new(CONTAINER_LOGS)) {
        if fs::read_link(&link).is_ok_and(|target| target.starts_with(layout.pod_logs())) {
            files::remove_if_there(&link)?;
        }
    }
    Ok(())
}

/// Removes the directories themselves if nobody has anything in them any more.
pub(crate) fn remove_empty_dirs() {
    let cni = [
        "/var/lib/cni/cache/results",
        "/var/lib/cni/cache",
        CNI_RESULTS,
        "/var/lib/cni",
    ];
    for dir in [SHIM_SOCKETS, "/run/containerd", CONTAINER_LOGS]
        .into_iter()
        .chain(cni)
    {
        // Not empty, or not there: both are fine.
        let _ = fs::remove_dir(dir);
    }
}

/// The results of a network, `<network>-<container>-eth0`, and those of the loopback of the same containers.
fn cni_results(network: &str, files: Vec<PathBuf>) -> Vec<PathBuf> {
    let container = |path: &Path| {
        let name = path.file_name()?.to_str()?;
        let id = name
            .strip_prefix(network)?
            .strip_prefix('-')?
            .strip_suffix("-eth0")?;
        let is_id = id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_id.then(|| id.to_owned())
    };
    let ids: HashSet<String> = files.iter().filter_map(|path| container(path)).collect();
    let ours = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let loopback = name
            .strip_prefix("cni-loopback-")
            .and_then(|name| name.strip_suffix("-lo"));
        container(path).is_some() || loopback.is_some_and(|id| ids.contains(id))
    };
    files.into_iter().filter(ours).collect()
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten();
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_results_of_this_cluster_s_containers_are_taken() {
        let (a, b) = ("a".repeat(64), "b".repeat(64));
        let files = [
            format!("aznet-x-{a}-eth0"),
            format!("cni-loopback-{a}-lo"),
            format!("aznet-x-y-{b}-eth0"),
            format!("cni-loopback-{b}-lo"),
            "aznet-x-short-eth0".into(),
        ];
        let ours = cni_results("aznet-x", files.iter().map(PathBuf::from).collect());
        let expected: Vec<_> = files[..2].iter().map(PathBuf::from).collect();
        assert_eq!(ours, expected);
    }
}
