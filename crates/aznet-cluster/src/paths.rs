//! Where things are kept on this machine.

use std::env;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::machine::programs;

/// Where state is kept unless the environment says otherwise.
const STATE: &str = "/var/lib/aznet";
/// The same of sockets.
const RUN: &str = "/run/aznet";
/// The folder of runs of tests.
const RUNS: &str = "runs";

/// The directories aznet writes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    cache: PathBuf,
    state: PathBuf,
    run: PathBuf,
    runs: PathBuf,
}

/// No place to keep the cache could be found.
#[derive(Debug, thiserror::Error)]
#[error(
    "no cache directory: none of AZNET_CACHE, XDG_CACHE_HOME and HOME is set, and the system knows no home of this user; set AZNET_CACHE"
)]
pub struct NoCacheDir;

impl Paths {
    /// The given directories, for tests and for callers with their own rules.
    pub fn new(
        cache: impl Into<PathBuf>,
        state: impl Into<PathBuf>,
        run: impl Into<PathBuf>,
    ) -> Self {
        let state = state.into();
        Self {
            cache: cache.into(),
            runs: state.join(RUNS),
            state,
            run: run.into(),
        }
    }

    /// The directories the environment names, or the usual ones:
    ///
    /// | what | variable | default |
    /// |---|---|---|
    /// | cache | `AZNET_CACHE` | `$XDG_CACHE_HOME/aznet`, else `~/.cache/aznet` |
    /// | state | `AZNET_STATE` | `/var/lib/aznet` |
    /// | run | `AZNET_RUN` | `/run/aznet` |
    /// | runs of tests | `AZNET_STATE`, in `runs` | `$XDG_STATE_HOME/aznet/runs`, else `~/.local/state/aznet/runs` |
    pub fn from_env() -> Result<Self, NoCacheDir> {
        Self::from_lookup(|name| match name {
            "HOME" => programs::home(),
            name => env::var_os(name)
                .filter(|value| !value.is_empty())
                .and_then(|value| std::path::absolute(value).ok()),
        })
    }

    fn from_lookup(var: impl Fn(&str) -> Option<PathBuf>) -> Result<Self, NoCacheDir> {
        let cache = var("AZNET_CACHE")
            .or_else(|| var("XDG_CACHE_HOME").map(|dir| dir.join("aznet")))
            .or_else(|| var("HOME").map(|dir| dir.join(".cache/aznet")))
            .ok_or(NoCacheDir)?;
        // Those of a person: clusters need root, tests on a cluster that is there do not.
        let kept = var("AZNET_STATE")
            .or_else(|| var("XDG_STATE_HOME").map(|dir| dir.join("aznet")))
            .or_else(|| var("HOME").map(|dir| dir.join(".local/state/aznet")))
            .unwrap_or_else(|| STATE.into());
        Ok(Self {
            cache,
            runs: kept.join(RUNS),
            state: var("AZNET_STATE").unwrap_or_else(|| STATE.into()),
            run: var("AZNET_RUN").unwrap_or_else(|| RUN.into()),
        })
    }

    /// What can be made again: tools, images, lock files.
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// What lives as long as a cluster.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Records of runs of tests that named no folder, in a folder each.
    pub fn runs(&self) -> &Path {
        &self.runs
    }

    /// Sockets and pid files, gone after a reboot.
    pub fn run(&self) -> &Path {
        &self.run
    }

    /// The directories for state and sockets that are the usual ones: a folder that somebody named is theirs, even empty.
    pub fn usual(&self) -> impl Iterator<Item = &Path> {
        let both = [(&self.state, STATE), (&self.run, RUN)];
        let usual = both
            .into_iter()
            .filter(|(dir, usual)| dir.as_path() == Path::new(usual));
        usual.map(|(dir, _)| dir.as_path())
    }

    /// Built or downloaded programs: `<group>-<hash>/bin/<program>`.
    pub fn toolchain(&self) -> PathBuf {
        self.cache.join("toolchain")
    }

    /// Built images.
    pub fn images(&self) -> PathBuf {
        self.cache.join("images")
    }

    /// Pre-imported containerd roots, one per image set.
    pub fn store(&self) -> PathBuf {
        self.cache.join("store")
    }

    /// All clusters' state directories.
    pub fn clusters(&self) -> PathBuf {
        self.state.join("clusters")
    }

    /// A cluster's state directory.
    pub fn cluster(&self, name: &str) -> PathBuf {
        self.clusters().join(name)
    }

    /// What is kept of clusters of kind, in a folder each.
    pub fn kind(&self) -> PathBuf {
        self.state.join("kind")
    }

    /// A cluster's sockets and pid files.
    pub fn cluster_run(&self, name: &str) -> PathBuf {
        self.run.join(self.unique(name))
    }

    /// Held by whoever changes a cluster.
    pub fn cluster_lock(&self, name: &str) -> PathBuf {
        self.run.join(format!("{}.lock", self.unique(name)))
    }

    /// The file that names a cluster's network namespace. Not below `/run/netns`: `ip netns` hides what others have
    /// mounted there.
    pub fn netns(&self, name: &str) -> PathBuf {
        self.cluster_run(name).join("netns")
    }

    /// A cluster's cgroup, relative to the root of each hierarchy.
    pub fn cgroup(&self, name: &str) -> PathBuf {
        Path::new("/aznet").join(self.unique(name))
    }

    /// A name that no cluster of another state folder has, for all that the clusters of a machine share: `ci_1f2e3d4c`.
    /// No name of a cluster has an underscore.
    pub fn unique(&self, name: &str) -> String {
        use std::fmt::Write as _;
        let digest = Sha256::digest(self.state.as_os_str().as_encoded_bytes());
        digest[..4]
            .iter()
            .fold(format!("{name}_"), |mut text, byte| {
                let _infallible = write!(text, "{byte:02x}");
                text
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(vars: &[(&str, &str)]) -> Result<Paths, NoCacheDir> {
        Paths::from_lookup(|name| {
            vars.iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| PathBuf::from(value))
        })
    }

    #[test]
    fn the_cache_follows_aznet_then_xdg_then_home() {
        let all = [
            ("AZNET_CACHE", "/a"),
            ("XDG_CACHE_HOME", "/x"),
            ("HOME", "/h"),
        ];
        let cache = |vars| paths(vars).unwrap().cache().to_path_buf();
        assert_eq!(cache(&all[..]), Path::new("/a"));
        assert_eq!(cache(&all[1..]), Path::new("/x/aznet"));
        assert_eq!(cache(&all[2..]), Path::new("/h/.cache/aznet"));
        assert!(paths(&[]).is_err());
    }

    #[test]
    fn runs_are_with_the_state_that_is_named_else_with_the_person() {
        let all = [
            ("AZNET_STATE", "/a"),
            ("XDG_STATE_HOME", "/x"),
            ("HOME", "/h"),
        ];
        let runs = |vars| paths(vars).unwrap().runs().to_path_buf();
        assert_eq!(runs(&all[..]), Path::new("/a/runs"));
        assert_eq!(runs(&all[1..]), Path::new("/x/aznet/runs"));
        assert_eq!(runs(&all[2..]), Path::new("/h/.local/state/aznet/runs"));
        assert_eq!(Paths::new("/c", "/s", "/r").runs(), Path::new("/s/runs"));
    }

    #[test]
    fn names_of_a_cluster_are_derived_from_its_name() {
        let paths = Paths::new("/c", "/s", "/r");
        let unique = paths.unique("a");
        assert_eq!(paths.cluster("a"), Path::new("/s/clusters/a"));
        assert_eq!(paths.cluster_run("a"), Path::new("/r").join(&unique));
        assert_eq!(paths.netns("a"), paths.cluster_run("a").join("netns"));
        assert_eq!(paths.cgroup("a"), Path::new("/aznet").join(&unique));
    }

    #[test]
    fn a_folder_that_somebody_named_is_theirs() {
        let usual = |vars: &[_]| -> Vec<PathBuf> {
            let paths = paths(vars).unwrap();
            paths.usual().map(Path::to_path_buf).collect()
        };
        let home = ("HOME", "/h");
        assert_eq!(
            usual(&[home]),
            ["/var/lib/aznet", "/run/aznet"].map(PathBuf::from)
        );
        assert_eq!(
            usual(&[home, ("AZNET_STATE", "/s")]),
            [PathBuf::from("/run/aznet")]
        );
    }

    #[test]
    fn c03_clusters_of_two_state_folders_share_no_name() {
        let [one, other] = ["/s", "/t"].map(|state| Paths::new("/c", state, "/r"));
        assert_eq!(one.unique("a"), Paths::new("/d", "/s", "/q").unique("a"));
        assert_ne!(one.cgroup("a"), other.cgroup("a"));
        assert_ne!(one.cluster_run("a"), other.cluster_run("a"));
        assert_ne!(one.cluster_lock("a"), other.cluster_lock("a"));
    }
}
