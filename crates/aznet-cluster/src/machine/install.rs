//! Installs what is missing, on systems whose packages we know.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aznet_kit::files::{self, Access, FileError};
use aznet_kit::process::{ProcessError, Tool};
use tokio_util::sync::CancellationToken;

use super::finding::{Finding, Verdict};
use super::programs::{self, NEEDS};
use crate::progress::{Reporter, Task};

/// Why something is still missing.
#[derive(Debug, thiserror::Error)]
pub enum FixError {
    /// Not Debian or one of its kin.
    #[error("cannot install packages on {system}; install what Debian calls {}", packages.join(", "))]
    UnknownSystem {
        /// What the system calls itself.
        system: String,
        /// What is missing.
        packages: Vec<String>,
    },
    /// Only root installs packages.
    #[error("installing {} needs root: run it with sudo", packages.join(", "))]
    NotRoot {
        /// What is missing.
        packages: Vec<String>,
    },
    /// The package manager failed.
    #[error("cannot install {}", packages.join(", "))]
    Command {
        /// What was to be installed.
        packages: Vec<String>,
        /// What the package manager said.
        #[source]
        source: ProcessError,
    },
    /// Installed, and still not there.
    #[error("{} still not found after installing {}", programs.join(", "), packages.join(", "))]
    StillMissing {
        /// The programs.
        programs: Vec<String>,
        /// The packages that should hold them.
        packages: Vec<String>,
    },
    /// A file is out of reach.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Longer than a slow mirror takes, and than another package manager at work is waited for.
const INSTALLATION: Duration = Duration::from_mins(30);

/// Installs the packages of all programs that are missing, and returns their names.
///
/// Nothing is asked, and no service is started: aznet runs the programs itself.
pub async fn fix(report: &Reporter, cancel: &CancellationToken) -> Result<Vec<String>, FixError> {
    let packages = missing();
    if left_over().is_some() && nix::unistd::geteuid().is_root() {
        files::remove_if_there(Path::new(POLICY))?;
    }
    if packages.is_empty() {
        return Ok(packages);
    }
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    if !is_debian(&release) {
        return Err(FixError::UnknownSystem {
            system: field(&release, "PRETTY_NAME").unwrap_or_else(|| "this system".into()),
            packages,
        });
    }
    if !nix::unistd::geteuid().is_root() {
        return Err(FixError::NotRoot { packages });
    }
    let mut task = Task::new(report, "packages");
    install(&packages, &mut task, cancel).await?;
    let programs: Vec<String> = NEEDS
        .iter()
        .filter(|need| need.package.is_some() && programs::find(need.program).is_none())
        .map(|need| need.program.to_owned())
        .collect();
    if !programs.is_empty() {
        return Err(FixError::StillMissing { programs, packages });
    }
    task.done(&format!("installed {}", packages.join(", ")));
    Ok(packages)
}

/// The packages of programs that are not there.
fn missing() -> Vec<String> {
    let names: BTreeSet<&str> = NEEDS
        .iter()
        .filter(|need| programs::find(need.program).is_none())
        .filter_map(|need| need.package)
        .collect();
    names.into_iter().map(str::to_owned).collect()
}

async fn install(
    packages: &[String],
    task: &mut Task,
    cancel: &CancellationToken,
) -> Result<(), FixError> {
    let _quiet = NoServices::at(Path::new(POLICY))?;
    let failed = |source| FixError::Command {
        packages: packages.to_vec(),
        source,
    };
    let apt = || {
        Tool::new("apt-get")
            // Another package manager at work is waited for.
            .args(["--quiet", "--option", "DPkg::Lock::Timeout=300"])
            .env("DEBIAN_FRONTEND", "noninteractive")
    };
    task.step(1, 2);
    let update = apt().arg("update");
    task.run(
        "reading the lists of packages",
        update,
        INSTALLATION,
        cancel,
    )
    .await
    .map_err(failed)?;
    task.step(2, 2);
    let message = format!("installing {}", packages.join(", "));
    let install = apt()
        .args(["install", "--yes", "--no-install-recommends"])
        .args(packages);
    task.run(&message, install, INSTALLATION, cancel)
        .await
        .map(drop)
        .map_err(failed)
}

/// What an installation leaves behind if it is killed, in words: what it is and what removes it.
pub const LEFT_WHEN_KILLED: (&str, &str) = (
    "packages were being installed, and /usr/sbin/policy-rc.d keeps services from starting",
    "`aznet doctor --fix` finishes it, `rm /usr/sbin/policy-rc.d` lets services start again",
);

/// The file that an installation left that was killed.
pub(super) fn left_over() -> Option<Finding> {
    left_over_at(Path::new(POLICY))
}

fn left_over_at(path: &Path) -> Option<Finding> {
    let ours = fs::read_to_string(path).is_ok_and(|text| text == REFUSAL);
    ours.then(|| {
        let found = format!("{} of an installation that was killed", path.display());
        Finding::new("services", Verdict::Warning, found)
            .needs("packages that may start their services")
            .or("`aznet doctor --fix` removes it")
    })
}

/// While it exists, packages do not start the services they bring.
struct NoServices {
    /// The file, if it is ours to remove.
    ours: Option<PathBuf>,
}

/// Debian asks it before it starts a service; 101 forbids.
const POLICY: &str = "/usr/sbin/policy-rc.d";
const REFUSAL: &str =
    "#!/bin/sh\n# aznet installs packages without starting their services\nexit 101\n";

impl NoServices {
    fn at(path: &Path) -> Result<Self, FileError> {
        let ours = Some(path.to_owned());
        match fs::read_to_string(path) {
            // A run that was killed left it.
            Ok(text) if text == REFUSAL => return Ok(Self { ours }),
            // The machine's own policy stays.
            Ok(_) => return Ok(Self { ours: None }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(FileError::of("read", path)(error)),
        }
        files::write(path, REFUSAL, Access::Program)?;
        Ok(Self { ours })
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if let Some(path) = &self.ours
            && let Err(error) = files::remove_if_there(path)
        {
            tracing::warn!(%error, "services will not start until it is removed");
        }
    }
}

fn is_debian(release: &str) -> bool {
    let ids = ["ID", "ID_LIKE"].map(|name| field(release, name).unwrap_or_default());
    ids.iter()
        .flat_map(|ids| ids.split_whitespace())
        .any(|id| id == "debian" || id == "ubuntu")
}

/// A value of /etc/os-release.
fn field(release: &str, name: &str) -> Option<String> {
    release
        .lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix('='))
        .map(|value| value.trim_matches('"').to_owned())
        .next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_and_its_kin_are_recognised() {
        assert!(is_debian(
            "PRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\n"
        ));
        assert!(is_debian("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n"));
        assert!(!is_debian("ID=fedora\nID_LIKE=\"rhel centos\"\n"));
        assert!(!is_debian(""));
    }

    #[test]
    fn what_a_killed_installation_left_is_seen_and_goes_with_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("policy-rc.d");
        assert_eq!(left_over_at(&path), None);
        std::mem::forget(NoServices::at(&path).unwrap());
        let finding = left_over_at(&path).unwrap().to_string();
        assert!(finding.contains(&path.display().to_string()), "{finding}");
        drop(NoServices::at(&path).unwrap());
        assert!(!path.exists());

        fs::write(&path, "the machine's own").unwrap();
        drop(NoServices::at(&path).unwrap());
        assert!(path.exists());
        assert_eq!(left_over_at(&path), None);
    }
}
