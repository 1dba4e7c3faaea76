//! What the tests of the embedded cluster share: the parts to build it from, a workload to watch, and looking at what
//! is left on the machine.

use std::collections::BTreeSet;
use std::fs;
use std::future::Future;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aznet_cluster::parts::images::{self, Image};
use aznet_cluster::parts::kubernetes::Minor;
use aznet_cluster::parts::store::{self, Store};
use aznet_cluster::parts::toolchain::{self, Group, Settings};
use aznet_cluster::paths::Paths;
use aznet_cluster::progress::{self, Progress, Reporter};
use aznet_cluster::provider::Cluster;
use aznet_cluster::provider::embedded::{self, Binaries, Error, Images, Info, Options, State};
use aznet_cluster::source::Source;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use tokio_util::sync::CancellationToken;

/// What clusters are built from, and where.
pub struct Parts {
    pub binaries: Binaries,
    pub images: Images,
    pub paths: Paths,
    /// Kept from being removed by other checkouts meanwhile.
    _store: Store,
}

impl Parts {
    /// The parts, or why there are none: only those of the older Kubernetes are built by a test.
    pub async fn find(kubernetes: Minor) -> Result<Self, String> {
        if !nix::unistd::geteuid().is_root() {
            return Err("needs root".into());
        }
        let real = Paths::from_env().map_err(|error| error.to_string())?;
        if !real.store().is_dir() {
            return Err("the images are not built: run `aznet images build`".into());
        }
        let (report, cancel) = (progress::silent(), CancellationToken::new());
        let source = Source::at(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).unwrap();
        let settings = Settings {
            kubernetes,
            ..Settings::from_env().unwrap()
        };
        let programs = toolchain::ensure(&real, &source, &settings, &Group::ALL, &report, &cancel)
            .await
            .unwrap();
        let set = images::ensure(&real, &source, &programs, &Image::ALL, &report, &cancel)
            .await
            .unwrap();
        let store = store::ensure(&real, &set, &report, &cancel).await.unwrap();
        Ok(Self {
            binaries: Binaries::of(&programs),
            images: Images::of(&set, store.path()),
            _store: store,
            paths: Paths::new(real.cache(), "/var/lib/aznet-test", "/run/aznet-test"),
        })
    }

    /// The same parts, for clusters that are kept in another folder.
    pub async fn elsewhere(&self, dir: &Path) -> Self {
        let mut parts = Self::find(Minor::default()).await.unwrap();
        parts.paths = Paths::new(self.paths.cache(), dir.join("state"), dir.join("run"));
        parts
    }

    /// Removes what an earlier, failed run has left.
    pub async fn clear(&self) {
        for info in self.list() {
            self.down(&info.name).await;
        }
    }

    pub fn options(name: &str) -> Options {
        let tests = std::env::current_exe().unwrap();
        let example = tests
            .parent()
            .unwrap()
            .with_file_name("examples")
            .join("supervisor");
        assert!(
            example.exists(),
            "no {}; build the examples",
            example.display()
        );
        Options {
            network_policy: false,
            name: name.to_owned(),
            supervisor: vec![example.into(), "supervise".into()],
        }
    }

    pub async fn up(&self, name: &str) -> Cluster {
        match self.try_up(name, &CancellationToken::new()).await {
            Ok(cluster) => cluster,
            Err(error) => panic!("up {name}: {error}\n{:?}", self.list()),
        }
    }

    pub async fn try_up(&self, name: &str, cancel: &CancellationToken) -> Result<Cluster, Error> {
        self.try_up_told(name, &progress::silent(), cancel).await
    }

    /// Brings it up and cancels that at the `n`th thing that it tells; the error and what it told last.
    pub async fn interrupted_at(&self, name: &str, n: usize) -> (Error, String) {
        let cancel = CancellationToken::new();
        let told = Arc::new(Mutex::new(Vec::new()));
        let report: Reporter = {
            let (cancel, told) = (cancel.clone(), Arc::clone(&told));
            Arc::new(move |event: Progress| {
                let mut told = told.lock().unwrap();
                if told.len() < n {
                    told.push(event.message);
                }
                if told.len() == n {
                    cancel.cancel();
                }
            })
        };
        let outcome = self.try_up_told(name, &report, &cancel).await;
        let told = told.lock().unwrap().clone();
        let last = told.last().cloned().unwrap_or_default();
        match outcome {
            Err(error) => (error, last),
            Ok(_) => panic!("up came to its end, it told only {told:?}"),
        }
    }

    async fn try_up_told(
        &self,
        name: &str,
        report: &Reporter,
        cancel: &CancellationToken,
    ) -> Result<Cluster, Error> {
        let options = Self::options(name);
        embedded::up(
            &self.paths,
            &self.binaries,
            &self.images,
            &options,
            report,
            cancel,
        )
        .await
    }

    pub async fn down(&self, name: &str) {
        let cancel = CancellationToken::new();
        let outcome = embedded::down(&self.paths, name, &progress::silent(), &cancel).await;
        if let Err(error) = outcome {
            assert!(matches!(error, Error::NoSuchCluster { .. }), "{error}");
        }
    }

    pub fn list(&self) -> Vec<Info> {
        embedded::list(&self.paths).unwrap()
    }

    pub fn info(&self, name: &str) -> Info {
        let found = self.list().into_iter().find(|info| info.name == name);
        found.unwrap_or_else(|| panic!("no cluster {name}"))
    }

    pub fn pid(&self, name: &str, component: &str) -> i32 {
        let info = self.info(name);
        let mut components = info.components.iter();
        let component = components.find(|entry| entry.name == component).unwrap();
        component.pid.unwrap()
    }

    pub fn supervisor(&self, name: &str) -> i32 {
        let file = self.paths.cluster_run(name).join("supervisor.json");
        let text = fs::read_to_string(file).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        i32::try_from(value["pid"].as_i64().unwrap()).unwrap()
    }

    /// Ends the component and waits until another process has taken its place.
    pub async fn kill_component(&self, name: &str, component: &str) {
        let pid = self.pid(name, component);
        kill(pid);
        eventually(&format!("{component} runs again"), 30, || async {
            let info = self.info(name);
            let entry = info
                .components
                .iter()
                .find(|entry| entry.name == component)?;
            let back = entry.pid.is_some_and(|now| now != pid) && info.state == State::Running;
            (back && entry.restarts > 0 && entry.last_end.is_some()).then_some(())
        })
        .await;
    }
}

/// Ends a process the hard way.
pub fn kill(pid: i32) {
    let pid = nix::unistd::Pid::from_raw(pid);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
}

/// Waits for `look` to find something.
pub async fn eventually<T, Fut>(what: &str, seconds: u64, look: impl Fn() -> Fut) -> T
where
    Fut: Future<Output = Option<T>>,
{
    let start = Instant::now();
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    loop {
        ticks.tick().await;
        if let Some(found) = look().await {
            return found;
        }
        assert!(
            start.elapsed().as_secs() < seconds,
            "{what}: not so after {seconds}s"
        );
    }
}

/// A server that answers with what is in its volume, and a client that asks it by name.
pub struct Workload {
    client: kube::Client,
    image: String,
}

const WORKLOAD: &str = include_str!("workload.yaml");
const ASK: &str = include_str!("ask.yaml");

impl Workload {
    pub async fn start(cluster: &Cluster, parts: &Parts) -> Self {
        let client = cluster.client().await.unwrap();
        let workload = Self {
            client,
            image: parts.images.base.clone(),
        };
        workload.apply(WORKLOAD).await;
        workload.answers().await;
        workload
    }

    /// The same workload, through another client: the API's port may have changed.
    pub async fn again(&mut self, cluster: &Cluster) {
        self.client = cluster.client().await.unwrap();
    }

    async fn apply(&self, manifest: &str) {
        let manifest = manifest.replace("@IMAGE@", &self.image);
        for document in serde_norway::Deserializer::from_str(&manifest) {
            let object: DynamicObject = serde::Deserialize::deserialize(document).unwrap();
            let types = object.types.clone().unwrap();
            let (group, version) = types
                .api_version
                .split_once('/')
                .unwrap_or(("", &types.api_version));
            let resource =
                ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &types.kind));
            let api: Api<DynamicObject> =
                Api::namespaced_with(self.client.clone(), "default", &resource);
            let name = object.metadata.name.clone().unwrap();
            let params = PatchParams::apply("test").force();
            // The default service account comes a moment after the namespace.
            eventually(&format!("{} {name} is applied", types.kind), 20, || async {
                api.patch(&name, &params, &Patch::Apply(&object)).await.ok()
            })
            .await;
        }
    }

    /// Waits until the server answers through the API's proxy with what was written at its first start.
    pub async fn answers(&self) {
        eventually("the server answers", 90, || async {
            let path = "/api/v1/namespaces/default/pods/echo-0:8000/proxy/";
            let request = http::Request::get(path).body(Vec::new()).unwrap();
            let answer = self.client.request_text(request).await.ok()?;
            answer.contains("written once").then_some(())
        })
        .await;
    }

    /// Asks the server by its name from another pod, which also looks for a way out.
    pub async fn asked_by_name(&self) {
        self.apply(ASK).await;
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), "default");
        let phase = eventually("the asking pod is done", 90, || async {
            let phase = pods.get("ask").await.ok()?.status?.phase?;
            (phase == "Succeeded" || phase == "Failed").then_some(phase)
        })
        .await;
        let log = pods
            .logs("ask", &kube::api::LogParams::default())
            .await
            .unwrap();
        assert_eq!(phase, "Succeeded", "{log}");
        pods.delete("ask", &kube::api::DeleteParams::default().grace_period(0))
            .await
            .unwrap();
    }

    /// The containers of all pods that are to stay, and how often they were restarted.
    pub async fn containers(&self) -> BTreeSet<(String, String, i32)> {
        let pods: Api<Pod> = Api::all(self.client.clone());
        let pods = eventually("the pods", 30, || async {
            pods.list(&ListParams::default()).await.ok()
        })
        .await;
        let pods = pods
            .items
            .into_iter()
            .filter_map(|pod| Some((pod.metadata.name?, pod.status?)));
        pods.filter(|(name, _)| {
            !name.contains("verify") && !name.contains("helper") && name != "ask"
        })
        .flat_map(|(name, status)| {
            let containers = status.container_statuses.unwrap_or_default();
            containers.into_iter().map(move |container| {
                let id = container.container_id.unwrap_or_default();
                (name.clone(), id, container.restart_count)
            })
        })
        .collect()
    }
}

/// What of a cluster can be found on the machine.
pub fn traces(parts: &Parts, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    let dirs = [parts.paths.cluster(name), parts.paths.cluster_run(name)];
    found.extend(
        dirs.iter()
            .filter(|dir| dir.exists())
            .map(|dir| format!("directory {}", dir.display())),
    );
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let ours = |text: &str| {
        dirs.iter()
            .any(|dir| text.contains(&format!("{}/", dir.display())))
    };
    found.extend(
        mounts
            .lines()
            .filter(|line| ours(line))
            .map(|line| format!("mount {line}")),
    );
    if parts.paths.netns(name).exists() {
        found.push("network namespace".into());
    }
    let group = parts.paths.cgroup(name);
    for process in fs::read_dir("/proc").unwrap().filter_map(Result::ok) {
        let read = |file| fs::read(process.path().join(file)).unwrap_or_default();
        let command = String::from_utf8_lossy(&read("cmdline")).replace('\0', " ");
        let cgroups = String::from_utf8_lossy(&read("cgroup")).into_owned();
        // One without a command line is a zombie: a child of this test that is gone but not yet waited for.
        let in_cgroup = cgroups.contains(&format!("{}/", group.display())) && !command.is_empty();
        if ours(&command) || in_cgroup {
            found.push(format!("process {command}"));
        }
    }
    for hierarchy in hierarchies() {
        let dir = in_hierarchy(&hierarchy, &group);
        found.extend(dir.exists().then(|| format!("cgroup {}", dir.display())));
    }
    for dir in ["/var/lib/cni/results", "/var/log/containers"] {
        let entries = fs::read_dir(dir)
            .into_iter()
            .flatten()
            .filter_map(Result::ok);
        let target = |path: &Path| {
            fs::read_link(path)
                .unwrap_or_default()
                .display()
                .to_string()
        };
        let stray = entries.map(|entry| entry.path()).filter(|path| {
            path.display()
                .to_string()
                .contains(&format!("/{}-", parts.paths.unique(name)))
                || ours(&target(path))
        });
        found.extend(stray.map(|path| path.display().to_string()));
    }
    found
}

fn in_hierarchy(hierarchy: &Path, group: &Path) -> PathBuf {
    hierarchy.join(group.strip_prefix("/").unwrap())
}

fn hierarchies() -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let cgroups = mounts.lines().filter(|line| line.contains(" - cgroup"));
    cgroups
        .map(|line| line.split(' ').nth(4).unwrap().into())
        .collect()
}

/// Whether no cluster runs: the settings of the machine are as they were only when the last one is gone.
fn is_alone() -> bool {
    hierarchies().iter().all(|dir| !dir.join("aznet").exists())
}

/// The settings of the machine that a kubelet changes.
fn host_settings() -> [String; 4] {
    let names = [
        "vm/overcommit_memory",
        "vm/panic_on_oom",
        "kernel/panic",
        "kernel/panic_on_oops",
    ];
    names.map(|name| fs::read_to_string(format!("/proc/sys/{name}")).unwrap())
}

/// The machine before a test, to compare with after it; `None` if others' clusters run, which keep its settings.
pub struct Machine(Option<[String; 4]>);

impl Machine {
    pub fn now() -> Self {
        Self(is_alone().then(host_settings))
    }

    /// Checks that it is; the error is why that can't be told.
    pub fn is_as_before(&self) -> Result<(), String> {
        let Some(before) = &self.0 else {
            return Err("settings of the machine: another cluster ran before the test".into());
        };
        assert!(is_alone(), "a cluster is left");
        assert_eq!(before, &host_settings(), "settings of the machine");
        Ok(())
    }
}

/// What a reboot does to a cluster, as near as can be: all processes end at once, and so do mounts, the network
/// namespace and everything under the run directory.
pub async fn reboot(parts: &Parts, name: &str) {
    kill(parts.supervisor(name));
    let dirs: Vec<PathBuf> = hierarchies()
        .into_iter()
        .map(|dir| in_hierarchy(&dir, &parts.paths.cgroup(name)))
        .collect();
    eventually("all processes are gone", 20, || async {
        let mut pids = Vec::new();
        for dir in &dirs {
            collect_pids(dir, &mut pids);
        }
        for pid in &pids {
            let pid = nix::unistd::Pid::from_raw(*pid);
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
        }
        pids.is_empty().then_some(())
    })
    .await;
    eventually("all cgroups are gone", 20, || async {
        for dir in &dirs {
            remove_cgroups(dir);
        }
        dirs.iter().all(|dir| !dir.exists()).then_some(())
    })
    .await;
    let (state, run, netns) = (
        parts.paths.cluster(name),
        parts.paths.cluster_run(name),
        parts.paths.netns(name),
    );
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    for point in mounts
        .lines()
        .rev()
        .map(|line| Path::new(line.split(' ').nth(4).unwrap()))
    {
        if point.starts_with(&state) || point.starts_with(&run) || point == netns {
            nix::mount::umount2(point, nix::mount::MntFlags::MNT_DETACH).unwrap();
        }
    }
    fs::remove_dir_all(run).unwrap();
}

fn collect_pids(dir: &Path, pids: &mut Vec<i32>) {
    let procs = fs::read_to_string(dir.join("cgroup.procs")).unwrap_or_default();
    pids.extend(procs.lines().map(|line| line.parse::<i32>().unwrap()));
    for dir in subdirs(dir) {
        collect_pids(&dir, pids);
    }
}

fn remove_cgroups(dir: &Path) {
    for dir in subdirs(dir) {
        remove_cgroups(&dir);
    }
    let _ = fs::remove_dir(dir);
}

fn subdirs(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .filter_map(Result::ok);
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

/// Resident memory of the control plane and the node's programs, without pods and shims, in MB: anonymous and shared.
pub fn memory(parts: &Parts, name: &str) -> (u64, Vec<String>) {
    let mut total = 0;
    let mut lines = Vec::new();
    let dir = hierarchies()
        .into_iter()
        .map(|dir| in_hierarchy(&dir, &parts.paths.cgroup(name)).join("system"))
        .find(|dir| dir.exists());
    let mut pids = Vec::new();
    collect_pids(&dir.unwrap(), &mut pids);
    for pid in pids {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let field = |key: &str| {
            status
                .lines()
                .find_map(|line| line.strip_prefix(key))
                .unwrap_or("")
                .trim()
                .to_owned()
        };
        let kb: u64 = field("VmRSS:").trim_end_matches(" kB").parse().unwrap_or(0);
        total += kb / 1024;
        lines.push(format!("{} {} MB", field("Name:"), kb / 1024));
    }
    (total, lines)
}

/// The network namespace of a process.
pub fn netns_of(pid: i32) -> u64 {
    fs::metadata(format!("/proc/{pid}/ns/net")).unwrap().ino()
}
