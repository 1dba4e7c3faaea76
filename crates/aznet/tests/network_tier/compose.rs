//! A stranger without Kubernetes joins the network: somebody with a Docker of their own, on a machine that reaches the cluster, who
//! does what the bundle's page for Docker Compose says.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aznet_cluster::paths::Paths;
use serde_json::Value;
use tempfile::TempDir;

use super::checks::{expect, number};
use super::machine::{CLUSTER, Checked, Machine, kubectl, status, tail};
use super::registry::{self, Registry};
use super::{join, rollout};

/// The check's name.
pub(crate) const CHECK: &str = "a_stranger_joins_by_docker_compose";
/// Addresses of the stranger's containers.
pub(crate) const ADDRESSES: &str = "10.123.0.0/16";

/// Why the check can't run, if so.
pub(crate) fn missing() -> Option<String> {
    let answers = |program: &str, args: &[&str]| {
        let run = Command::new(program).args(args).output();
        run.is_ok_and(|output| output.status.success())
    };
    let needed: [(&str, &[&str]); 3] = [
        ("dockerd", &["--version"]),
        ("docker", &["--version"]),
        ("docker", &["compose", "version"]),
    ];
    let lacks = needed.into_iter().find(|(name, args)| !answers(name, args));
    lacks.map(|(program, args)| format!("`{program} {}` does not work", args.join(" ")))
}

/// Syncs to the network's own blocks, has peers, and goes on with them.
pub(crate) fn full_node(_: &Machine) -> Checked {
    let before = number(&status()?["tips"]["checkpointed"]);
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let bundle = folder.path().join("bundle");
    join::given("full-node", &bundle)?;
    join::put(&bundle, "address", &address()?)?;
    let docker = Docker::start()?;
    docker.has_the_images(&bundle)?;
    let script = join::commands(&bundle.join("COMPOSE.md"), "docker compose up")?;
    let ask = |method: &str, params: &Value| docker.call(&bundle, method, params);
    let joined = join::done(
        docker
            .inside("bash")
            .args(["-eu", "-c", &script])
            .current_dir(&bundle),
    )
    .and_then(|()| join::follows(&ask, before))
    .and_then(|()| docker.is_closed_to_others())
    .map_err(|error| format!("{error}\n{}", docker.logs(&bundle)));
    let gone = docker.compose(&bundle, &["down", "--volumes"]).map(drop);
    joined.and(gone)
}

/// The machine's address, as the cluster's pods see it.
fn address() -> Result<String, String> {
    let path = r#"jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}"#;
    kubectl(&["get", "nodes", "-o", path])
}

/// A Docker that reaches the cluster and resolves its names.
struct Docker {
    process: Child,
    folder: TempDir,
    network: PathBuf,
}

impl Docker {
    fn start() -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let paths = Paths::from_env().map_err(|error| error.to_string())?;
        let network = paths.netns(CLUSTER.trim_start_matches("embedded:"));
        let names = ["get", "service", "kube-dns", "-n", "kube-system"];
        let names = kubectl(&[&names[..], &["-o", "jsonpath={.spec.clusterIP}"]].concat())?;
        let at = |name: &str| folder.path().join(name).display().to_string();
        let log = File::create(at("log")).map_err(|error| error.to_string())?;
        let process = within(&network, "dockerd")
            .arg(format!("--host=unix://{}", at("socket")))
            .arg(format!("--data-root={}", at("data")))
            .arg(format!("--exec-root={}", at("exec")))
            .arg(format!("--pidfile={}", at("pid")))
            // The cluster's own rules are left alone, and no bridge but those of networks stays behind.
            .args(["--iptables=false", "--ip6tables=false", "--bridge=none"])
            .arg(format!("--default-address-pool=base={ADDRESSES},size=24"))
            .args([
                "--dns",
                names.trim(),
                "--dns-search=cluster.local",
                "--dns-opt=ndots:5",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|error| format!("dockerd could not be started: {error}"))?;
        let docker = Self {
            process,
            folder,
            network,
        };
        rollout::wait_for("an answer of dockerd", Duration::from_mins(1), || {
            docker.run(&["version"])
        })
        .map_err(|error| format!("{error}\n{}", docker.said()))?;
        Ok(docker)
    }

    /// The end of dockerd's log.
    fn said(&self) -> String {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        tail(&log, 20)
    }

    /// A program beside the cluster, whose Docker is this one.
    fn inside(&self, program: &str) -> Command {
        let mut command = within(&self.network, program);
        let socket = self.folder.path().join("socket");
        command.env("DOCKER_HOST", format!("unix://{}", socket.display()));
        command
    }

    fn run(&self, args: &[&str]) -> Result<String, String> {
        output(self.inside("docker").args(args))
    }

    fn compose(&self, bundle: &Path, args: &[&str]) -> Result<String, String> {
        output(
            self.inside("docker")
                .arg("compose")
                .args(args)
                .current_dir(bundle),
        )
    }

    /// Gets the images from a registry, and gives them the names that the bundle has.
    fn has_the_images(&self, bundle: &Path) -> Checked {
        let folder = self.folder.path().join("registry");
        std::fs::create_dir(&folder).map_err(|error| error.to_string())?;
        let (port, login) = (registry::free_port()?, folder.join("config.json"));
        let registry = Registry::start(&folder, port, None)?;
        registry.login(&login)?;
        let pushed = registry.pushed(&login, "aztec,aznet-node")?;
        registry.stop();
        let _inside = Registry::start(&folder, port, Some(registry::containerd()?))?;
        let text =
            std::fs::read_to_string(bundle.join("values.yaml")).map_err(|e| e.to_string())?;
        let values: Value = serde_norway::from_str(&text).map_err(|error| error.to_string())?;
        for key in ["aztec", "aznetNode"] {
            let [from, name] = [&pushed, &values].map(|one| one["images"][key]["image"].as_str());
            let (Some(from), Some(name)) = (from, name) else {
                return Err(format!("no image {key} in {pushed} or {values}"));
            };
            output(
                self.inside("docker")
                    .args(["pull", "--quiet", from])
                    .env("DOCKER_CONFIG", &folder),
            )?;
            self.run(&["tag", from, name])?;
        }
        Ok(())
    }

    /// What the stranger's node answers.
    fn call(&self, bundle: &Path, method: &str, params: &Value) -> Result<Value, String> {
        let params = params.to_string();
        let node = ["exec", "-T", "full-node", "node", "-e", join::CALL];
        let text = self.compose(bundle, &[&node[..], &[method, &params]].concat())?;
        join::result(&text).map_err(|error| format!("{method} on the stranger's node: {error}"))
    }

    /// Of what the node serves, the machine's address has p2p alone.
    fn is_closed_to_others(&self) -> Checked {
        let format = "{{range $port, $at := .NetworkSettings.Ports}}{{range $at}}{{$port}}={{.HostIp}} {{end}}{{end}}";
        let id = self.run(&[
            "ps",
            "--quiet",
            "--filter",
            "label=com.docker.compose.service=full-node",
        ])?;
        let seen = self.run(&["inspect", "--format", format, id.trim()])?;
        let open = seen
            .split_whitespace()
            .filter(|port| !port.ends_with("=127.0.0.1"));
        let other = open.clone().find(|port| !port.starts_with("40400/"));
        expect(
            open.count() > 0 && other.is_none(),
            "p2p's ports alone",
            &seen,
        )
    }

    fn logs(&self, bundle: &Path) -> String {
        let logs = self.compose(bundle, &["logs", "--no-color", "--tail", "40"]);
        logs.unwrap_or_else(|error| error)
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        // dockerd ends its containerd, and takes its mounts away, only if it is asked to end.
        let pid = i32::try_from(self.process.id()).unwrap_or_default();
        let pid = nix::unistd::Pid::from_raw(pid);
        let _asked = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let ended = rollout::wait_for("the end of dockerd", Duration::from_mins(1), || {
            let ended = self.process.try_wait().map_err(|error| error.to_string())?;
            ended.ok_or_else(|| "it runs".to_owned())
        });
        if ended.is_err() {
            let _killed = self.process.kill();
            let _reaped = self.process.wait();
        }
    }
}

/// A program in a network namespace.
fn within(network: &Path, program: &str) -> Command {
    let mut command = Command::new("nsenter");
    command
        .arg(format!("--net={}", network.display()))
        .arg("--")
        .arg(program);
    command
}

fn output(command: &mut Command) -> Result<String, String> {
    let output = command
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    if output.status.success() {
        return Ok(out.into_owned());
    }
    Err(format!(
        "{command:?} ended with {}:\n{out}{err}",
        output.status
    ))
}
