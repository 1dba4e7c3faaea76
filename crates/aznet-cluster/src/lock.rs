//! One run at a time: an advisory lock on a file, released by the system however its holder ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::process;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::disk::{self, DiskError};
use crate::progress::Task;
use crate::wait::{self, Look, Patience, WaitError};

/// A cold build of everything takes a third of this.
const LONGEST_HOLD: Duration = Duration::from_hours(1);

/// A held lock; dropping it lets the next one in.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// The lock could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The lock file is out of reach.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Its holder did not finish in time, or the wait was interrupted.
    #[error(transparent)]
    Held(#[from] WaitError),
}

impl Lock {
    /// Takes the lock at `path`, waiting while another process holds it; says so on `task`.
    pub(crate) async fn acquire(
        path: &Path,
        task: &Task,
        cancel: &CancellationToken,
    ) -> Result<Self, LockError> {
        if let Some(dir) = path.parent() {
            disk::make_dir(dir)?;
        }
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)
            .map_err(DiskError::of("open", path))?;
        let patience = Patience {
            limit: LONGEST_HOLD,
            pace: Duration::from_millis(200),
        };
        let what = format!("the lock {}", path.display());
        wait::until(&what, patience, cancel, || {
            std::future::ready(look(&mut file, path, task))
        })
        .await?;
        sign(&mut file).map_err(DiskError::of("write", path))?;
        Ok(Self { _file: file })
    }
}

fn look(file: &mut File, path: &Path, task: &Task) -> Result<Look<()>, LockError> {
    match file.try_lock() {
        Ok(()) => Ok(Look::Done(())),
        Err(TryLockError::WouldBlock) => {
            let holder = holder(file);
            task.waiting(&format!("waiting for {holder} to finish the same"));
            Ok(Look::Pending(format!("held by {holder}")))
        }
        Err(TryLockError::Error(source)) => Err(DiskError::of("lock", path)(source).into()),
    }
}

/// Writes our process id into the file, for those who wait.
fn sign(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "{}", process::id())
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
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::progress::{Progress, State};

    #[tokio::test]
    async fn a_second_taker_waits_says_so_and_goes_on_when_the_first_is_done() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.lock");
        let events: Arc<Mutex<Vec<Progress>>> = Arc::default();
        let seen = Arc::clone(&events);
        let task = Task::new(
            &(Arc::new(move |event| seen.lock().unwrap().push(event)) as _),
            "t",
        );
        let cancel = CancellationToken::new();
        let first = Lock::acquire(&path, &task, &cancel).await.unwrap();
        let second = Lock::acquire(&path, &task, &cancel);
        let release = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            drop(first);
        };
        let (second, ()) = tokio::join!(second, release);
        second.unwrap();
        let events = events.lock().unwrap();
        let waiting = events.iter().find(|event| event.state == State::Waiting);
        let message = &waiting.unwrap().message;
        assert!(message.contains(&process::id().to_string()), "{message}");
    }

    #[tokio::test]
    async fn an_interrupted_wait_names_the_holder_s_lock() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.lock");
        let task = Task::new(&crate::progress::silent(), "t");
        let cancel = CancellationToken::new();
        let _held = Lock::acquire(&path, &task, &cancel).await.unwrap();
        cancel.cancel();
        let error = Lock::acquire(&path, &task, &cancel).await.unwrap_err();
        assert!(error.to_string().contains("x.lock"), "{error}");
    }
}
