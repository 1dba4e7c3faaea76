//! Locks on files, held by open descriptors: they end with their holder, however that ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::Error;
use super::layout::Layout;
use crate::files;
use crate::wait::{self, Look, Patience, WaitError};

/// Holds the lock if nobody else does.
pub(crate) fn try_hold(path: &Path) -> Result<Option<File>, Error> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(Error::io("open", path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(Error::io("lock", path)(error)),
    }
    // Whoever held it may have removed the file, so that this lock is one on nothing.
    let held = file.metadata().map_err(Error::io("read", path))?;
    let same = std::fs::metadata(path)
        .is_ok_and(|there| (there.dev(), there.ino()) == (held.dev(), held.ino()));
    Ok(same.then_some(file))
}

/// Waits for the right to change the cluster.
pub(crate) async fn change(layout: &Layout, cancel: &CancellationToken) -> Result<File, Error> {
    let path = layout.lock();
    if let Some(dir) = path.parent() {
        files::make_dir(dir)?;
    }
    let what = "the end of another aznet's work on the cluster";
    let held = wait::until(what, Patience::seconds(300), cancel, || async {
        Ok(match try_hold(path)? {
            Some(file) => Look::Done(file),
            None => Look::Pending("it goes on".into()),
        })
    });
    match held.await {
        Err(Error::Wait(WaitError::TimedOut { .. })) => Err(Error::Busy {
            name: layout.name().to_owned(),
            lock: path.to_path_buf(),
        }),
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_has_one_holder() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.lock");
        let held = try_hold(&path).unwrap();
        assert!(held.is_some());
        assert!(try_hold(&path).unwrap().is_none());
        drop(held);
        assert!(try_hold(&path).unwrap().is_some());
    }
}
