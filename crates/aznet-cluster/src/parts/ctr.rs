//! containerd's own client, in the namespace that Kubernetes uses.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aznet_kit::process::{ProcessError, Tool};
use aznet_kit::wait::{self, Deadline, Look, WaitError};
use tokio_util::sync::CancellationToken;

/// Questions are answered at once; a machine under load takes its time.
const ANSWER: Duration = Duration::from_mins(1);
/// The largest image takes half a minute on a good disk.
const IMPORT: Duration = Duration::from_mins(20);

/// A client of the containerd that listens on a socket.
#[derive(Debug, Clone)]
pub(crate) struct Ctr {
    program: PathBuf,
    socket: PathBuf,
}

impl Ctr {
    pub(crate) fn new(program: impl Into<PathBuf>, socket: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            socket: socket.into(),
        }
    }

    fn tool(&self, args: &[&str]) -> Tool {
        Tool::new(&self.program)
            .args(["--namespace", "k8s.io", "--address"])
            .arg(&self.socket)
            .args(args)
    }

    /// Waits until containerd answers; `why` says what keeps it, from the client's error.
    pub(crate) async fn ready(
        &self,
        deadline: Deadline,
        cancel: &CancellationToken,
        why: impl Fn(&ProcessError) -> String,
    ) -> Result<(), WaitError> {
        wait::until("containerd's answer", deadline, cancel, |_| async {
            let asked = self.tool(&["version"]).output(ANSWER, cancel).await;
            Ok(match asked {
                Ok(_) => Look::Done(()),
                Err(error) => Look::Pending(why(&error)),
            })
        })
        .await
    }

    /// The references of its images.
    pub(crate) async fn images(
        &self,
        cancel: &CancellationToken,
    ) -> Result<HashSet<String>, ProcessError> {
        let list = self.tool(&["images", "list", "--quiet"]);
        let listed = list.output(ANSWER, cancel).await?;
        Ok(listed.lines().map(str::to_owned).collect())
    }

    /// Imports and unpacks all that is in an archive.
    pub(crate) async fn import(
        &self,
        archive: &Path,
        cancel: &CancellationToken,
    ) -> Result<(), ProcessError> {
        let flags = ["--all-platforms", "--snapshotter", "overlayfs"];
        let import = self.tool(&["images", "import"]).args(flags).arg(archive);
        import.output(IMPORT, cancel).await.map(drop)
    }

    /// Removes images, and waits until their space is free.
    pub(crate) async fn remove(
        &self,
        images: &[&str],
        cancel: &CancellationToken,
    ) -> Result<(), ProcessError> {
        if images.is_empty() {
            return Ok(());
        }
        let remove = self.tool(&["images", "remove", "--sync"]).args(images);
        remove.output(IMPORT, cancel).await.map(drop)
    }
}
