//! The programs a machine must have, and the package that holds each.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aznet_kit::process::{Tool, find_in};
use nix::unistd::{Uid, User};
use tokio_util::sync::CancellationToken;

use super::finding::{Finding, Verdict, verdict};

/// A program tells its version at once.
const ANSWER: Duration = Duration::from_secs(20);

/// What the programs are wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Everything, the compilation of what pods run first included.
    Compile,
    /// What was compiled is there.
    Run,
}

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

pub(super) async fn check(work: Work, cancel: &CancellationToken) -> Vec<Finding> {
    let mut findings = Vec::new();
    for need in &NEEDS {
        let place = find(need.program);
        let found = match &place {
            Some(place) => describe(need.program, place, cancel).await,
            None => "not there".to_owned(),
        };
        let verdict = weight(need.program, place.is_some(), work);
        let finding = Finding::new(need.program, verdict, found).needs(need.purpose);
        findings.push(finding.or(advice(need, sudo_user().as_deref())));
    }
    findings
}

fn weight(program: &str, there: bool, work: Work) -> Verdict {
    match (program, work) {
        // Without Go, releases are downloaded where there are any.
        ("go", _) | ("cargo", Work::Run) if !there => Verdict::Warning,
        _ => verdict(there),
    }
}

fn advice(need: &Need, sudo_user: Option<&str>) -> String {
    match (need.program, need.package, sudo_user) {
        (_, Some(package), _) => format!(
            "install the package `{package}`: `aznet doctor --fix` does on Debian and Ubuntu"
        ),
        ("go", ..) => "install Go 1.25 or newer from https://go.dev/dl".into(),
        (.., Some(user)) => format!(
            "it is neither on the PATH that sudo left nor in the home of {user}: install Rust from https://rustup.rs"
        ),
        _ => "install Rust from https://rustup.rs".into(),
    }
}

/// Where a program is: on the PATH, in the folders of root's programs, at its path, or where the user who called sudo
/// has it: sudo drops what that user added to the PATH.
pub fn find(program: &str) -> Option<PathBuf> {
    let homes = sudo_user().and_then(|user| home_of(&user));
    find_in(Path::new(program), places(homes.as_deref()))
}

/// The PATH, with all places that [`find`] looks at.
pub fn search_path() -> OsString {
    let homes = sudo_user().and_then(|user| home_of(&user));
    env::join_paths(places(homes.as_deref())).unwrap_or_default()
}

fn places(home: Option<&Path>) -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let root = ["/usr/sbin", "/sbin", "/usr/local/go/bin"].map(PathBuf::from);
    let user = home.map(|home| home.join(".cargo/bin"));
    env::split_paths(&path).chain(root).chain(user).collect()
}

/// cargo, with the toolchains of the user who installed it; `None` if there is no cargo.
pub(crate) fn cargo() -> Option<Tool> {
    let place = find("cargo")?;
    let tool = Tool::new(&place).env("PATH", search_path());
    let toolchains = place
        .ancestors()
        .nth(3)
        .map(|home| home.join(".rustup"))
        .filter(|folder| folder.is_dir());
    Some(match toolchains {
        Some(folder) if env::var_os("RUSTUP_HOME").is_none() => tool.env("RUSTUP_HOME", folder),
        _ => tool,
    })
}

/// The home of whoever runs this: as `HOME` says, else as the system knows it.
pub fn home() -> Option<PathBuf> {
    let named = env::var_os("HOME").filter(|home| !home.is_empty());
    named.map(PathBuf::from).or_else(|| {
        let user = User::from_uid(Uid::effective()).ok().flatten()?;
        Some(user.dir)
    })
}

fn sudo_user() -> Option<String> {
    env::var("SUDO_USER").ok().filter(|user| user != "root")
}

fn home_of(user: &str) -> Option<PathBuf> {
    Some(User::from_name(user).ok().flatten()?.dir)
}

/// The version, for those whose version matters; else the place.
async fn describe(program: &str, place: &Path, cancel: &CancellationToken) -> String {
    let args: &[&str] = match program {
        "go" => &["env", "GOVERSION"],
        "containerd" | "runc" | "buildah" | "npm" | "cargo" => &["--version"],
        _ => return place.display().to_string(),
    };
    let asked = Tool::new(place)
        .args(args)
        .env("PATH", search_path())
        .output(ANSWER, cancel)
        .await;
    let answer = asked.unwrap_or_default();
    let line = answer.lines().next().unwrap_or_default().trim();
    format!("{line} ({})", place.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c13_cargo_of_the_user_behind_sudo_is_found() {
        let home = tempfile::tempdir().unwrap();
        let bin = home.path().join(".cargo/bin");
        std::fs::create_dir_all(&bin).unwrap();
        let program = "aznet-test-cargo";
        std::fs::write(bin.join(program), "").unwrap();
        let find = |home| find_in(Path::new(program), places(home));
        assert_eq!(find(None), None);
        assert_eq!(find(Some(home.path())), Some(bin.join(program)));
    }

    #[test]
    fn c13_cargo_is_asked_for_only_if_something_is_compiled() {
        assert_eq!(weight("cargo", false, Work::Compile), Verdict::Missing);
        assert_eq!(weight("cargo", false, Work::Run), Verdict::Warning);
        assert_eq!(weight("runc", false, Work::Run), Verdict::Missing);
        let cargo = NEEDS.iter().find(|need| need.program == "cargo").unwrap();
        assert!(advice(cargo, Some("dev")).contains("sudo"));
    }
}
