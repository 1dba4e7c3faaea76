//! The programs a machine must have, and the package that holds each.

use std::env;
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use super::{Finding, Verdict, verdict};
use crate::command::Tool;

/// A program that is needed.
pub(super) struct Need {
    /// Its name, or its path where it is never on the PATH.
    pub(super) program: &'static str,
    /// The Debian and Ubuntu package that holds it, `None` where none is new enough.
    pub(super) package: Option<&'static str>,
    /// What for.
    purpose: &'static str,
}

const fn apt(program: &'static str, package: &'static str, purpose: &'static str) -> Need {
    Need {
        program,
        package: Some(package),
        purpose,
    }
}

/// Everything outside the toolchain. What is not here comes with any system.
pub(super) const NEEDS: [Need; 23] = [
    apt("containerd", "containerd", "to run pods"),
    apt("containerd-shim-runc-v2", "containerd", "to run pods"),
    apt("ctr", "containerd", "to import images"),
    apt("runc", "runc", "to run containers"),
    apt(
        "/usr/lib/cni/ptp",
        "containernetworking-plugins",
        "to connect pods",
    ),
    apt(
        "/usr/lib/cni/host-local",
        "containernetworking-plugins",
        "to give pods addresses",
    ),
    apt(
        "/usr/lib/cni/loopback",
        "containernetworking-plugins",
        "to connect pods",
    ),
    apt("buildah", "buildah", "to build images"),
    apt("debootstrap", "debootstrap", "to build the base image"),
    apt(
        "/usr/share/keyrings/debian-archive-keyring.gpg",
        "debian-archive-keyring",
        "to verify the base image",
    ),
    apt("catatonit", "catatonit", "to hold pods"),
    apt("iptables", "iptables", "to connect pods"),
    apt("nft", "nftables", "to route services"),
    apt("ipset", "ipset", "to partition networks"),
    apt("conntrack", "conntrack", "to route services"),
    apt("socat", "socat", "to forward ports"),
    apt("ip", "iproute2", "to make links"),
    apt("tc", "iproute2", "to shape traffic"),
    apt(
        "setpriv",
        "util-linux",
        "to end programs with their supervisor",
    ),
    apt("gcc", "build-essential", "to compile what pods run first"),
    apt("npm", "npm", "to install Aztec"),
    Need {
        program: "cargo",
        package: None,
        purpose: "to compile what pods run first",
    },
    Need {
        program: "go",
        package: None,
        purpose: "to build Kubernetes where no release can be downloaded",
    },
];

pub(super) async fn check(cancel: &CancellationToken) -> Vec<Finding> {
    let mut findings = Vec::new();
    for need in &NEEDS {
        let place = find(need.program);
        let found = match &place {
            Some(place) => describe(need.program, place, cancel).await,
            None => "not there".to_owned(),
        };
        let verdict = match need.program {
            // Without Go, releases are downloaded where there are any.
            "go" if place.is_none() => Verdict::Warning,
            _ => verdict(place.is_some()),
        };
        let finding = Finding::new(need.program, verdict, found).needs(need.purpose);
        findings.push(finding.or(advice(need)));
    }
    findings
}

fn advice(need: &Need) -> String {
    match (need.program, need.package) {
        (_, Some(package)) => {
            format!(
                "install the package `{package}`: `aznet doctor --fix` does on Debian and Ubuntu"
            )
        }
        ("go", None) => "install Go 1.25 or newer from https://go.dev/dl".into(),
        _ => "install Rust from https://rustup.rs".into(),
    }
}

/// Where a program is: on the PATH, in the folders for root's programs, or at its path.
pub(super) fn find(program: &str) -> Option<PathBuf> {
    if program.starts_with('/') {
        return Some(PathBuf::from(program)).filter(|path| path.exists());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let root = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    env::split_paths(&path)
        .chain(root)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

/// The version, for those whose version matters; else the place.
async fn describe(program: &str, place: &Path, cancel: &CancellationToken) -> String {
    let args: &[&str] = match program {
        "go" => &["env", "GOVERSION"],
        "containerd" | "runc" | "buildah" | "npm" | "cargo" => &["--version"],
        _ => return place.display().to_string(),
    };
    let asked = Tool::new(place).args(args).output(cancel).await;
    let answer = asked.unwrap_or_default();
    let line = answer.lines().next().unwrap_or_default().trim();
    format!("{line} ({})", place.display())
}
