//! The cluster's cgroups, in every hierarchy the machine has: v1, v2, or both side by side.
//!
//! `/aznet/NAME/system` holds the supervisor and its components, `/aznet/NAME/shims` containerd's shims, and
//! `/aznet/NAME/kubepods` (made by the kubelet) the pods.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::error::Error;
use crate::machine::mounts::{self, Mount};
use crate::machine::process;

/// The v2 controllers that the kubelet and runc put to use, where the kernel has them.
const CONTROLLERS: [&str; 6] = ["cpu", "cpuset", "hugetlb", "io", "memory", "pids"];

/// One mounted hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Hierarchy {
    mount: PathBuf,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// v1 with these properties: whether the cpuset controller is on it.
    V1 { cpuset: bool },
    /// v2 beside v1: carries no resource limits, only membership.
    Hybrid,
    /// v2 alone.
    V2,
}

/// The cgroups of one cluster.
#[derive(Debug, Clone)]
pub(crate) struct Cgroups {
    hierarchies: Vec<Hierarchy>,
    /// Relative to each hierarchy's root.
    path: PathBuf,
}

impl Cgroups {
    /// The cgroups at `path` (absolute within each hierarchy); nothing is made.
    pub(crate) fn at(path: &Path) -> Result<Self, Error> {
        let hierarchies = hierarchies(&mounts::all()?);
        if hierarchies.is_empty() {
            return Err(Error::Cgroup {
                problem: "no cgroup hierarchy is mounted".into(),
            });
        }
        let path = path.strip_prefix("/").unwrap_or(path).to_path_buf();
        Ok(Self { hierarchies, path })
    }

    /// Makes `system` and `shims`, with every controller usable below.
    pub(crate) fn create(&self) -> Result<(), Error> {
        for hierarchy in &self.hierarchies {
            let mut dir = hierarchy.mount.clone();
            for part in &self.path {
                hierarchy.delegate(&dir)?;
                dir.push(part);
                hierarchy.make(&dir)?;
            }
            hierarchy.delegate(&dir)?;
            for leaf in ["system", "shims"] {
                hierarchy.make(&dir.join(leaf))?;
            }
        }
        Ok(())
    }

    /// Moves this process, with all that it will start, into `system`.
    pub(crate) fn enter_system(&self) -> Result<(), Error> {
        for dir in self.dirs("system") {
            let file = dir.join("cgroup.procs");
            fs::write(&file, std::process::id().to_string()).map_err(Error::io("join", &file))?;
        }
        Ok(())
    }

    /// Whether anything of it exists.
    pub(crate) fn exists(&self) -> bool {
        self.dirs("").any(|dir| dir.exists())
    }

    /// Ends all processes in `part` (`""` means all of the cluster) and below, except this one, and says how many
    /// were still there.
    pub(crate) fn kill(&self, part: &str) -> Result<usize, Error> {
        let cluster = Path::new("/").join(&self.path);
        let mut pids = Vec::new();
        for dir in self.dirs(part) {
            thaw(&dir);
            collect_pids(&dir, &mut pids);
        }
        pids.sort_unstable();
        pids.dedup();
        let this = std::process::id();
        let is_in = |pid: i32| is_within(&process::cgroups(pid), &cluster, part);
        pids.retain(|pid| u32::try_from(*pid) != Ok(this) && is_in(*pid));
        for pid in &pids {
            process::kill_if(*pid, || is_in(*pid)).map_err(Error::kernel(format!("kill {pid}")))?;
        }
        Ok(pids.len())
    }

    /// Removes what is empty; says which directories are left.
    pub(crate) fn remove(&self) -> Vec<PathBuf> {
        let mut left = Vec::new();
        for hierarchy in &self.hierarchies {
            remove_tree(&hierarchy.mount.join(&self.path), &mut left);
            if let Some(parent) = self.path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
                // Shared by all clusters: it goes with the last one.
                let _ = fs::remove_dir(hierarchy.mount.join(parent));
            }
        }
        left
    }

    /// Whether no other cluster is there, to be asked after the removal.
    pub(crate) fn was_last(&self) -> bool {
        let shared = self.path.parent().unwrap_or(&self.path);
        let mut hierarchies = self.hierarchies.iter();
        !hierarchies.any(|hierarchy| hierarchy.mount.join(shared).exists())
    }

    fn dirs(&self, part: &str) -> impl Iterator<Item = PathBuf> {
        let path = self.path.join(part);
        self.hierarchies
            .iter()
            .map(move |hierarchy| hierarchy.mount.join(&path))
    }
}

impl Hierarchy {
    fn make(&self, dir: &Path) -> Result<(), Error> {
        match fs::create_dir(dir) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(Error::io("make cgroup", dir)(error));
            }
            _ => {}
        }
        if self.kind == (Kind::V1 { cpuset: true }) {
            inherit(dir, "cpuset.cpus")?;
            inherit(dir, "cpuset.mems")?;
        }
        Ok(())
    }

    /// v2 wants each controller enabled for the children explicitly.
    fn delegate(&self, dir: &Path) -> Result<(), Error> {
        if self.kind != Kind::V2 {
            return Ok(());
        }
        let available = dir.join("cgroup.controllers");
        let available = fs::read_to_string(&available).map_err(Error::io("read", &available))?;
        let file = dir.join("cgroup.subtree_control");
        let enabled = fs::read_to_string(&file).map_err(Error::io("read", &file))?;
        let wanted = |name: &&str| CONTROLLERS.contains(name);
        for controller in available.split_whitespace().filter(wanted) {
            if !enabled.split_whitespace().any(|have| have == controller) {
                fs::write(&file, format!("+{controller}")).map_err(Error::io("write", &file))?;
            }
        }
        Ok(())
    }
}

/// The hierarchies among `mounts`, each once.
fn hierarchies(mounts: &[Mount]) -> Vec<Hierarchy> {
    let mut seen = Vec::new();
    let mut found = Vec::new();
    let any_v1 = mounts.iter().any(|mount| mount.kind == "cgroup");
    for mount in mounts {
        let kind = match mount.kind.as_str() {
            "cgroup" => Kind::V1 {
                cpuset: mount.options.split(',').any(|option| option == "cpuset"),
            },
            "cgroup2" if any_v1 => Kind::Hybrid,
            "cgroup2" => Kind::V2,
            _ => continue,
        };
        if mount.root == Path::new("/") && !seen.contains(&&mount.device) {
            seen.push(&mount.device);
            found.push(Hierarchy {
                mount: mount.point.clone(),
                kind,
            });
        }
    }
    found
}

/// Whether a process with these cgroups belongs to `part` of the cluster. containerd moves its shims in the hierarchies
/// it knows, and leaves them where they were born in all others.
fn is_within(cgroups: &[PathBuf], cluster: &Path, part: &str) -> bool {
    let inside = cluster.join(part);
    let mut own = cgroups
        .iter()
        .filter(|at| at.starts_with(cluster))
        .peekable();
    own.peek().is_some() && own.all(|at| at.starts_with(&inside))
}

/// A new v1 cpuset is empty, and nothing can join it, until it is given CPUs and memory nodes.
fn inherit(dir: &Path, file: &str) -> Result<(), Error> {
    let own = dir.join(file);
    let content = fs::read_to_string(&own).map_err(Error::io("read", &own))?;
    if !content.trim().is_empty() {
        return Ok(());
    }
    let from = dir.parent().unwrap_or(dir).join(file);
    let content = fs::read_to_string(&from).map_err(Error::io("read", &from))?;
    fs::write(&own, content.trim()).map_err(Error::io("write", &own))
}

/// A process frozen by the v1 freezer does not even die.
fn thaw(dir: &Path) {
    for child in children(dir) {
        thaw(&child);
    }
    let file = dir.join("freezer.state");
    if file.exists() {
        let _ = fs::write(file, "THAWED");
    }
}

fn collect_pids(dir: &Path, pids: &mut Vec<i32>) {
    for child in children(dir) {
        collect_pids(&child, pids);
    }
    if let Ok(text) = fs::read_to_string(dir.join("cgroup.procs")) {
        // 0 stands for a process of another pid namespace.
        pids.extend(
            text.lines()
                .filter_map(|line| line.parse::<i32>().ok())
                .filter(|pid| *pid > 0),
        );
    }
}

fn remove_tree(dir: &Path, left: &mut Vec<PathBuf>) {
    for child in children(dir) {
        remove_tree(&child, left);
    }
    match nix::unistd::unlinkat(
        nix::fcntl::AT_FDCWD,
        dir,
        nix::unistd::UnlinkatFlags::RemoveDir,
    ) {
        Ok(()) | Err(Errno::ENOENT) => {}
        Err(_) => left.push(dir.to_path_buf()),
    }
}

fn children(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else {
        return Vec::new();
    };
    entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(device: &str, point: &str, kind: &str, options: &str) -> Mount {
        Mount {
            device: device.into(),
            root: "/".into(),
            point: point.into(),
            kind: kind.into(),
            options: options.into(),
        }
    }

    #[test]
    fn a_shim_left_in_one_hierarchy_is_no_part_of_the_system() {
        let within = |cgroups: &[&str], part| {
            let cgroups: Vec<PathBuf> = cgroups.iter().map(PathBuf::from).collect();
            is_within(&cgroups, Path::new("/aznet/x"), part)
        };
        let shim = ["/aznet/x/shims", "/aznet/x/system"];
        assert!(!within(&shim, "system"));
        assert!(within(&shim, ""));
        assert!(within(&["/aznet/x/system", "/user.slice"], "system"));
        assert!(!within(&["/", "/aznet/x-y/system"], ""));
    }

    #[test]
    fn every_hierarchy_is_found_once() {
        let cpuset = mount("0:1", "/sys/fs/cgroup/cpuset", "cgroup", "rw,cpuset");
        let again = mount("0:1", "/mnt/cpuset", "cgroup", "rw,cpuset");
        let unified = mount("0:2", "/sys/fs/cgroup/unified", "cgroup2", "rw");
        let disk = mount("8:1", "/", "ext4", "rw");
        let found = hierarchies(&[disk, cpuset, again, unified.clone()]);
        let kinds: Vec<Kind> = found.iter().map(|hierarchy| hierarchy.kind).collect();
        assert_eq!(kinds, [Kind::V1 { cpuset: true }, Kind::Hybrid]);
        assert_eq!(hierarchies(&[unified])[0].kind, Kind::V2);
    }
}
