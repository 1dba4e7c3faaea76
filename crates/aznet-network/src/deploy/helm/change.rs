//! Installs, upgrades and removals; what fails half-way is undone.

use aznet_kit::wait::{self, Deadline, Look};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::Helm;
use super::error::HelmError;
use super::release::{AT_WORK, Release, ReleaseInfo};

impl Helm {
    /// Installs a release and does not wait for its pods. When it fails or is cancelled, what was made is removed again.
    ///
    /// # Errors
    /// [`HelmError`]; [`HelmError::NameTaken`] where there is a release of this name, which stays as it is.
    pub async fn install(
        &self,
        release: &Release<'_>,
        cancel: &CancellationToken,
    ) -> Result<(), HelmError> {
        let (name, namespace) = (release.name, release.namespace);
        // Asked first: clean-up below must never meet a release that is not ours.
        if let Some(taken) = self.status(name, namespace, cancel).await? {
            return Err(HelmError::NameTaken(taken));
        }
        let args = ["--server-side=true"];
        let Err(failure) = self.with_values("install", release, &args, cancel).await else {
            return Ok(());
        };
        // Not the caller's token: clean-up must happen even when the caller has given up.
        let undo = CancellationToken::new();
        if failure.is_taken() {
            // Someone else was quicker, and theirs stays.
            let theirs = self.status(name, namespace, &undo).await?;
            return Err(theirs.map_or(failure, HelmError::NameTaken));
        }
        let undone = self.uninstall(name, namespace, &undo).await;
        Err(after_undoing(failure, undone))
    }

    /// Brings a release that an interrupted run left half-made to where it can be upgraded; `None` where there is none
    /// (any more) and it is to be installed. Waits for a run that may still be at it.
    ///
    /// # Errors
    /// [`HelmError`].
    pub async fn recover(
        &self,
        name: &str,
        namespace: &str,
        cancel: &CancellationToken,
    ) -> Result<Option<ReleaseInfo>, HelmError> {
        let what = format!("whoever changes release {name} to end");
        let deadline = Deadline::after(2 * AT_WORK);
        let found = wait::until(what, deadline, cancel, |_| async move {
            let found = self.status(name, namespace, cancel).await?;
            Ok::<_, HelmError>(match found {
                Some(info) if info.is_under_way(Timestamp::now()) => Look::Pending(info.status),
                found => Look::Done(found),
            })
        })
        .await?;
        match found {
            Some(info) if info.is_half_made() => {
                self.uninstall(name, namespace, cancel).await?;
                Ok(None)
            }
            Some(info) if info.is_pending() => {
                self.roll_back(name, namespace, None, cancel).await?;
                self.status(name, namespace, cancel).await
            }
            found => Ok(found),
        }
    }

    /// Rolls a release back to a revision, or to the one before, and does not wait for its pods.
    ///
    /// # Errors
    /// [`HelmError`].
    pub async fn roll_back(
        &self,
        name: &str,
        namespace: &str,
        revision: Option<&str>,
        cancel: &CancellationToken,
    ) -> Result<(), HelmError> {
        let mut args = vec!["rollback", name];
        args.extend(revision);
        args.extend(["--namespace", namespace]);
        args.extend(["--server-side=true", "--force-conflicts"]);
        self.run(&args, None, cancel).await.map(drop)
    }

    /// Upgrades a release, or installs it where there is none, and does not wait for its pods. When an upgrade fails, it
    /// is rolled back to the revision before.
    ///
    /// # Errors
    /// [`HelmError`].
    pub async fn upgrade(
        &self,
        release: &Release<'_>,
        cancel: &CancellationToken,
    ) -> Result<(), HelmError> {
        let (name, namespace) = (release.name, release.namespace);
        let before = self.recover(name, namespace, cancel).await?;
        if before.is_none() {
            return self.install(release, cancel).await;
        }
        let args = ["--reset-values", "--server-side=true", "--force-conflicts"];
        let Err(failure) = self.with_values("upgrade", release, &args, cancel).await else {
            return Ok(());
        };
        let undo = CancellationToken::new();
        let undone = match (&before, self.status(name, namespace, &undo).await) {
            (Some(before), Ok(Some(now))) if now.revision != before.revision => {
                let revision = Some(before.revision.as_str());
                self.roll_back(name, namespace, revision, &undo).await
            }
            (_, status) => status.map(drop),
        };
        Err(after_undoing(failure, undone))
    }

    /// Removes a release and what it made; none is fine.
    ///
    /// # Errors
    /// [`HelmError`].
    pub async fn uninstall(
        &self,
        name: &str,
        namespace: &str,
        cancel: &CancellationToken,
    ) -> Result<(), HelmError> {
        let args = [
            "uninstall",
            name,
            "--namespace",
            namespace,
            "--ignore-not-found",
        ];
        self.run(&args, None, cancel).await.map(drop)
    }
}

fn after_undoing(failure: HelmError, undone: Result<(), HelmError>) -> HelmError {
    match undone {
        Ok(()) => failure,
        // Where the cluster can't be reached nothing was made, and saying so twice helps nobody.
        Err(undo) if undo.is_unreachable() && failure.is_unreachable() => failure,
        Err(undo) => HelmError::NotUndone {
            failure: Box::new(failure),
            undo: Box::new(undo),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;

    /// A program in Helm's place that answers `list` with this status and writes down how it is called.
    #[tokio::test]
    async fn r03_a_release_left_half_made_is_cleared_and_a_stopped_upgrade_rolled_back() {
        for (revision, status, expected) in [
            (
                "1",
                "pending-install",
                "uninstall small --namespace ns --ignore-not-found",
            ),
            (
                "3",
                "pending-upgrade",
                "rollback small --namespace ns --server-side=true --force-conflicts",
            ),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let release = format!(
                r#"[{{"name":"small","namespace":"ns","revision":"{revision}","status":"{status}","chart":"c-1","updated":"2020-01-01 00:00:00 +0000 UTC"}}]"#
            );
            let script = format!(
                "#!/bin/sh\necho \"$@\" >> {0}/calls\n[ \"$1\" = list ] && echo '{release}'\nexit 0\n",
                dir.path().display()
            );
            let program = dir.path().join("helm");
            aznet_kit::files::write(&program, script, aznet_kit::files::Access::Program).unwrap();
            let helm = Helm::new(&program);
            let cancel = CancellationToken::new();
            helm.recover("small", "ns", &cancel)
                .await
                .expect("recovered");
            let calls = std::fs::read_to_string(dir.path().join("calls")).unwrap();
            assert_eq!(calls.lines().nth(1), Some(expected), "{status}");
        }
    }

    /// R04: of two installs at once the second failed, and its clean-up removed the first one's release.
    #[tokio::test]
    async fn an_install_that_came_second_leaves_the_first_alone() {
        let dir = tempfile::tempdir().unwrap();
        let there = r#"[{"name":"small","namespace":"ns","revision":"1","status":"pending-install","chart":"c-1","updated":"2020-01-01 00:00:00 +0000 UTC"}]"#;
        let script = format!(
            "#!/bin/sh\necho \"$1\" >> {0}/calls\ncase $1 in\n\
             list) [ -e {0}/begun ] && echo '{there}' || echo '[]';;\n\
             install) touch {0}/begun; echo 'Error: INSTALLATION FAILED: release: already exists' >&2; exit 1;;\nesac\n",
            dir.path().display()
        );
        let program = dir.path().join("helm");
        aznet_kit::files::write(&program, script, aznet_kit::files::Access::Program).unwrap();
        let release = Release {
            name: "small",
            namespace: "ns",
            chart: dir.path(),
            overlay: &Map::new(),
        };
        let refused = Helm::new(&program)
            .install(&release, &CancellationToken::new())
            .await
            .unwrap_err();
        assert!(matches!(refused, HelmError::NameTaken(_)), "{refused}");
        let calls = std::fs::read_to_string(dir.path().join("calls")).unwrap();
        assert_eq!(calls, "list\ninstall\nlist\n");
    }
}
