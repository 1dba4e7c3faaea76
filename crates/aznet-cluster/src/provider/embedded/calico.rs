//! Enforcement of network policies by Calico: its CNI plugin links the pods, its daemon Felix writes the rules for
//! them into the namespace's netfilter tables. Addresses are given by `host-local` as in every cluster, and there is
//! one node, so none of Calico's own address management, routing or tunnels is used.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::addons;
use super::error::Error;
use super::layout::Layout;
use super::spec::Spec;
use aznet_kit::files::{self, Access};
use aznet_kit::wait::{self, Deadline, Look};

/// What Felix writes for other plugins, wherever it runs.
pub(super) const SHARED_DIR: &str = "/var/lib/calico";
/// The files it leaves there.
pub(super) const SHARED_FILES: [&str; 1] = ["mtu"];

/// Plugins of the system that are used besides Calico's.
const PLUGINS: [&str; 3] = ["host-local", "portmap", "loopback"];

/// Puts the CNI plugins into one directory: the container runtime takes one only.
pub(super) fn gather_plugins(layout: &Layout, spec: &Spec) -> Result<(), Error> {
    let dir = layout.cni_plugins();
    files::make_dir(&dir, Access::Private)?;
    let system = PLUGINS.map(|plugin| (plugin, spec.binaries.cni.join(plugin)));
    let own = ("calico", spec.binaries.find("calico")?);
    for (name, target) in system.into_iter().chain([own]) {
        let link = dir.join(name);
        files::remove_if_there(&link)?;
        std::os::unix::fs::symlink(&target, &link).map_err(Error::io("link", &link))?;
    }
    Ok(())
}

/// The plugin's configuration, without its address management.
pub(super) fn plugin(layout: &Layout) -> Value {
    json!({
        "type": "calico",
        "datastore_type": "kubernetes",
        "nodename": layout.node(),
        "nodename_file_optional": true,
        "mtu": 1500,
        "log_level": "warning",
        "log_file_path": layout.log("calico-cni"),
        "policy": { "type": "k8s" },
        "kubernetes": { "kubeconfig": layout.config("calico.kubeconfig") },
    })
}

/// Felix is configured by its environment.
pub(super) fn environment(layout: &Layout) -> Vec<(String, String)> {
    let kubeconfig = layout.config("calico.kubeconfig").display().to_string();
    let node = layout.node();
    let off = [
        "IPV6SUPPORT",
        "BPFENABLED",
        "XDPENABLED",
        "USAGEREPORTINGENABLED",
        "IPINIPENABLED",
        "VXLANENABLED",
        "WIREGUARDENABLED",
    ];
    let off = off.map(|name| (format!("FELIX_{name}"), "false".to_owned()));
    let set = [
        ("DATASTORE_TYPE", "kubernetes"),
        ("KUBECONFIG", &kubeconfig),
        ("FELIX_DATASTORETYPE", "kubernetes"),
        ("FELIX_FELIXHOSTNAME", &node),
        ("FELIX_HEALTHENABLED", "true"),
        ("FELIX_HEALTHHOST", "127.0.0.1"),
        ("FELIX_LOGSEVERITYSCREEN", "Warning"),
        ("FELIX_LOGSEVERITYFILE", "none"),
        ("FELIX_LOGSEVERITYSYS", "none"),
        ("FELIX_LOGFILEPATH", "none"),
        // It would write outside of the cluster's directories what nobody reads.
        ("FELIX_ENDPOINTSTATUSPATHPREFIX", "none"),
        // Pods may reach their own node: the API is there.
        ("FELIX_DEFAULTENDPOINTTOHOSTACTION", "ACCEPT"),
        // Built without C, Felix can only panic where it looks for what an earlier one with BPF has left.
        ("FELIX_DebugSkipCTLBCleanup", "true"),
        // No interface of the node is like that of a machine; Felix looks for one in vain.
        ("FELIX_MTUIFACEPATTERN", "^node0$"),
    ];
    let set = set.map(|(name, value)| (name.to_owned(), value.to_owned()));
    off.into_iter().chain(set).collect()
}

/// In a mount namespace of its own: it mounts the BPF file system, whether that is used or not.
pub(super) fn command(spec: &Spec, felix: &Path) -> Result<(PathBuf, Vec<String>), Error> {
    let args = ["--mount", "--"].map(str::to_owned);
    let args = args.into_iter().chain([felix.display().to_string()]);
    Ok((spec.binaries.find("unshare")?, args.collect()))
}

/// The one object without which Felix and the plugin take the cluster for unfinished.
pub(super) async fn initialise(
    client: &kube::Client,
    cancel: &CancellationToken,
) -> Result<(), Error> {
    let objects = addons::calico()?;
    for object in &objects {
        // The second is of the first's kind, which the API knows a moment later.
        let look = |_| async {
            Ok::<_, Error>(match addons::apply_one(client, object).await {
                Ok(()) => Look::Done(()),
                Err(error) => Look::Pending(error.to_string()),
            })
        };
        wait::until(
            "the API takes Calico's objects",
            Deadline::seconds(20),
            cancel,
            look,
        )
        .await?;
    }
    Ok(())
}
