//! The programs of the control plane and of the node, and how each is started.

use std::fmt;
use std::path::{Path, PathBuf};

use super::addresses::{API_PORT, DOMAIN, NODE_ADDRESS, SERVICE_PREFIX, SERVICE_RANGE, range};
use super::calico;
use super::error::Error;
use super::layout::Layout;
use super::spec::Spec;
use crate::parts::kubernetes::Minor;

/// A program the supervisor runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Component {
    Etcd,
    ApiServer,
    ControllerManager,
    Scheduler,
    Containerd,
    Kubelet,
    Proxy,
    Felix,
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.program())
    }
}

impl Component {
    /// Those of a cluster, in the order they are started.
    pub(crate) fn of(spec: &Spec) -> Vec<Self> {
        let mut all = vec![
            Self::Etcd,
            Self::ApiServer,
            Self::Containerd,
            Self::Kubelet,
            Self::ControllerManager,
            Self::Scheduler,
            Self::Proxy,
        ];
        if spec.network_policy {
            all.push(Self::Felix);
        }
        all
    }

    /// Its file name, also the name of its log.
    pub(crate) const fn program(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Containerd => "containerd",
            Self::Kubelet => "kubelet",
            Self::Proxy => "kube-proxy",
            Self::Felix => "calico-felix",
        }
    }

    /// Settings of the Go runtime (collect garbage sooner, for less memory at the price of a little CPU), and of those
    /// that have no options. No limit of memory: with a thousand pods the API server needs more than any that would
    /// mean something to a small network, and then does little but collect garbage.
    pub(crate) fn environment(self, layout: &Layout) -> Vec<(String, String)> {
        let mut environment = vec![("GOGC".to_owned(), "50".to_owned())];
        if self == Self::Felix {
            environment.extend(calico::environment(layout));
        }
        environment
    }

    /// Program and arguments.
    pub(crate) fn command(
        self,
        layout: &Layout,
        spec: &Spec,
    ) -> Result<(PathBuf, Vec<String>), Error> {
        let program = spec.binaries.find(self.program())?;
        if self == Self::Felix {
            return calico::command(spec, &program);
        }
        let args = match self {
            Self::Etcd => etcd(layout),
            Self::ApiServer => api_server(layout),
            Self::ControllerManager => controller_manager(layout, spec.kubernetes()?),
            Self::Scheduler => scheduler(layout),
            Self::Containerd => containerd(layout),
            Self::Kubelet => kubelet(layout),
            Self::Proxy => proxy(layout),
            Self::Felix => Vec::new(),
        };
        Ok((program, args))
    }
}

/// An option whose value is a file of the cluster.
fn file(option: &str, path: impl AsRef<Path>) -> String {
    format!("--{option}={}", path.as_ref().display())
}

fn options(fixed: &[&str]) -> Vec<String> {
    fixed.iter().map(|option| format!("--{option}")).collect()
}

fn etcd(layout: &Layout) -> Vec<String> {
    let mut args = options(&[
        "name=aznet",
        "listen-client-urls=http://127.0.0.1:2379",
        "advertise-client-urls=http://127.0.0.1:2379",
        "listen-peer-urls=http://127.0.0.1:2380",
        "initial-advertise-peer-urls=http://127.0.0.1:2380",
        "initial-cluster=aznet=http://127.0.0.1:2380",
        // A test network's state is worth less than the wait for the disk at every write.
        "unsafe-no-fsync",
        "snapshot-count=10000",
        "log-level=warn",
    ]);
    args.push(file("data-dir", layout.etcd()));
    args
}

fn api_server(layout: &Layout) -> Vec<String> {
    let mut args = options(&[
        "etcd-servers=http://127.0.0.1:2379",
        "allow-privileged=true",
        "authorization-mode=Node,RBAC",
        "enable-admission-plugins=NodeRestriction",
        "kubelet-preferred-address-types=InternalIP",
        "enable-priority-and-fairness=false",
        "profiling=false",
        "shutdown-delay-duration=0s",
    ]);
    args.extend([
        format!("--advertise-address={NODE_ADDRESS}"),
        format!("--secure-port={API_PORT}"),
        format!("--service-account-issuer=https://kubernetes.default.svc.{DOMAIN}"),
        format!(
            "--service-cluster-ip-range={}",
            range(SERVICE_RANGE, SERVICE_PREFIX)
        ),
        file("client-ca-file", layout.pki("ca.crt")),
        file("tls-cert-file", layout.pki("apiserver.crt")),
        file("tls-private-key-file", layout.pki("apiserver.key")),
        file("cert-dir", layout.pki("")),
        file(
            "service-account-key-file",
            layout.pki("service-account.pub"),
        ),
        file(
            "service-account-signing-key-file",
            layout.pki("service-account.key"),
        ),
        file("kubelet-certificate-authority", layout.pki("ca.crt")),
        file(
            "kubelet-client-certificate",
            layout.pki("apiserver-kubelet.crt"),
        ),
        file("kubelet-client-key", layout.pki("apiserver-kubelet.key")),
    ]);
    args
}

/// Controllers nothing here has a use for: each costs watches in the API server.
const UNUSED_CONTROLLERS: [&str; 13] = [
    "certificatesigningrequest-approving-controller",
    "certificatesigningrequest-cleaner-controller",
    "certificatesigningrequest-signing-controller",
    "horizontal-pod-autoscaler-controller",
    "legacy-serviceaccount-token-cleaner-controller",
    "node-ipam-controller",
    "persistentvolume-expander-controller",
    "resourceclaim-controller",
    "service-cidr-controller",
    "storage-version-migrator-controller",
    "token-cleaner-controller",
    "validatingadmissionpolicy-status-controller",
    "volumeattributesclass-protection-controller",
];

/// What differs between the minor releases.
struct Differences {
    /// More unused controllers: a release refuses to start when one is named that it does not know.
    unused_controllers: &'static [&'static str],
}

const fn differences(kubernetes: Minor) -> Differences {
    match kubernetes {
        Minor::V1_35 => Differences {
            unused_controllers: &[
                "cloud-node-lifecycle-controller",
                "node-route-controller",
                "service-lb-controller",
            ],
        },
        Minor::V1_37 => Differences {
            unused_controllers: &[],
        },
    }
}

fn controllers(kubernetes: Minor) -> String {
    let more = differences(kubernetes).unused_controllers;
    let unused = UNUSED_CONTROLLERS.iter().chain(more);
    let off = unused.map(|controller| format!(",-{controller}"));
    format!("*{}", off.collect::<String>())
}

fn controller_manager(layout: &Layout, kubernetes: Minor) -> Vec<String> {
    let mut args = options(&[
        "bind-address=127.0.0.1",
        "leader-elect=false",
        "profiling=false",
        "use-service-account-credentials=false",
        // A whole network is made at once: at the default 20 a second its pods would come one by one.
        "kube-api-qps=200",
        "kube-api-burst=400",
        // A claim that two controllers touched at once is looked at again only now and then; 15 s would hold a pod up.
        "pvclaimbinder-sync-period=1s",
    ]);
    args.extend(clients(layout, "controller-manager"));
    args.extend([
        format!("--controllers={}", controllers(kubernetes)),
        file("root-ca-file", layout.pki("ca.crt")),
        file(
            "service-account-private-key-file",
            layout.pki("service-account.key"),
        ),
        file(
            "flex-volume-plugin-dir",
            layout.kubelet().join("volume-plugins"),
        ),
    ]);
    args
}

fn scheduler(layout: &Layout) -> Vec<String> {
    let mut args = options(&[
        "bind-address=127.0.0.1",
        "leader-elect=false",
        "profiling=false",
    ]);
    args.extend(clients(layout, "scheduler"));
    args
}

/// The kubeconfig to work with, and to check its own callers with.
fn clients(layout: &Layout, user: &str) -> [String; 3] {
    [
        "kubeconfig",
        "authentication-kubeconfig",
        "authorization-kubeconfig",
    ]
    .map(|option| file(option, layout.config(&format!("{user}.kubeconfig"))))
}

fn containerd(layout: &Layout) -> Vec<String> {
    vec![file("config", layout.config("containerd.toml"))]
}

fn kubelet(layout: &Layout) -> Vec<String> {
    vec![
        file("config", layout.config("kubelet.json")),
        file("kubeconfig", layout.config("kubelet.kubeconfig")),
        file("root-dir", layout.kubelet()),
        file("cert-dir", layout.pki("")),
        format!("--hostname-override={}", layout.node()),
        format!("--node-ip={NODE_ADDRESS}"),
    ]
}

fn proxy(layout: &Layout) -> Vec<String> {
    vec![file("config", layout.config("proxy.json"))]
}
