//! Which programs there are, by the module that holds them.

use std::fmt;

use crate::parts::kubernetes::Minor;

/// A Go module under `toolchain/`, in the order in which they are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// The store of the API.
    Etcd,
    /// Kubernetes itself.
    Kubernetes,
    /// Names inside the cluster.
    Coredns,
    /// The blob store.
    Versitygw,
    /// The package manager.
    Helm,
    /// The collector of metrics, logs and traces.
    OtelCollector,
    /// The store of metrics, and the tool that checks its rules.
    Prometheus,
    /// Enforcement of network policies.
    Calico,
    /// Faults.
    ChaosMesh,
    /// Clusters in containers.
    Kind,
    /// What makes a node of a machine.
    Kubeadm,
    /// Dynamic volumes of clusters of kind.
    LocalPathProvisioner,
    /// Nodes and pods that are only simulated.
    Kwok,
}

/// A program of the toolchain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Program {
    /// `etcd`
    Etcd,
    /// `kube-apiserver`
    KubeApiserver,
    /// `kube-controller-manager`
    KubeControllerManager,
    /// `kube-scheduler`
    KubeScheduler,
    /// `kubelet`
    Kubelet,
    /// `kube-proxy`
    KubeProxy,
    /// `kubectl`
    Kubectl,
    /// `coredns`
    Coredns,
    /// `versitygw`
    Versitygw,
    /// `helm`
    Helm,
    /// `otel-collector`
    OtelCollector,
    /// `prometheus`
    Prometheus,
    /// `promtool`
    Promtool,
    /// `calico`, the CNI plugin
    CalicoCni,
    /// `calico-felix`
    Felix,
    /// `chaos-controller-manager`
    ChaosControllerManager,
    /// `chaos-daemon`
    ChaosDaemon,
    /// `chaos-daemon-helper`, what the daemon starts in the mount namespace of a container
    ChaosDaemonHelper,
    /// `kind`
    Kind,
    /// `kubeadm`
    Kubeadm,
    /// `local-path-provisioner`
    LocalPathProvisioner,
    /// `kwok`
    Kwok,
}

impl Group {
    /// The groups that every cluster needs, in the order in which they are needed.
    pub const ALL: [Self; 5] = [
        Self::Etcd,
        Self::Kubernetes,
        Self::Coredns,
        Self::Versitygw,
        Self::Helm,
    ];
    /// What networks that are observed need besides.
    pub const TELEMETRY: [Self; 2] = [Self::OtelCollector, Self::Prometheus];
    /// What clusters that enforce network policies need besides.
    pub const POLICY: [Self; 1] = [Self::Calico];
    /// What clusters whose networks are broken on purpose need besides.
    pub const CHAOS: [Self; 1] = [Self::ChaosMesh];
    /// What makes clusters of kind, where the user's kind is of another release.
    pub const KIND: [Self; 1] = [Self::Kind];
    /// What nodes of kind are made of, where no registry serves their image.
    pub const KIND_NODE: [Self; 6] = [
        Self::Etcd,
        Self::Kubernetes,
        Self::Coredns,
        Self::Kind,
        Self::Kubeadm,
        Self::LocalPathProvisioner,
    ];

    /// What jobs have that make clusters or test networks.
    pub const JOBS: [Self; 3] = [Self::Kubernetes, Self::Helm, Self::Kind];

    /// Every group, optional ones included.
    pub fn all() -> impl Iterator<Item = Self> {
        let optional = Self::TELEMETRY
            .into_iter()
            .chain(Self::POLICY)
            .chain(Self::CHAOS)
            .chain([
                Self::Kind,
                Self::Kubeadm,
                Self::LocalPathProvisioner,
                Self::Kwok,
            ]);
        Self::ALL.into_iter().chain(optional)
    }

    /// The name of its folder under `toolchain/`: there is one for each Kubernetes.
    pub(super) fn folder(self, kubernetes: Minor) -> &'static str {
        match (self, kubernetes) {
            (Self::Kubernetes, Minor::V1_35) => "kubernetes-1.35",
            _ => self.name(),
        }
    }

    /// What its makers call the release that is this version of the module.
    pub(super) fn release(self, version: &str) -> String {
        let number = version.trim_start_matches('v');
        match self {
            // The module v0.316.0 is the release 3.16.0.
            Self::Prometheus => number.replacen("0.3", "3.", 1),
            _ => number.to_owned(),
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::Kubernetes => "kubernetes",
            Self::Coredns => "coredns",
            Self::Versitygw => "versitygw",
            Self::Helm => "helm",
            Self::OtelCollector => "otel-collector",
            Self::Prometheus => "prometheus",
            Self::Calico => "calico",
            Self::ChaosMesh => "chaos-mesh",
            Self::Kind => "kind",
            Self::Kubeadm => "kubeadm",
            Self::LocalPathProvisioner => "local-path-provisioner",
            Self::Kwok => "kwok",
        }
    }

    /// Its programs, in the order in which they are built.
    pub fn programs(self) -> &'static [Program] {
        match self {
            Self::Etcd => &[Program::Etcd],
            Self::Kubernetes => &[
                Program::KubeApiserver,
                Program::KubeControllerManager,
                Program::KubeScheduler,
                Program::Kubelet,
                Program::KubeProxy,
                Program::Kubectl,
            ],
            Self::Coredns => &[Program::Coredns],
            Self::Versitygw => &[Program::Versitygw],
            Self::Helm => &[Program::Helm],
            Self::OtelCollector => &[Program::OtelCollector],
            Self::Prometheus => &[Program::Prometheus, Program::Promtool],
            Self::Calico => &[Program::Felix, Program::CalicoCni],
            Self::ChaosMesh => &[
                Program::ChaosControllerManager,
                Program::ChaosDaemon,
                Program::ChaosDaemonHelper,
            ],
            Self::Kind => &[Program::Kind],
            Self::Kubeadm => &[Program::Kubeadm],
            Self::LocalPathProvisioner => &[Program::LocalPathProvisioner],
            Self::Kwok => &[Program::Kwok],
        }
    }

    /// The module whose version is the group's.
    pub(super) fn module(self) -> &'static str {
        match self {
            Self::Etcd => "go.etcd.io/etcd/server/v3",
            Self::Kubernetes | Self::Kubeadm => "k8s.io/kubernetes",
            Self::Coredns => "github.com/coredns/coredns",
            Self::Versitygw => "github.com/versity/versitygw",
            Self::Helm => "helm.sh/helm/v4",
            Self::OtelCollector => "go.opentelemetry.io/collector/otelcol",
            Self::Prometheus => "github.com/prometheus/prometheus",
            Self::Calico => "github.com/projectcalico/calico",
            Self::ChaosMesh => "github.com/chaos-mesh/chaos-mesh",
            Self::Kind => "sigs.k8s.io/kind",
            Self::LocalPathProvisioner => "github.com/rancher/local-path-provisioner",
            Self::Kwok => "sigs.k8s.io/kwok",
        }
    }

    /// Build tags: Prometheus without the clients of every cloud that it can find its targets in.
    pub(super) fn tags(self) -> &'static str {
        match self {
            Self::Prometheus => "remove_all_sd",
            _ => "",
        }
    }

    /// Linker flags: no debug tables, and the version that release builds carry.
    pub(super) fn ldflags(self, version: &str) -> String {
        let set = |name: &str, value: &str| format!(" -X {name}={value}");
        let stamp = match self {
            Self::Kubernetes | Self::Kubeadm => {
                let mut numbers = version.trim_start_matches('v').split('.');
                let (major, minor) = (numbers.next(), numbers.next());
                let at = |name: &str| format!("k8s.io/component-base/version.{name}");
                [
                    set(&at("gitVersion"), version),
                    set(&at("gitMajor"), major.unwrap_or_default()),
                    set(&at("gitMinor"), minor.unwrap_or_default()),
                    set(&at("gitTreeState"), "clean"),
                    set("k8s.io/client-go/pkg/version.gitVersion", version),
                ]
                .concat()
            }
            Self::Helm => set("helm.sh/helm/v4/internal/version.version", version),
            Self::Versitygw => set("main.Version", version),
            Self::LocalPathProvisioner => set("main.VERSION", version),
            Self::OtelCollector => set("main.version", version),
            Self::Prometheus => set(
                "github.com/prometheus/common/version.Version",
                &self.release(version),
            ),
            Self::Calico => {
                let at = "github.com/projectcalico/calico";
                [
                    set(&format!("{at}/felix/buildinfo.GitVersion"), version),
                    set("main.VERSION", version),
                ]
                .concat()
            }
            Self::ChaosMesh => set(
                "github.com/chaos-mesh/chaos-mesh/pkg/version.gitVersion",
                version,
            ),
            Self::Etcd | Self::Coredns | Self::Kind | Self::Kwok => String::new(),
        };
        format!("-s -w{stamp}")
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Program {
    /// The name of its file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::KubeApiserver => "kube-apiserver",
            Self::KubeControllerManager => "kube-controller-manager",
            Self::KubeScheduler => "kube-scheduler",
            Self::Kubelet => "kubelet",
            Self::KubeProxy => "kube-proxy",
            Self::Kubectl => "kubectl",
            Self::Coredns => "coredns",
            Self::Versitygw => "versitygw",
            Self::Helm => "helm",
            Self::OtelCollector => "otel-collector",
            Self::Prometheus => "prometheus",
            Self::Promtool => "promtool",
            Self::CalicoCni => "calico",
            Self::Felix => "calico-felix",
            Self::ChaosControllerManager => "chaos-controller-manager",
            Self::ChaosDaemon => "chaos-daemon",
            Self::ChaosDaemonHelper => "chaos-daemon-helper",
            Self::Kind => "kind",
            Self::Kubeadm => "kubeadm",
            Self::LocalPathProvisioner => "local-path-provisioner",
            Self::Kwok => "kwok",
        }
    }

    /// The group that holds it.
    pub fn group(self) -> Group {
        match self {
            Self::Etcd => Group::Etcd,
            Self::KubeApiserver
            | Self::KubeControllerManager
            | Self::KubeScheduler
            | Self::Kubelet
            | Self::KubeProxy
            | Self::Kubectl => Group::Kubernetes,
            Self::Coredns => Group::Coredns,
            Self::Versitygw => Group::Versitygw,
            Self::Helm => Group::Helm,
            Self::OtelCollector => Group::OtelCollector,
            Self::Prometheus | Self::Promtool => Group::Prometheus,
            Self::CalicoCni | Self::Felix => Group::Calico,
            Self::ChaosControllerManager | Self::ChaosDaemon | Self::ChaosDaemonHelper => {
                Group::ChaosMesh
            }
            Self::Kind => Group::Kind,
            Self::Kubeadm => Group::Kubeadm,
            Self::LocalPathProvisioner => Group::LocalPathProvisioner,
            Self::Kwok => Group::Kwok,
        }
    }

    /// Whether parts of it are in C: what the daemon does to a process that it traces. It is linked to the C library
    /// then, and runs where that is.
    pub(super) fn is_partly_c(self) -> bool {
        self == Self::ChaosDaemon
    }

    /// Its Go package.
    pub(super) fn package(self) -> String {
        let module = self.group().module();
        match self {
            Self::Etcd | Self::Coredns | Self::Kind | Self::LocalPathProvisioner => {
                module.to_owned()
            }
            // Its main function is in the group's own module.
            Self::OtelCollector => ".".to_owned(),
            Self::CalicoCni => format!("{module}/cni-plugin/cmd/calico"),
            Self::Felix => format!("{module}/felix/cmd/calico-felix"),
            _ => format!("{module}/cmd/{}", self.name()),
        }
    }
}

/// This machine's architecture, as Go and release files call it.
pub(crate) fn goarch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_and_programs_agree() {
        for group in Group::all() {
            assert!(
                group
                    .programs()
                    .iter()
                    .all(|program| program.group() == group)
            );
        }
    }

    #[test]
    fn prometheus_is_stamped_with_its_release() {
        let flags = Group::Prometheus.ldflags("v0.316.0");
        assert!(flags.ends_with("version.Version=3.16.0"), "{flags}");
    }

    #[test]
    fn kubernetes_is_stamped_with_its_version() {
        let flags = Group::Kubernetes.ldflags("v1.37.2");
        assert!(flags.contains("gitVersion=v1.37.2 "), "{flags}");
        assert!(flags.contains("gitMinor=37 "), "{flags}");
    }
}
