//! A real API server with its etcd and nothing behind it: what it accepts, a cluster accepts; no pod ever runs.

use crate::common::program;
use aznet_kit::wait::{self, Deadline, Look, WaitError};
use aznet_network::deploy::helm::Helm;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{ObjectMeta, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

/// The two processes; they end when it is dropped.
pub(crate) struct ApiServer {
    pub(crate) client: Client,
    kubeconfig: PathBuf,
    _folder: tempfile::TempDir,
    _processes: [Child; 2],
}

impl ApiServer {
    /// Starts both on free ports of the loopback and waits until the server answers.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let [client_port, peer_port, port] = free_ports();
        let etcd = format!("http://127.0.0.1:{client_port}");
        let peer = format!("http://127.0.0.1:{peer_port}");
        let kubeconfig = credentials(folder.path(), port);
        let processes = [
            spawn(
                "etcd",
                folder.path(),
                &[
                    "--data-dir=etcd",
                    "--unsafe-no-fsync",
                    &format!("--listen-client-urls={etcd}"),
                    &format!("--advertise-client-urls={etcd}"),
                    &format!("--listen-peer-urls={peer}"),
                ],
            ),
            spawn(
                "kube-apiserver",
                folder.path(),
                &[
                    &format!("--etcd-servers={etcd}"),
                    "--bind-address=127.0.0.1",
                    // There is no address but loopback for it to announce.
                    "--endpoint-reconciler-type=none",
                    &format!("--secure-port={port}"),
                    "--cert-dir=certificates",
                    "--token-auth-file=tokens.csv",
                    "--authorization-mode=RBAC",
                    "--service-account-issuer=https://kubernetes.default.svc",
                    "--service-account-key-file=accounts.pub",
                    "--service-account-signing-key-file=accounts.key",
                    "--service-cluster-ip-range=10.0.0.0/24",
                    // Their controllers are not here.
                    "--disable-admission-plugins=ServiceAccount,StorageObjectInUseProtection",
                ],
            ),
        ];
        let client = connect(&kubeconfig).await;
        ready(&client).await;
        Self {
            client,
            kubeconfig,
            _folder: folder,
            _processes: processes,
        }
    }

    /// Helm for this server.
    pub(crate) fn helm(&self) -> Helm {
        crate::common::helm().kubeconfig(&self.kubeconfig)
    }

    /// The file by which programs reach it.
    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Makes a namespace that enforces the restricted Pod Security standard.
    pub(crate) async fn namespace(&self, name: &str) {
        let enforce = (
            "pod-security.kubernetes.io/enforce".to_owned(),
            "restricted".to_owned(),
        );
        let metadata = ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(BTreeMap::from([enforce])),
            ..ObjectMeta::default()
        };
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let namespace = Namespace {
            metadata,
            ..Namespace::default()
        };
        namespaces
            .create(&PostParams::default(), &namespace)
            .await
            .expect("a namespace can be made");
    }
}

fn free_ports() -> [u16; 3] {
    // All are held until all are known, so that they differ.
    let sockets = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    sockets.map(|socket| {
        socket
            .local_addr()
            .expect("a bound socket has an address")
            .port()
    })
}

/// Writes token, service account keys and kubeconfig.
fn credentials(folder: &Path, port: u16) -> PathBuf {
    let write = |name: &str, text: &str| {
        std::fs::write(folder.join(name), text).expect("the folder can be written to");
    };
    // The end of a fresh private key is as good as any random number.
    let pem = rcgen::KeyPair::generate()
        .expect("a random key")
        .serialize_pem();
    let token: String = pem.chars().filter(char::is_ascii_alphanumeric).collect();
    let key = rcgen::KeyPair::generate().expect("a random key");
    write("accounts.key", &key.serialize_pem());
    write("accounts.pub", &key.public_key_pem());
    write("tokens.csv", &format!("{token},test,test,system:masters\n"));
    write(
        "kubeconfig",
        &serde_json::json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{ "name": "test", "cluster": {
                "server": format!("https://127.0.0.1:{port}"), "insecure-skip-tls-verify": true,
            }}],
            "users": [{ "name": "test", "user": { "token": token } }],
            "contexts": [{ "name": "test", "context": { "cluster": "test", "user": "test" } }],
        })
        .to_string(),
    );
    folder.join("kubeconfig")
}

fn spawn(name: &str, folder: &Path, args: &[&str]) -> Child {
    let log = std::fs::File::create(folder.join(format!("{name}.log")))
        .expect("the folder can be written to");
    let mut command = Command::new(program(name));
    command
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .kill_on_drop(true);
    command
        .spawn()
        .unwrap_or_else(|error| panic!("{name} does not start: {error}"))
}

async fn connect(kubeconfig: &Path) -> Client {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).expect("the kubeconfig was just written");
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    Client::try_from(config.expect("the kubeconfig is complete")).expect("a client can be made")
}

async fn ready(client: &Client) {
    let deadline = Deadline::after(Duration::from_mins(1)).every(Duration::from_millis(200));
    let ask = |_| async {
        let request = http::Request::get("/readyz")
            .body(Vec::new())
            .expect("a request");
        Ok::<_, WaitError>(match client.request_text(request).await {
            Ok(_) => Look::Done(()),
            Err(error) => Look::Pending(error.to_string()),
        })
    };
    wait::until(
        "the API server answers",
        deadline,
        &CancellationToken::new(),
        ask,
    )
    .await
    .expect("it starts");
}
