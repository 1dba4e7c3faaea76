//! The configuration files of the components.

use std::net::Ipv4Addr;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::addresses::{DNS_ADDRESS, DOMAIN, NODE_ADDRESS, POD_PREFIX, POD_RANGE, range};
use super::calico;
use super::error::Error;
use super::layout::Layout;
use super::spec::Spec;
use aznet_kit::files::{self, Access};

/// What the kubelet keeps for the machine's own processes, in thousandths of a core.
const SYSTEM_CPU: u64 = 100;
/// What it keeps for the cluster's.
const KUBERNETES_CPU: u64 = 200;
/// Processor time that pods can't ask for, in thousandths of a core.
pub const RESERVED_CPU: u64 = SYSTEM_CPU + KUBERNETES_CPU;

/// Writes all of them; the same spec always gives the same files.
pub(crate) fn write_all(layout: &Layout, spec: &Spec) -> Result<(), Error> {
    files::make_dir(&layout.config(""), Access::Private)?;
    for user in [
        "controller-manager",
        "scheduler",
        "proxy",
        "kubelet",
        "calico",
    ] {
        let inside = format!("https://127.0.0.1:{}", super::addresses::API_PORT);
        let text = kubeconfig(layout, user, &inside, Keys::InFiles)?;
        let path = layout.config(&format!("{user}.kubeconfig"));
        files::write(&path, text, Access::Private)?;
    }
    write_kubeconfig(layout, spec.port)?;
    let put = |file: &str, text: String| files::write(&layout.config(file), text, Access::Private);
    put("kubelet.json", kubelet(layout).to_string())?;
    put("proxy.json", proxy(layout).to_string())?;
    put("containerd.toml", containerd(layout, spec)?)?;
    // An empty file: the node itself has no name server, there is nobody to ask.
    put("resolv.conf", String::new())?;
    files::make_dir(&layout.config("cni"), Access::Private)?;
    let link = if spec.network_policy {
        calico::gather_plugins(layout, spec)?;
        calico::plugin(layout)
    } else {
        links()
    };
    Ok(put("cni/10-aznet.conflist", cni(layout, link).to_string())?)
}

/// Writes the kubeconfig meant for people and their tools.
pub(crate) fn write_kubeconfig(layout: &Layout, port: u16) -> Result<(), Error> {
    let text = kubeconfig(
        layout,
        "admin",
        &format!("https://127.0.0.1:{port}"),
        Keys::Inside,
    )?;
    Ok(files::write(&layout.kubeconfig(), text, Access::Private)?)
}

/// Where a kubeconfig has its keys.
#[derive(Clone, Copy)]
enum Keys {
    /// In the files of the cluster.
    InFiles,
    /// In the kubeconfig itself, so that it can be copied.
    Inside,
}

impl Keys {
    /// The name and value of a kubeconfig's field for the content of `file`.
    fn field(self, name: &str, layout: &Layout, file: &str) -> Result<(String, Value), Error> {
        let path = layout.pki(file);
        match self {
            Self::InFiles => Ok((name.to_owned(), json!(path))),
            Self::Inside => {
                let content = std::fs::read(&path).map_err(Error::io("read", &path))?;
                Ok((format!("{name}-data"), json!(BASE64.encode(content))))
            }
        }
    }
}

/// A kubeconfig in JSON, which is YAML.
fn kubeconfig(layout: &Layout, user: &str, server: &str, keys: Keys) -> Result<String, Error> {
    let context = layout.node();
    let mut cluster = json!({ "server": server });
    let (key, value) = keys.field("certificate-authority", layout, "ca.crt")?;
    cluster[key] = value;
    let mut auth = json!({});
    for (key, file) in [("client-certificate", "crt"), ("client-key", "key")] {
        let (key, value) = keys.field(key, layout, &format!("{user}.{file}"))?;
        auth[key] = value;
    }
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": context, "cluster": cluster }],
        "users": [{ "name": context, "user": auth }],
        "contexts": [{ "name": context, "context": { "cluster": context, "user": context } }],
        "current-context": context,
    });
    Ok(format!("{config:#}\n"))
}

fn kubelet(layout: &Layout) -> Value {
    let socket = format!("unix://{}", layout.containerd_socket().display());
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": { "enabled": false },
            "webhook": { "enabled": true },
            "x509": { "clientCAFile": layout.pki("ca.crt") },
        },
        "authorization": { "mode": "Webhook" },
        "tlsCertFile": layout.pki("kubelet-server.crt"),
        "tlsPrivateKeyFile": layout.pki("kubelet-server.key"),
        "address": NODE_ADDRESS,
        "containerRuntimeEndpoint": socket,
        "clusterDNS": [DNS_ADDRESS],
        "clusterDomain": DOMAIN,
        "resolvConf": layout.config("resolv.conf"),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": layout.cgroup(),
        "failCgroupV1": false,
        "failSwapOn": false,
        "maxPods": 250,
        "enforceNodeAllocatable": ["pods"],
        "systemReserved": { "cpu": format!("{SYSTEM_CPU}m"), "memory": "512Mi" },
        "kubeReserved": { "cpu": format!("{KUBERNETES_CPU}m"), "memory": "1Gi" },
        // A full disk shows as a write error in whoever fills it; evicting pods and deleting the images, which no
        // registry has, would not help.
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "0%",
            "nodefs.inodesFree": "0%",
            "imagefs.available": "0%",
            "imagefs.inodesFree": "0%",
        },
        "imageGCHighThresholdPercent": 100,
        // An image that a pod once pulled with a Secret stays usable for all others, above all under the name by which
        // it was loaded: the cluster has one user.
        "imagePullCredentialsVerificationPolicy": "NeverVerify",
        "containerLogMaxSize": "20Mi",
        "containerLogMaxFiles": 3,
        "podLogsDir": layout.pod_logs(),
        "volumePluginDir": layout.kubelet().join("volume-plugins"),
        "makeIPTablesUtilChains": false,
        // Short: a node that was off for a while is believed to be back at once.
        "nodeStatusUpdateFrequency": "5s",
        "registerWithTaints": [],
        "serializeImagePulls": false,
        "shutdownGracePeriod": "0s",
        "logging": { "verbosity": 1 },
    })
}

fn proxy(layout: &Layout) -> Value {
    json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "hostnameOverride": layout.node(),
        "bindAddress": NODE_ADDRESS,
        "clientConnection": { "kubeconfig": layout.config("proxy.kubeconfig") },
        "clusterCIDR": range(POD_RANGE, POD_PREFIX),
        "detectLocalMode": "ClusterCIDR",
        // The limits of connection tracking belong to the machine; they are left as they are.
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
        },
        "nftables": { "minSyncPeriod": "100ms" },
    })
}

/// Each pod gets a link of its own to the node and everything is routed, so service addresses work between any two
/// pods without the bridge netfilter module.
fn links() -> Value {
    json!({ "type": "ptp", "ipMasq": false })
}

fn cni(layout: &Layout, mut link: Value) -> Value {
    link["ipam"] = json!({
        "type": "host-local",
        "dataDir": layout.ipam(),
        "ranges": [[{ "subnet": range(POD_RANGE, POD_PREFIX) }]],
        "routes": [{ "dst": range(Ipv4Addr::UNSPECIFIED, 0) }],
    });
    let ports = json!({ "type": "portmap", "capabilities": { "portMappings": true } });
    json!({ "cniVersion": "0.4.0", "name": layout.unique(), "plugins": [link, ports] })
}

/// Version 2 of the format: containerd 1.6 and 1.7 read it, 2.x converts it.
fn containerd(layout: &Layout, spec: &Spec) -> Result<String, Error> {
    let quote = |path: &Path| json!(path).to_string();
    let plugins = if spec.network_policy {
        layout.cni_plugins()
    } else {
        spec.binaries.cni.clone()
    };
    let [root, state, socket, cni, conf, runc] = [
        &layout.containerd_root(),
        &layout.containerd_state(),
        &layout.containerd_socket(),
        &plugins,
        &layout.config("cni"),
        &spec.binaries.find("runc")?,
    ]
    .map(|path| quote(path));
    let runc_root = quote(&layout.runc());
    let shims = quote(&layout.cgroup().join("shims"));
    let pause = json!(spec.images.pause);
    Ok(format!(
        r#"version = 2
root = {root}
state = {state}
disabled_plugins = [
  "io.containerd.internal.v1.opt",
  "io.containerd.internal.v1.tracing",
  "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]

[grpc]
  address = {socket}

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = {pause}
  # Not every root may lower the OOM score; runc would fail on it.
  restrict_oom_score_adj = true
  tolerate_missing_hugetlb_controller = true
  # A profile would stay loaded in the kernel when the cluster is gone.
  disable_apparmor = true
  # Where the removal of the cluster finds them.
  netns_mounts_under_state_dir = true
  stream_server_address = "127.0.0.1"

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = {cni}
    conf_dir = {conf}

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        BinaryName = {runc}
        Root = {runc_root}
        ShimCgroup = {shims}
        SystemdCgroup = false
"#
    ))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::paths::Paths;

    /// A kubeconfig with keys inside, for tests of clients.
    pub(crate) fn kubeconfig_for(paths: &Paths, name: &str) -> std::path::PathBuf {
        let layout = Layout::new(paths, name);
        super::super::pki::ensure(&layout).unwrap();
        write_kubeconfig(&layout, 6443).unwrap();
        layout.kubeconfig()
    }

    fn layout() -> Layout {
        Layout::new(&Paths::new("/c", "/s", "/r"), "ci")
    }

    #[test]
    fn nothing_is_kept_outside_of_the_cluster_s_directories() {
        let texts = [
            kubelet(&layout()),
            cni(&layout(), links()),
            cni(&layout(), calico::plugin(&layout())),
            proxy(&layout()),
        ]
        .map(|v| v.to_string());
        for text in texts {
            for place in ["/var/lib/kubelet", "/var/lib/cni", "/etc/", "/var/log"] {
                assert!(!text.contains(place), "{place} in {text}");
            }
        }
    }

    #[test]
    fn a_kubeconfig_by_reference_names_the_files() {
        let text = kubeconfig(&layout(), "proxy", "https://127.0.0.1:6443", Keys::InFiles).unwrap();
        let config: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            config["users"][0]["user"]["client-key"],
            "/s/clusters/ci/pki/proxy.key"
        );
        assert_eq!(config["current-context"], "aznet-ci");
    }
}
