//! Images in a registry, from which a cluster that is not ours gets them.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use aznet_cluster::paths::Paths;
use serde_json::{Value, json};

use super::machine::{self, CLUSTER, Checked, Machine, kubectl, pause};
use super::rollout::namespace;

/// Debian's `docker-registry`: what the project Distribution makes.
const PROGRAM: &str = "docker-registry";
/// A user and a password, as the registry keeps them (bcrypt), as clients do (base64 of `tester:a-password`).
const HTPASSWD: &str = "tester:$2b$04$7SbgrP4ChvlzBnoUM9JkEOTlndESEkN/hJzQUAylFw3aURGsIqm8.";
const LOGIN: &str = "dGVzdGVyOmEtcGFzc3dvcmQ=";
const POD: &str = "pulled";

/// What `images push` puts in a registry is what a pod gets from there; a registry that wants a login gets the one that
/// Docker keeps, and no other.
pub(crate) fn pushed_and_pulled(_: &Machine) -> Checked {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let port = free_port()?;
    let registry = Registry::start(folder.path(), port, None)?;
    wants_login(&registry, folder.path())?;
    let values = registry.pushed(&folder.path().join("auth.json"), "aznet-node")?;
    let image = values["images"]["aznetNode"]["image"].as_str();
    let image = image.ok_or_else(|| format!("no image in the values: {values}"))?;
    registry.stop();
    // The cluster has no way to this machine's loopback: the registry goes where the cluster is.
    let _inside = Registry::start(folder.path(), port, Some(containerd()?))?;
    pulls(image)?;
    stays_loaded()
}

fn wants_login(registry: &Registry, folder: &Path) -> Checked {
    let auth = folder.join("auth.json");
    fs::write(&auth, r#"{"auths": {}}"#).map_err(|error| error.to_string())?;
    let refused = registry.push(&auth, "aznet-node")?;
    let words = said(&refused);
    if refused.status.code() != Some(20) || !words.contains("docker login 127.0.0.1") {
        return Err(format!("without a login: {}, and\n{words}", refused.status));
    }
    registry.login(&auth)
}

fn said(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    format!("{out}{err}")
}

/// A pod runs the image, which is asked for at the registry even if the node has it.
fn pulls(image: &str) -> Checked {
    let server = image.split('/').next().unwrap_or_default();
    kubectl(&[
        "create",
        "secret",
        "docker-registry",
        "registry",
        &format!("--docker-server={server}"),
        "--docker-username=tester",
        "--docker-password=a-password",
    ])?;
    let end = runs(image, "Always", r#"[{"name": "registry"}]"#);
    let _gone = kubectl(&["delete", "secret", "registry"]);
    end
}

/// The same image, once pulled with a Secret, is there without one under the name by which it was loaded.
fn stays_loaded() -> Checked {
    let loaded = kubectl(&[
        "get",
        "pod",
        "-n",
        &namespace()?,
        "validator-0",
        "-o",
        "jsonpath={.spec.containers[0].image}",
    ])?;
    runs(&loaded, "Never", "[]")
}

fn runs(image: &str, policy: &str, secrets: &str) -> Checked {
    let overrides = format!(
        r#"{{"spec": {{"terminationGracePeriodSeconds": 0, "imagePullSecrets": {secrets}}}}}"#
    );
    let run = kubectl(&[
        "run",
        POD,
        "--restart=Never",
        &format!("--image-pull-policy={policy}"),
        &format!("--image={image}"),
        "--overrides",
        &overrides,
        "--",
        "--version",
    ]);
    let end = run.and_then(|_| ended());
    let _gone = kubectl(&["delete", "pod", POD, "--ignore-not-found"]);
    end.map_err(|error| format!("{image}, pulled {policy}: {error}"))
}

fn ended() -> Checked {
    let deadline = Instant::now() + Duration::from_mins(2);
    loop {
        let pod: Value = serde_json::from_str(&kubectl(&["get", "pod", POD, "-o", "json"])?)
            .map_err(|error| error.to_string())?;
        if pod["status"]["phase"] == "Succeeded" {
            return Ok(());
        }
        if pod["status"]["phase"] == "Failed" || Instant::now() > deadline {
            return Err(format!("the pod did not run: {}", pod["status"]));
        }
        pause();
    }
}

/// The process of the cluster's containerd: its network is where images come from.
pub(crate) fn containerd() -> Result<u64, String> {
    let clusters = machine::json(&["cluster", "list"])?;
    let name = CLUSTER.trim_start_matches("embedded:");
    let cluster = clusters
        .as_array()
        .and_then(|all| all.iter().find(|one| one["name"] == name));
    let components = cluster.and_then(|cluster| cluster["components"].as_array());
    let containerd = components.and_then(|all| all.iter().find(|one| one["name"] == "containerd"));
    let pid = containerd.and_then(|one| one["pid"].as_u64());
    pid.ok_or_else(|| format!("no containerd in {clusters}"))
}

pub(crate) fn free_port() -> Result<u16, String> {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    port.map(|address| address.port())
        .map_err(|error| error.to_string())
}

/// A registry that ends with this.
pub(crate) struct Registry {
    process: Child,
    port: u16,
}

impl Registry {
    /// Serves what is in the folder to those who log in, on loopback: this machine's, or that of a process.
    pub(crate) fn start(folder: &Path, port: u16, inside: Option<u64>) -> Result<Self, String> {
        let passwords = folder.join("htpasswd");
        fs::write(&passwords, HTPASSWD).map_err(|error| error.to_string())?;
        let auth = json!({"auth": {"htpasswd": {"realm": "tests", "path": passwords}}});
        Self::serve(folder, port, inside, auth)
    }

    /// The same for everyone.
    pub(crate) fn open(folder: &Path, port: u16, inside: Option<u64>) -> Result<Self, String> {
        Self::serve(folder, port, inside, json!({}))
    }

    fn serve(
        folder: &Path,
        port: u16,
        inside: Option<u64>,
        mut config: Value,
    ) -> Result<Self, String> {
        let path = |name: &str| folder.join(name);
        config["version"] = "0.1".into();
        config["storage"] = json!({"filesystem": {"rootdirectory": path("storage")}});
        config["http"] = json!({"addr": format!("127.0.0.1:{port}")});
        let file = path("config.yml");
        fs::write(&file, config.to_string()).map_err(|error| error.to_string())?;
        let log = File::create(path("log")).map_err(|error| error.to_string())?;
        let program = program()?;
        let mut command = match inside {
            None => Command::new(program),
            Some(pid) => {
                let mut command = Command::new("nsenter");
                command
                    .args(["--target", &pid.to_string(), "--net", "--"])
                    .arg(program);
                command
            }
        };
        let process = command
            .arg("serve")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|error| format!("{PROGRAM} could not be started: {error}"))?;
        let mut registry = Self { process, port };
        registry.listens(&path("log"))?;
        Ok(registry)
    }

    /// It logs the address as soon as it listens.
    fn listens(&mut self, log: &Path) -> Checked {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let words = fs::read_to_string(log).unwrap_or_default();
            if words.contains("listening on") {
                return Ok(());
            }
            let ended = self.process.try_wait().ok().flatten();
            if ended.is_some() || Instant::now() > deadline {
                return Err(format!("{PROGRAM} does not listen ({ended:?}):\n{words}"));
            }
            pause();
        }
    }

    /// Writes the file by which Docker's clients are let in.
    pub(crate) fn login(&self, auth: &Path) -> Checked {
        let login = format!(
            r#"{{"auths": {{"127.0.0.1:{}": {{"auth": "{LOGIN}"}}}}}}"#,
            self.port
        );
        fs::write(auth, login).map_err(|error| error.to_string())
    }

    /// Pushes images to it, with the credentials in a file; returns the values that use them.
    pub(crate) fn pushed(&self, auth: &Path, images: &str) -> Result<Value, String> {
        let pushed = self.push(auth, images)?;
        if !pushed.status.success() {
            return Err(format!(
                "the push ended with {}:\n{}",
                pushed.status,
                said(&pushed)
            ));
        }
        serde_norway::from_slice(&pushed.stdout)
            .map_err(|error| format!("no values: {error}\n{}", said(&pushed)))
    }

    fn push(&self, auth: &Path, images: &str) -> Result<Output, String> {
        let address = format!("127.0.0.1:{}/aznet", self.port);
        Command::new(env!("CARGO_BIN_EXE_aznet"))
            .args(["images", "push", &address, "--only", images])
            .args(["--plain-http", "-o", "values"])
            .env("NO_COLOR", "1")
            .env("REGISTRY_AUTH_FILE", auth)
            .output()
            .map_err(|error| format!("aznet could not be started: {error}"))
    }

    pub(crate) fn stop(self) {
        drop(self);
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// That of the machine, or the one that `cargo xtask test` puts beside aznet's cache.
fn program() -> Result<PathBuf, String> {
    let paths = Paths::from_env().map_err(|error| error.to_string())?;
    let ours = paths
        .cache()
        .join("test-programs")
        .join("usr/bin")
        .join(PROGRAM);
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let mut all = std::env::split_paths(&folders)
        .map(|folder| folder.join(PROGRAM))
        .chain([ours]);
    all.find(|program| program.is_file())
        .ok_or_else(|| format!("no {PROGRAM}: `cargo xtask test network` gets it from Debian"))
}
