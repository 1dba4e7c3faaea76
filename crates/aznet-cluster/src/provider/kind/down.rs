//! Removing a cluster of kind.

use std::fs;
use std::time::Duration;

use aznet_kit::files;
use aznet_kit::lock::{Lock, Share};
use aznet_kit::wait::{self, Deadline, Look};
use tokio_util::sync::CancellationToken;

use super::engine::Engine;
use super::error::Error;
use super::list::Folder;
use super::remains::Remains;
use crate::paths::Paths;
use crate::progress::{Reporter, Task};

/// It takes seconds; a broken node more.
const REMOVAL: Duration = Duration::from_mins(5);
/// A node that was being made when kind was stopped may turn up late.
const GONE: Deadline = Deadline::after(Duration::from_mins(6)).every(Duration::from_secs(1));

/// Removes a cluster with all that is in it, complete or not.
///
/// # Errors
/// [`Error::NoSuchCluster`], [`Error::Foreign`], or what keeps it from being removed.
pub async fn down(
    paths: &Paths,
    name: &str,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<(), Error> {
    let folder = Folder::of(paths, name);
    let task = Task::new(report, format!("cluster {name}"));
    let engine = Engine::find(cancel).await?;
    // The lock leaves a folder, where there may be nothing to remove.
    check(&engine, name, &folder, cancel).await?;
    let lock = claim(paths, name, &task, cancel).await?;
    check(&engine, name, &folder, cancel).await?;
    remove(&engine, name, &folder, &task, cancel).await?;
    release(paths, lock)?;
    task.done("gone");
    Ok(())
}

/// Refuses what is not ours or not there.
async fn check(
    engine: &Engine,
    name: &str,
    folder: &Folder,
    cancel: &CancellationToken,
) -> Result<(), Error> {
    let nodes = engine.nodes(Some(name), cancel).await?;
    let remains = Remains::of(name, nodes, &folder.mark(), folder.is_complete())?;
    if remains == Remains::Nothing && !folder.path().is_dir() {
        return Err(Error::NoSuchCluster {
            name: name.to_owned(),
        });
    }
    Ok(())
}

/// Lets go of the lock of a cluster of which nothing is left.
pub(super) fn release(paths: &Paths, lock: Lock) -> Result<(), Error> {
    lock.remove()?;
    // It stays where other clusters are in it.
    let _not_empty = fs::remove_dir(paths.kind());
    Ok(())
}

/// Takes the lock of a cluster.
pub(super) async fn claim(
    paths: &Paths,
    name: &str,
    task: &Task,
    cancel: &CancellationToken,
) -> Result<Lock, Error> {
    // Longer than it takes to make one.
    let deadline = Deadline::after(Duration::from_mins(15)).every(Duration::from_millis(200));
    let lock = paths.kind().join(format!("{name}.lock"));
    let held = Lock::acquire(&lock, Share::Alone, deadline, cancel, |holder| {
        task.waiting(&format!("waiting for {holder}, which works on it"));
    });
    Ok(held.await?)
}

/// Removes its nodes, until none is left, and then what is kept of it.
pub(super) async fn remove(
    engine: &Engine,
    name: &str,
    folder: &Folder,
    task: &Task,
    cancel: &CancellationToken,
) -> Result<(), Error> {
    // An engine that is still making a node refuses to remove it, or to describe it.
    let attempt = || async {
        let nodes = engine.nodes(Some(name), cancel).await?;
        if nodes.is_empty() {
            return Ok(Look::Done(()));
        }
        let delete = engine
            .run(folder.program(name)?)
            .args(["delete", "cluster", "--name", name, "--kubeconfig"])
            .arg(folder.kubeconfig());
        let message = format!("removing {} nodes", nodes.len());
        task.run(&message, delete, REMOVAL, cancel).await?;
        Ok::<_, Error>(Look::pending(format!("{} nodes", nodes.len())))
    };
    let look = |_| async { Ok::<_, Error>(Look::or_pending(attempt().await)) };
    wait::until(format!("the nodes of {name} to go"), GONE, cancel, look).await?;
    Ok(files::remove_dir(folder.path())?)
}
