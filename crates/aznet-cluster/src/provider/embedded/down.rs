//! Removing a cluster: every process, mount, namespace, cgroup and file it made, and nothing else.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

use tokio_util::sync::CancellationToken;

use super::cgroup::Cgroups;
use super::layout::Layout;
use super::spec::check_name;
use super::{Error, host, lock, mounts, netns, status, store, traces};
use crate::files;
use crate::paths::Paths;
use crate::progress::{Reporter, Task};
use crate::wait::{self, Look, Patience, WaitError};

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
    let _lock = lock::change(&layout, cancel).await?;
    let sockets = traces::shim_sockets(&layout);
    task.say("ending its processes");
    end_all(&layout, &cgroups, "").await?;
    task.say("removing its mounts, cgroups and files");
    remove_all(&layout, &cgroups, &sockets).await?;
    remove_shared(paths, &layout, &cgroups)?;
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
    let patience = Patience {
        pace: std::time::Duration::from_millis(20),
        ..Patience::seconds(10)
    };
    wait::until(
        "the end of the cluster's processes",
        patience,
        &never,
        || async {
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
    let outcome = wait::until(what, Patience::seconds(10), &never, || async {
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
    store::remove_tree(dir)
}

/// Removes what all clusters share, if this was the last one.
fn remove_shared(paths: &Paths, layout: &Layout, cgroups: &Cgroups) -> Result<(), Error> {
    host::restore_if(|| cgroups.was_last())?;
    if cgroups.was_last() {
        traces::remove_empty_dirs();
    }
    files::remove_if_there(layout.lock())?;
    for dir in [&paths.clusters(), paths.state(), paths.run()] {
        // Not empty as long as there is another cluster.
        let _ = fs::remove_dir(dir);
    }
    Ok(())
}
