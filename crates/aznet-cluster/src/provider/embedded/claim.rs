//! The right to change a cluster, and whether the cluster is one that these folders belong to.

use std::path::Path;

use aznet_kit::lock::{Lock, LockError, Share};
use aznet_kit::wait::{Deadline, WaitError};
use tokio_util::sync::CancellationToken;

use super::error::Error;
use super::layout::Layout;
use super::spec::Spec;

/// Waits for the right to change the cluster, and checks that nobody changes it from elsewhere.
pub(super) async fn claim(layout: &Layout, cancel: &CancellationToken) -> Result<Lock, Error> {
    let deadline = Deadline::seconds(300);
    let held = Lock::acquire(layout.lock(), Share::Alone, deadline, cancel, |_| {});
    let lock = held.await.map_err(|error| match error {
        LockError::Wait(source @ WaitError::TimedOut { .. }) => Error::Busy {
            name: layout.name().to_owned(),
            source,
        },
        error => error.into(),
    })?;
    if let Some(spec) = Spec::load(layout)? {
        is_here(layout, &spec)?;
    }
    Ok(lock)
}

/// Fails if the cluster has its sockets in another run folder: whoever supervises it there can't be seen from here.
fn is_here(layout: &Layout, spec: &Spec) -> Result<(), Error> {
    let elsewhere = |used: &&Path| *used != layout.run() && used.exists();
    match spec.run.as_deref().filter(elsewhere) {
        None => Ok(()),
        Some(used) => Err(Error::OtherRun {
            name: layout.name().to_owned(),
            used: used.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::Paths;
    use aznet_kit::files::{self, Access};

    #[tokio::test]
    async fn c03_a_cluster_is_not_touched_from_another_run_folder() {
        let dir = tempfile::tempdir().unwrap();
        let layout = |run: &str| {
            let run = dir.path().join(run);
            Layout::new(&Paths::new("/c", dir.path().join("state"), run), "a")
        };
        let (first, second) = (layout("one"), layout("two"));
        for folder in [first.state(), first.run()] {
            files::make_dir(folder, Access::Private).unwrap();
        }
        let spec = serde_json::json!({
            "name": "a", "port": 1, "created": "2026-01-02T03:04:05Z", "run": first.run(),
            "binaries": { "search": [], "cni": "/" },
            "images": { "store": "/", "pause": "", "coredns": "", "base": "", "archives": [] },
        });
        files::write_json(&first.spec(), &spec, Access::Private).unwrap();
        let cancel = CancellationToken::new();
        claim(&first, &cancel).await.unwrap();
        let error = claim(&second, &cancel).await.unwrap_err();
        let used = first.run().display().to_string();
        assert!(error.to_string().contains(&used), "{error}");
        // Nothing is left of it, as after a reboot: it may move.
        files::remove_dir(first.run()).unwrap();
        claim(&second, &cancel).await.unwrap();
    }
}
