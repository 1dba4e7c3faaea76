//! Removing a cluster: every process, mount, namespace, cgroup and file it made, and nothing else.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

use tokio_util::sync::CancellationToken;

use super::cgroup::Cgroups;
use super::error::Error;
use super::layout::Layout;
use super::name::check_name;
use super::{claim, host, netns, status, traces};
use crate::machine::mounts;
use crate::paths::Paths;
use crate::progress::{Reporter, Task};
use aznet_kit::files;
use aznet_kit::lock::Lock;
use aznet_kit::wait::{self, Deadline, Look, WaitError};

/// Removes the cluster `name` with everything in it. Once the removal has begun it is carried through.
///
/// # Errors
/// [`Error::NoSuchCluster`] if there is no trace of it, [`Error::LeftBehind`] if something can't be removed.
pub async fn down(
    paths: &Paths,
    name: &str,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<(), Error> {
    check_name(name)?;
    let layout = Layout::new(paths, name);
    let task = Task::new(report, format!("cluster {name}"));
    let cgroups = Cgroups::at(layout.cgroup())?;
    if !is_there(&layout, &cgroups) {
        return Err(Error::NoSuchCluster {
            name: name.to_owned(),
        });
    }
    let lock = claim::claim(&layout, cancel).await?;
    let sockets = traces::shim_sockets(&layout);
    task.say("ending its processes");
    end_all(&layout, &cgroups, "").await?;
    task.say("removing its mounts, cgroups and files");
    remove_all(&layout, &cgroups, &sockets).await?;
    remove_shared(paths, &cgroups, lock).await?;
    task.done("removed");
    Ok(())
}

fn is_there(layout: &Layout, cgroups: &Cgroups) -> bool {
    let files = [layout.state(), layout.run(), layout.netns()];
    files.iter().any(|path| path.exists()) || cgroups.exists()
}

/// Ends the supervisor, then whatever is in this part of the cluster's cgroups, until nothing is.
pub(super) async fn end_all(layout: &Layout, cgroups: &Cgroups, part: &str) -> Result<(), Error> {
    if let Some(supervisor) = status::supervisor(layout)? {
        let action = format!("kill the supervisor {}", supervisor.pid);
        supervisor.kill().map_err(Error::kernel(action))?;
    }
    let never = CancellationToken::new();
    let deadline = Deadline::seconds(10).every(std::time::Duration::from_millis(20));
    wait::until(
        "the end of the cluster's processes",
        deadline,
        &never,
        |_| async {
            Ok(match cgroups.kill(part)? {
                0 => Look::Done(()),
                count => Look::Pending(format!("{count} left")),
            })
        },
    )
    .await
}

/// The kernel takes a moment to let go of what dead processes used.
async fn remove_all(
    layout: &Layout,
    cgroups: &Cgroups,
    sockets: &HashSet<PathBuf>,
) -> Result<(), Error> {
    let never = CancellationToken::new();
    let what = "the removal of the cluster's mounts, cgroups and files";
    let outcome = wait::until(what, Deadline::seconds(10), &never, |_| async {
        for dir in [layout.run(), layout.state()] {
            mounts::remove_under(dir)?;
        }
        netns::remove(layout.netns())?;
        traces::remove(layout, sockets)?;
        let cgroups = cgroups.remove();
        let dirs = [layout.run(), layout.state()].map(remove_files);
        let left: Vec<String> = cgroups
            .iter()
            .map(|dir| dir.display().to_string())
            .chain(
                dirs.into_iter()
                    .filter_map(|outcome| Some(outcome.err()?.to_string())),
            )
            .collect();
        Ok(if left.is_empty() {
            Look::Done(())
        } else {
            Look::Pending(left.join(", "))
        })
    });
    outcome.await.map_err(|error| match error {
        Error::Wait(WaitError::TimedOut { last, .. }) => Error::LeftBehind {
            name: layout.name().to_owned(),
            left: last,
        },
        error => error,
    })
}

/// Removes a directory, unless something is still mounted below: that is not ours to empty.
fn remove_files(dir: &std::path::Path) -> Result<(), Error> {
    if let Some(point) = mounts::under(dir)?.first() {
        let busy = std::io::Error::from(std::io::ErrorKind::ResourceBusy);
        return Err(Error::io("unmount", point)(busy));
    }
    Ok(files::remove_dir(dir)?)
}

/// Removes what all clusters share, if this was the last one.
async fn remove_shared(paths: &Paths, cgroups: &Cgroups, lock: Lock) -> Result<(), Error> {
    let never = CancellationToken::new();
    host::restore_if(|| cgroups.was_last(), &never).await?;
    if cgroups.was_last() {
        traces::remove_empty_dirs();
    }
    lock.remove()?;
    // Not empty as long as there is another cluster.
    let _ = fs::remove_dir(paths.clusters());
    for dir in paths.usual() {
        let _ = fs::remove_dir(dir);
    }
    Ok(())
}
