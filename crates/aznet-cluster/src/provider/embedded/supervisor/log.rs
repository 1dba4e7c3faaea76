//! A component's output, in a file that does not grow without end.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::unix::pipe;
use tracing::warn;

use crate::provider::embedded::error::Error;

/// A file is put aside when it reaches this size; one older file is kept.
const LIMIT: u64 = 10 * 1024 * 1024;

/// A log file that is open for more.
pub(super) struct Log {
    path: PathBuf,
    file: File,
    size: u64,
}

/// The last line a component wrote: often why it ended.
#[derive(Clone, Default)]
pub(super) struct LastLine(Arc<Mutex<String>>);

impl LastLine {
    pub(super) fn get(&self) -> String {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, line: &str) {
        line.clone_into(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Log {
    /// Opens it for appending.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let file = append(path).map_err(Error::io("open", path))?;
        let size = file.metadata().map_err(Error::io("open", path))?.len();
        Ok(Self {
            path: path.to_path_buf(),
            file,
            size,
        })
    }

    /// Copies all that comes, in the background, until nobody can write to it any more. That may be after the
    /// component's end: what it started can hold on to the other side.
    pub(super) fn follow(mut self, from: pipe::Receiver) -> LastLine {
        let last = LastLine::default();
        let seen = last.clone();
        tokio::spawn(async move {
            let mut reader = BufReader::new(from);
            let mut line = Vec::new();
            while reader
                .read_until(b'\n', &mut line)
                .await
                .is_ok_and(|count| count > 0)
            {
                if let Err(error) = self.write(&line) {
                    warn!(%error, path = %self.path.display(), "the log can't be written");
                }
                seen.set(String::from_utf8_lossy(&line).trim_end());
                line.clear();
            }
        });
        last
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.size + line.len() as u64 > LIMIT {
            fs::rename(&self.path, self.path.with_extension("log.1"))?;
            self.file = append(&self.path)?;
            self.size = 0;
        }
        self.size += line.len() as u64;
        self.file.write_all(line)
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_log_is_put_aside_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("etcd.log");
        let mut log = Log::open(&path).unwrap();
        log.write(b"first\n").unwrap();
        log.size = LIMIT;
        log.write(b"second\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "second\n");
        assert_eq!(
            fs::read_to_string(dir.path().join("etcd.log.1")).unwrap(),
            "first\n"
        );
    }
}
