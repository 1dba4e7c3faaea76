//! A Docker for a test: its own network namespace, folders, daemon; all of it goes with it.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Docker asks for a capability with `--privileged` that not every machine gives; the runtime is asked for the rest.
const RUNTIME: &str = r#"#!/bin/bash
previous=
for argument in "$@"; do
  case $previous in
    --bundle) file=$argument/config.json ;;
    --process) file=$argument ;;
    *) file= ;;
  esac
  [ -z "$file" ] || sed -i -e 's/"CAP_SYS_RESOURCE",//g' -e 's/,"CAP_SYS_RESOURCE"//g' "$file"
  previous=$argument
done
exec runc "$@"
"#;
/// What docker needs to start, and to end.
const DAEMON: Duration = Duration::from_mins(2);
/// The image of nodes is found, and the first container made.
const NODES: Duration = Duration::from_mins(15);

/// A machine with a Docker.
pub(crate) struct Machine {
    folder: tempfile::TempDir,
    namespace: String,
    daemon: Child,
    base: String,
}

impl Machine {
    /// Starts it, or says why there can't be one.
    pub(crate) fn start() -> Result<Self, String> {
        if std::env::var_os("AZNET_TEST_KIND").is_none() {
            return Err("set AZNET_TEST_KIND=1 to run them".to_owned());
        }
        if !nix::unistd::geteuid().is_root() {
            return Err("needs root".to_owned());
        }
        for program in ["dockerd", "docker", "containerd", "runc", "nsenter", "ip"] {
            let there = aznet_kit::process::on_path(program);
            there.ok_or_else(|| format!("`{program}` is not on the PATH"))?;
        }
        // Here, since the machine's namespace reaches no registry.
        let aznet = env!("CARGO_BIN_EXE_aznet");
        succeed(Command::new(aznet).args(["images", "build", "--kind", "--chaos"]))?;
        let base = built("base")?;
        let folder = tempfile::tempdir_in("/var/tmp").map_err(|error| error.to_string())?;
        let namespace = format!("aznet-kind-{}", std::process::id());
        succeed(Command::new("ip").args(["netns", "add", &namespace]))?;
        succeed(Command::new("ip").args(["-n", &namespace, "link", "set", "lo", "up"]))?;
        let daemon = daemon(folder.path(), &namespace)?;
        let machine = Self {
            folder,
            namespace,
            daemon,
            base,
        };
        machine.answers()?;
        machine.give_image()?;
        Ok(machine)
    }

    fn answers(&self) -> Result<(), String> {
        let begun = Instant::now();
        while !self
            .command("docker")
            .arg("version")
            .output()
            .is_ok_and(|out| out.status.success())
        {
            if begun.elapsed() > DAEMON {
                let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                return Err(format!("dockerd does not answer: {log}"));
            }
            aznet_kit::wait::pause(Duration::from_millis(200));
        }
        Ok(())
    }

    /// An empty image, for what stands in for nodes of other people.
    fn give_image(&self) -> Result<(), String> {
        let tar = self.folder.path().join("empty.tar");
        succeed(
            Command::new("tar")
                .arg("-cf")
                .arg(&tar)
                .args(["-T", "/dev/null"]),
        )?;
        succeed(
            self.command("docker")
                .arg("import")
                .arg(&tar)
                .arg("theirs:1"),
        )
    }

    /// An image that containers can be made of.
    #[expect(clippy::unused_self, reason = "it is this machine's")]
    pub(crate) fn image(&self) -> &'static str {
        "theirs:1"
    }

    /// That image, as `docker save` writes it.
    pub(crate) fn saved(&self) -> String {
        let archive = self.folder.path().join("theirs.tar");
        let archive = archive.to_str().unwrap().to_owned();
        self.docker(&["save", "--output", &archive, self.image()]);
        archive
    }

    /// An image with a shell that clusters have from the start.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The folder in which aznet keeps state.
    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// A program in the machine's network, with its Docker.
    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net=/run/netns/{}", self.namespace))
            .arg(program)
            .env("DOCKER_HOST", socket(self.folder.path()))
            .env("AZNET_STATE", self.state())
            .env("AZNET_RUN", self.folder.path().join("run"))
            .env_remove("AZNET_CLUSTER");
        command
    }

    /// What docker says.
    pub(crate) fn docker(&self, args: &[&str]) -> String {
        said(self.command("docker").args(args))
    }

    /// All containers.
    pub(crate) fn containers(&self) -> Vec<String> {
        let all = self.docker(&["ps", "--all", "--quiet", "--no-trunc"]);
        all.lines().map(str::to_owned).collect()
    }

    /// What kubectl says on the control plane.
    pub(crate) fn kubectl(&self, args: &[&str]) -> String {
        let words = ["exec", "tier-control-plane", "kubectl"];
        self.docker(&[&words, args].concat())
    }

    /// How aznet ends, and what it says.
    pub(crate) fn aznet(&self, args: &[&str]) -> (Option<i32>, String) {
        let output = self
            .command(env!("CARGO_BIN_EXE_aznet"))
            .args(args)
            .output();
        let output = output.unwrap();
        (output.status.code(), text(&output))
    }

    /// The document that aznet prints.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let output = self
            .command(env!("CARGO_BIN_EXE_aznet"))
            .args(args)
            .output();
        serde_json::from_slice(&output.unwrap().stdout).unwrap()
    }

    /// What aznet says when it is interrupted once the first container is there.
    pub(crate) fn interrupted(&self, args: &[&str]) -> String {
        let mut aznet = self.command(env!("CARGO_BIN_EXE_aznet"));
        let aznet = aznet
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let aznet = aznet.spawn().unwrap();
        let begun = Instant::now();
        while self.containers().is_empty() {
            assert!(begun.elapsed() < NODES, "no container was made");
            aznet_kit::wait::pause(Duration::from_millis(100));
        }
        let pid = nix::unistd::Pid::from_raw(aznet.id().try_into().unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
        text(&aznet.wait_with_output().unwrap())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let all = self.containers();
        if !all.is_empty() {
            let all: Vec<&str> = all.iter().map(String::as_str).collect();
            self.docker(&[&["rm", "--force", "--volumes"], all.as_slice()].concat());
        }
        let pid = nix::unistd::Pid::from_raw(self.daemon.id().try_into().unwrap());
        let _ended = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let _status = self.daemon.wait();
        let _gone = Command::new("ip")
            .args(["netns", "delete", &self.namespace])
            .status();
    }
}

fn socket(folder: &Path) -> String {
    format!("unix://{}/docker.sock", folder.display())
}

fn daemon(folder: &Path, namespace: &str) -> Result<Child, String> {
    let runtime = folder.join("runtime");
    let write =
        |path: &Path, text: String| fs::write(path, text).map_err(|error| error.to_string());
    write(&runtime, RUNTIME.to_owned())?;
    let executable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(&runtime, executable).map_err(|error| error.to_string())?;
    let mut config = json!({
        "runtimes": {"fewer": {"path": runtime}}, "default-runtime": "fewer",
        "data-root": folder.join("data"), "exec-root": folder.join("exec"), "pidfile": folder.join("pid"),
        "hosts": [socket(folder)], "log-level": "warn",
    });
    if let Ok(cgroup) = std::env::var("AZNET_TEST_CGROUP") {
        config["cgroup-parent"] = json!(cgroup);
    }
    let file = folder.join("daemon.json");
    write(&file, config.to_string())?;
    let log = File::create(folder.join("log")).map_err(|error| error.to_string())?;
    let started = Command::new("nsenter")
        .arg(format!("--net=/run/netns/{namespace}"))
        .arg("dockerd")
        .arg("--config-file")
        .arg(&file)
        .arg("--oom-score-adjust=0")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn();
    started.map_err(|error| format!("dockerd: {error}"))
}

/// The reference of an image in the cache.
fn built(image: &str) -> Result<String, String> {
    let paths = aznet_cluster::paths::Paths::from_env().map_err(|error| error.to_string())?;
    let all = aznet_cluster::parts::images::list(&paths).map_err(|error| error.to_string())?;
    let found = all.into_iter().filter(|built| built.image.name() == image);
    let reference = found.map(|built| built.reference).next_back();
    reference.ok_or_else(|| format!("`aznet images build` made no `{image}`"))
}

fn text(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    format!("{out}{err}")
}

fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", text(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", text(&output)))
}
