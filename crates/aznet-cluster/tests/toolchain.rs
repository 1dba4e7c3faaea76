//! The toolchain, for real: releases from a server on the loopback, a build by Go, two processes at one lock.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod release_server;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aznet_cluster::parts::toolchain::{
    self, DownloadError, Group, Mode, Program, Settings, Toolchain, ToolchainError,
};
use aznet_cluster::paths::Paths;
use aznet_cluster::progress::{self, Progress, Reporter, State};
use aznet_cluster::source::Source;
use release_server::{Server, Way};
use tokio_util::sync::CancellationToken;

/// A checkout whose releases are small archives on a server of our own.
struct Machine {
    dir: tempfile::TempDir,
    server: Server,
}

impl Machine {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../toolchain");
        for group in Group::ALL {
            let to = dir.path().join("source/toolchain").join(group.name());
            fs::create_dir_all(&to).unwrap();
            for file in ["go.mod", "go.sum"] {
                fs::copy(ours.join(group.name()).join(file), to.join(file)).unwrap();
            }
        }
        let machine = Self {
            dir,
            server: Server::start(),
        };
        let all = Group::ALL.map(|group| machine.entry(group));
        machine.pin(&all.concat());
        machine
    }

    /// Serves an archive of a group's programs and returns its entry in the list of releases.
    fn entry(&self, group: Group) -> String {
        let go_mod = self
            .source()
            .root()
            .join("toolchain")
            .join(group.name())
            .join("go.mod");
        let checksum = self
            .server
            .serve(group.name(), &release_server::archive(group));
        format!(
            "{group}:\n  version: {}\n  url: https://releases.invalid/{group}\n  folder: bin\n  checksum: {{amd64: '{checksum}', arm64: '{checksum}'}}\n",
            version(group, &fs::read_to_string(go_mod).unwrap()),
        )
    }

    fn pin(&self, entries: &str) {
        let path = self.dir.path().join("source/toolchain/releases.yaml");
        fs::write(path, entries).unwrap();
    }

    fn source(&self) -> Source {
        Source::at(self.dir.path().join("source")).unwrap()
    }

    fn paths(&self) -> Paths {
        let at = |name| self.dir.path().join(name);
        Paths::new(at("cache"), at("state"), at("run"))
    }

    async fn ensure(
        &self,
        mode: Mode,
        cancel: &CancellationToken,
    ) -> Result<Toolchain, ToolchainError> {
        self.ensure_reporting(mode, &progress::silent(), cancel)
            .await
    }

    async fn ensure_reporting(
        &self,
        mode: Mode,
        report: &Reporter,
        cancel: &CancellationToken,
    ) -> Result<Toolchain, ToolchainError> {
        let settings = Settings {
            mode,
            mirror: Some(self.server.url()),
            ..Settings::default()
        };
        toolchain::ensure(
            &self.paths(),
            &self.source(),
            &settings,
            &Group::ALL,
            report,
            cancel,
        )
        .await
    }

    async fn download(&self) -> Result<Toolchain, ToolchainError> {
        self.ensure(Mode::Download, &CancellationToken::new()).await
    }

    /// What is in the cache: whole groups only.
    fn cached(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.paths().toolchain()) else {
            return Vec::new();
        };
        let paths = entries.flatten().map(|entry| entry.path());
        paths.filter(|path| path.is_dir()).collect()
    }
}

/// The version of a group's main module.
fn version(group: Group, go_mod: &str) -> String {
    let module = match group {
        Group::Etcd => "go.etcd.io/etcd/server/v3",
        Group::Kubernetes | Group::Kubeadm => "k8s.io/kubernetes",
        Group::Coredns => "github.com/coredns/coredns",
        Group::Versitygw => "github.com/versity/versitygw",
        Group::Helm => "helm.sh/helm/v4",
        Group::OtelCollector => "go.opentelemetry.io/collector/otelcol",
        Group::Prometheus => "github.com/prometheus/prometheus",
        Group::Calico => "github.com/projectcalico/calico",
        Group::ChaosMesh => "github.com/chaos-mesh/chaos-mesh",
        Group::Kind => "sigs.k8s.io/kind",
        Group::LocalPathProvisioner => "github.com/rancher/local-path-provisioner",
        Group::Kwok => "sigs.k8s.io/kwok",
    };
    let mut lines = go_mod
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let line = lines
        .find(|words| words.contains(&module) && words.iter().any(|word| word.starts_with('v')));
    let version = line.unwrap().into_iter().find(|word| word.starts_with('v'));
    version.unwrap().to_owned()
}

fn download_error(outcome: Result<Toolchain, ToolchainError>) -> DownloadError {
    match outcome {
        Err(ToolchainError::Download(error)) => error,
        other => panic!("expected a failed download, got {other:?}"),
    }
}

#[tokio::test]
async fn releases_with_the_pinned_checksum_are_taken_once() {
    let machine = Machine::new();
    let tools = machine.download().await.unwrap();
    for program in Group::ALL.iter().flat_map(|group| group.programs()) {
        let output = Command::new(tools.path(*program)).output().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&output.stdout).trim(),
            program.name()
        );
    }
    let requests = machine.server.requests();
    assert_eq!(machine.download().await.unwrap(), tools);
    assert_eq!(
        machine.server.requests(),
        requests,
        "the second run asked the server"
    );
}

#[tokio::test]
async fn another_checksum_is_an_error_in_every_mode_and_leaves_nothing() {
    let machine = Machine::new();
    machine.server.replace("etcd", b"not what was pinned");
    for mode in [Mode::Download, Mode::Auto] {
        let outcome = machine.ensure(mode, &CancellationToken::new()).await;
        let error = download_error(outcome);
        assert!(
            matches!(error, DownloadError::WrongChecksum { .. }),
            "{error}"
        );
        assert_eq!(machine.cached(), Vec::<PathBuf>::new());
    }
}

#[tokio::test]
async fn a_download_that_breaks_off_is_an_error_that_says_how_far_it_came() {
    let machine = Machine::new();
    machine.server.behave("kubernetes", Way::BreaksOff);
    let error = download_error(machine.download().await);
    assert!(
        matches!(error, DownloadError::Broken { bytes, .. } if bytes > 0),
        "{error:?}"
    );
    assert_eq!(machine.cached().len(), 1, "etcd came before and stays");
    machine.server.behave("kubernetes", Way::Whole);
    machine.download().await.unwrap();
}

#[tokio::test]
async fn an_interrupted_download_ends_at_once_and_leaves_nothing() {
    let machine = Machine::new();
    machine.server.behave("etcd", Way::Stalls);
    let cancel = CancellationToken::new();
    let interrupt = async {
        machine.server.stalled().await;
        cancel.cancel();
    };
    // The server never answers: without the interruption this would not end.
    let (outcome, ()) = tokio::join!(machine.ensure(Mode::Download, &cancel), interrupt);
    assert!(matches!(
        download_error(outcome),
        DownloadError::Cancelled { .. }
    ));
    assert_eq!(machine.cached(), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_release_that_lacks_a_program_or_is_not_pinned_is_named() {
    let machine = Machine::new();
    let helm = release_server::archive(Group::Helm);
    let checksum = machine.server.serve("etcd", &helm);
    let entry = machine.entry(Group::Etcd);
    let old = entry.split('\'').nth(1).unwrap().to_owned();
    machine.server.replace("etcd", &helm);
    machine.pin(&entry.replace(&old, &checksum));
    let error = download_error(machine.download().await);
    assert!(error.to_string().ends_with("holds no bin/etcd"), "{error}");

    machine.pin("{}");
    let error = download_error(machine.download().await);
    assert!(
        matches!(
            error,
            DownloadError::NotPinned {
                group: Group::Etcd,
                ..
            }
        ),
        "{error}"
    );
    assert!(
        error.to_string().contains("AZNET_TOOLCHAIN=auto or build"),
        "{error}"
    );
}

#[tokio::test]
async fn auto_builds_what_no_server_has_and_an_interrupted_build_goes_on() {
    let machine = Machine::new();
    machine.server.behave("etcd", Way::Refuses);
    let cancel = CancellationToken::new();
    let building = Arc::new(Mutex::new(false));
    let (seen, stop) = (Arc::clone(&building), cancel.clone());
    let report: Reporter = Arc::new(move |event: Progress| {
        if event.message.starts_with("building etcd") {
            *seen.lock().unwrap() = true;
            stop.cancel();
        }
    });
    let interrupted = machine.ensure_reporting(Mode::Auto, &report, &cancel).await;
    assert!(
        matches!(interrupted, Err(ToolchainError::Command(_))),
        "{interrupted:?}"
    );
    assert!(*building.lock().unwrap());
    assert_eq!(machine.cached(), Vec::<PathBuf>::new());

    let tools = machine
        .ensure(Mode::Auto, &CancellationToken::new())
        .await
        .unwrap();
    let output = Command::new(tools.path(Program::Etcd))
        .arg("--version")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.starts_with("etcd Version: 3."), "{text}");
}

#[tokio::test]
async fn a_lock_held_by_another_process_is_waited_for_and_told() {
    let machine = Machine::new();
    let folder = machine.paths().toolchain();
    fs::create_dir_all(&folder).unwrap();
    let lock = folder.join(".lock");
    let mut other = Command::new("flock")
        .arg(&lock)
        .args(["sleep", "1"])
        .spawn()
        .unwrap();
    while Command::new("flock")
        .arg("--nonblock")
        .arg(&lock)
        .arg("true")
        .status()
        .unwrap()
        .success()
    {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let waited = Arc::new(Mutex::new(false));
    let seen = Arc::clone(&waited);
    let report: Reporter = Arc::new(move |event: Progress| {
        *seen.lock().unwrap() |= event.state == State::Waiting;
    });
    let cancel = CancellationToken::new();
    machine
        .ensure_reporting(Mode::Download, &report, &cancel)
        .await
        .unwrap();
    assert!(*waited.lock().unwrap(), "nothing was said about the wait");
    assert!(other.wait().unwrap().success());
}
