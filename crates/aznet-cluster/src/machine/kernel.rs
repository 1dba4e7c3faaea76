//! What the kernel lets us do: tried out in namespaces of our own where reading is not enough.

use std::fs;
use std::time::Duration;

use aznet_kit::process::Tool;
use tokio_util::sync::CancellationToken;

use super::finding::{Finding, Verdict, verdict};
use super::programs;

/// Each trial takes milliseconds.
const TRIAL: Duration = Duration::from_secs(20);

/// Capabilities by number, as in linux/capability.h.
const CAPABILITIES: [(&str, u32); 6] = [
    ("CAP_CHOWN", 0),
    ("CAP_NET_ADMIN", 12),
    ("CAP_SYS_CHROOT", 18),
    ("CAP_SYS_PTRACE", 19),
    ("CAP_SYS_ADMIN", 21),
    ("CAP_MKNOD", 27),
];

const CONTROLLERS: [&str; 4] = ["cpu", "cpuset", "memory", "pids"];

pub(super) async fn check(cancel: &CancellationToken) -> Vec<Finding> {
    let mut findings = vec![capabilities(), cgroups(), overlayfs(cancel).await];
    findings.extend(trials(cancel).await);
    findings.extend(information(cancel).await);
    findings
}

fn capabilities() -> Finding {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let missing = missing_capabilities(&status);
    let found = if missing.is_empty() {
        "all".to_owned()
    } else {
        format!("lacks {}", missing.join(", "))
    };
    let names = CAPABILITIES.map(|(name, _)| name).join(", ");
    Finding::new("capabilities", verdict(missing.is_empty()), found)
        .needs(names)
        .or("run as root, in a container with --privileged")
}

fn missing_capabilities(status: &str) -> Vec<&'static str> {
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let held = line.and_then(|text| u64::from_str_radix(text.trim(), 16).ok());
    let held = held.unwrap_or(0);
    CAPABILITIES
        .iter()
        .filter(|(_, number)| held & (1 << number) == 0)
        .map(|(name, _)| *name)
        .collect()
}

/// Either version will do; what matters are the controllers.
fn cgroups() -> Finding {
    let unified = fs::read_to_string("/sys/fs/cgroup/cgroup.controllers");
    let (version, there) = match &unified {
        Ok(text) => ("v2", text.split_whitespace().map(str::to_owned).collect()),
        Err(_) => ("v1", hierarchies()),
    };
    let there: Vec<String> = there;
    let missing: Vec<&str> = CONTROLLERS
        .into_iter()
        .filter(|name| !there.iter().any(|controller| controller == name))
        .collect();
    let found = if missing.is_empty() {
        version.to_owned()
    } else {
        format!("{version} without {}", missing.join(", "))
    };
    Finding::new("cgroups", verdict(missing.is_empty()), found)
        .needs(format!("v1 or v2 with {}", CONTROLLERS.join(", ")))
        .or("boot with the controllers enabled, for example cgroup_enable=memory")
}

/// Controllers that are mounted and may be written to.
fn hierarchies() -> Vec<String> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    mounts
        .lines()
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [_, _, "cgroup", options, ..] = fields[..] else {
                return None;
            };
            Some(options.split(',').map(str::to_owned).collect::<Vec<_>>())
        })
        .flatten()
        .collect()
}

async fn overlayfs(cancel: &CancellationToken) -> Finding {
    let known = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    let there = known
        .lines()
        .any(|line| line.trim_end().ends_with("overlay"));
    // A module is loaded when first used.
    let there = there || succeeds("modprobe", &["-q", "overlay"], cancel).await;
    let found = if there { "there" } else { "not there" };
    Finding::new("overlayfs", verdict(there), found)
        .needs("overlayfs, for images")
        .or("use a kernel with CONFIG_OVERLAY_FS")
}

/// Something tried out in a network namespace that is gone right after.
struct Trial {
    what: &'static str,
    script: &'static str,
    /// What it is for; for mere information: what there is not without it.
    purpose: &'static str,
    fix: &'static str,
}

/// What clusters cannot do without.
const TRIALS: [Trial; 4] = [
    Trial {
        what: "veth pairs",
        script: "ip link add name a type veth peer name b",
        purpose: "virtual links, for pods",
        fix: "use a kernel with CONFIG_VETH, and install iproute2",
    },
    Trial {
        what: "bridges",
        script: "ip link add name a type bridge",
        purpose: "bridges, for the node's address",
        fix: "use a kernel with CONFIG_BRIDGE, and install iproute2",
    },
    Trial {
        what: "nftables",
        script: "nft 'add table ip t; add chain ip t c { type nat hook postrouting priority 100; }; add rule ip t c masquerade'",
        purpose: "nftables with NAT, for services",
        fix: "use a kernel with CONFIG_NF_TABLES and CONFIG_NFT_NAT, and install nftables",
    },
    Trial {
        what: "iptables",
        script: "iptables -t nat -A POSTROUTING -m comment --comment x -j MASQUERADE",
        purpose: "iptables with NAT, for pods",
        fix: "use a kernel with CONFIG_IP_NF_NAT or CONFIG_NFT_COMPAT, and install iptables",
    },
];

/// What chaos experiments will be able to use.
const INFORMATION: [Trial; 3] = [
    Trial {
        what: "netem",
        script: "ip link set lo up && tc qdisc add dev lo root netem delay 1ms",
        purpose: "no delay, loss or corruption of packets by the kernel",
        fix: "",
    },
    Trial {
        what: "token buckets",
        script: "ip link set lo up && tc qdisc add dev lo root tbf rate 1mbit burst 32kbit latency 400ms",
        purpose: "no limits on bandwidth",
        fix: "",
    },
    Trial {
        what: "ipsets",
        script: "ipset create t hash:net",
        purpose: "no partitions",
        fix: "",
    },
];

async fn trials(cancel: &CancellationToken) -> Vec<Finding> {
    if !succeeds("unshare", &["--net", "true"], cancel).await {
        return vec![
            Finding::new("network namespaces", Verdict::Missing, "cannot make one")
                .needs("the right to make network namespaces")
                .or("run as root on a kernel with CONFIG_NET_NS"),
        ];
    }
    let mut findings = vec![Finding::new("network namespaces", Verdict::Ok, "works")];
    for trial in &TRIALS {
        let works = trial.works(cancel).await;
        let found = if works { "works" } else { "does not work" };
        findings.push(
            Finding::new(trial.what, verdict(works), found)
                .needs(trial.purpose)
                .or(trial.fix),
        );
    }
    findings
}

async fn information(cancel: &CancellationToken) -> Vec<Finding> {
    let mut findings = Vec::new();
    for trial in &INFORMATION {
        let found = if trial.works(cancel).await {
            "there".to_owned()
        } else {
            format!("not there: {}", trial.purpose)
        };
        findings.push(Finding::new(trial.what, Verdict::Info, found));
    }
    findings
}

impl Trial {
    async fn works(&self, cancel: &CancellationToken) -> bool {
        succeeds("unshare", &["--net", "sh", "-c", self.script], cancel).await
    }
}

/// Runs a short command; it counts only whether it works.
async fn succeeds(program: &str, args: &[&str], cancel: &CancellationToken) -> bool {
    let Some(program) = programs::find(program) else {
        return false;
    };
    let tool = Tool::new(program)
        .args(args)
        .env("PATH", programs::search_path());
    tool.output(TRIAL, cancel).await.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_capabilities_are_named() {
        assert!(missing_capabilities("CapEff:\t000001ffffffffff\n").is_empty());
        let most = missing_capabilities("CapEff:\t00000000a80425fb\n");
        assert_eq!(most, ["CAP_NET_ADMIN", "CAP_SYS_PTRACE", "CAP_SYS_ADMIN"]);
        assert_eq!(missing_capabilities("").len(), CAPABILITIES.len());
    }
}
