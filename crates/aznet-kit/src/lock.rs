//! One at a time: advisory locks on files, released by the system however their holder ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use crate::files::{self, Access, FileError};
use crate::wait::{self, Deadline, Look, WaitError};

/// A held lock; dropping it lets the next one in.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

/// An attempt at a lock.
#[derive(Debug)]
pub enum Attempt {
    /// It is ours.
    Held(Lock),
    /// Somebody else has it: `process 17`.
    Taken(String),
}

/// How a lock is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// By one alone.
    Alone,
    /// Beside others who share it.
    Shared,
}

/// The lock could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The lock file is out of reach.
    #[error(transparent)]
    File(#[from] FileError),
    /// Its holder did not finish in time, or the wait was interrupted.
    #[error(transparent)]
    Wait(#[from] WaitError),
}

impl Lock {
    /// Takes the lock at `path` if nobody else holds it. Makes the file, not its folder.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn attempt(path: &Path, share: Share) -> Result<Attempt, FileError> {
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o600)
            .open(path)
            .map_err(FileError::of("open", path))?;
        let locked = match share {
            Share::Alone => file.try_lock(),
            Share::Shared => file.try_lock_shared(),
        };
        match locked {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Attempt::Taken(holder(&mut file))),
            Err(TryLockError::Error(source)) => return Err(FileError::of("lock", path)(source)),
        }
        if !is_at(&file, path).map_err(FileError::of("read", path))? {
            return Ok(Attempt::Taken("someone who removes it".to_owned()));
        }
        if share == Share::Alone {
            sign(&mut file).map_err(FileError::of("write", path))?;
        }
        let path = path.to_owned();
        Ok(Attempt::Held(Self { file, path }))
    }

    /// Takes the lock at `path`, making its folder; `on_wait` is told who holds it, at every look.
    ///
    /// # Errors
    /// [`LockError`].
    pub async fn acquire(
        path: &Path,
        share: Share,
        deadline: Deadline,
        cancel: &CancellationToken,
        mut on_wait: impl FnMut(&str),
    ) -> Result<Self, LockError> {
        if let Some(dir) = path.parent().filter(|dir| !dir.exists()) {
            files::make_dir(dir, Access::Shared)?;
        }
        let what = format!("the lock {}", path.display());
        wait::until(what, deadline, cancel, |_| {
            let look = Self::attempt(path, share).map(|attempt| match attempt {
                Attempt::Held(lock) => Look::Done(lock),
                Attempt::Taken(holder) => {
                    on_wait(&holder);
                    Look::Pending(format!("held by {holder}"))
                }
            });
            std::future::ready(look.map_err(LockError::from))
        })
        .await
    }

    /// Removes the file and lets go of the lock. Whoever waits for it notices that the file is another.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn remove(self) -> Result<(), FileError> {
        files::remove_if_there(&self.path)?;
        drop(self.file);
        Ok(())
    }
}

/// Whether the open file is still the one at `path`: its holder may have removed it while we waited, and a lock on a
/// file that nobody finds keeps nobody out.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let held = file.metadata()?;
    Ok(std::fs::metadata(path)
        .is_ok_and(|there| (there.dev(), there.ino()) == (held.dev(), held.ino())))
}

/// Writes our process id into the file, for those who wait.
fn sign(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "{}", std::process::id())
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
    match read {
        Ok(_) if !text.is_empty() => format!("process {text}"),
        _ => "another process".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn held(path: &Path, share: Share) -> Option<Lock> {
        match Lock::attempt(path, share).unwrap() {
            Attempt::Held(lock) => Some(lock),
            Attempt::Taken(_) => None,
        }
    }

    #[test]
    fn a_lock_has_one_holder_or_many_who_share_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.lock");
        let one = held(&path, Share::Alone).expect("free");
        assert!(held(&path, Share::Alone).is_none());
        assert!(held(&path, Share::Shared).is_none());
        drop(one);
        let _reader = held(&path, Share::Shared).expect("free again");
        assert!(held(&path, Share::Shared).is_some());
        assert!(held(&path, Share::Alone).is_none());
    }

    #[test]
    fn a_removed_lock_file_is_not_held() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.lock");
        let first = held(&path, Share::Alone).expect("free");
        first.remove().unwrap();
        assert!(!path.exists());
        assert!(held(&path, Share::Alone).is_some());
    }

    #[tokio::test]
    async fn a_second_taker_is_told_who_holds_it_and_goes_on_when_the_first_is_done() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("made/x.lock");
        let cancel = CancellationToken::new();
        let take =
            |on_wait| Lock::acquire(&path, Share::Alone, Deadline::seconds(20), &cancel, on_wait);
        let first = take(Box::new(|_: &str| {}) as Box<dyn FnMut(&str) + Send>)
            .await
            .unwrap();
        let told = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
        let hear = std::sync::Arc::clone(&told);
        let second = take(Box::new(move |holder: &str| {
            holder.clone_into(&mut hear.lock().unwrap());
        }));
        let release = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            drop(first);
        };
        let (second, ()) = tokio::join!(second, release);
        second.unwrap();
        assert_eq!(
            *told.lock().unwrap(),
            format!("process {}", std::process::id())
        );
    }

    #[tokio::test]
    async fn an_interrupted_wait_names_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.lock");
        let _held = held(&path, Share::Alone).expect("free");
        let cancel = CancellationToken::new();
        cancel.cancel();
        let error = Lock::acquire(&path, Share::Alone, Deadline::seconds(20), &cancel, |_| {})
            .await
            .unwrap_err();
        assert!(error.to_string().contains("x.lock"), "{error}");
    }
}
