//! Small files, written so that a reader or a crash never sees half of one.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use serde::Serialize;

use crate::provider::embedded::Error;

/// Makes a directory and its parents.
pub(crate) fn make_dir(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(Error::io("make directory", path))
}

/// Makes a directory that only root may look into.
pub(crate) fn make_private_dir(path: &Path) -> Result<(), Error> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(Error::io("make directory", path))
}

/// Replaces a file as a whole; only its owner may read it.
pub(crate) fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<(), Error> {
    let dir = path.parent().unwrap_or(Path::new("/"));
    let put = || -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(dir)?;
        file.write_all(content.as_ref())?;
        file.as_file()
            .set_permissions(fs::Permissions::from_mode(0o600))?;
        file.persist(path)?;
        Ok(())
    };
    put().map_err(Error::io("write", path))
}

/// Replaces a file by `value` as JSON.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    let text = serde_json::to_vec_pretty(value)
        .map_err(io::Error::from)
        .map_err(Error::io("write", path))?;
    write(path, text)
}

/// A file's content, `None` if there is no such file.
pub(crate) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", path)(error)),
    }
}

/// Removes a file if it is there.
pub(crate) fn remove_if_there(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// The last `count` lines of a log, indented; what is wrong with it otherwise.
pub(crate) fn tail(path: &Path, count: usize) -> String {
    const ENOUGH: usize = 64 * 1024;
    match fs::read(path) {
        Ok(content) => {
            let from = content.len().saturating_sub(ENOUGH);
            let text = String::from_utf8_lossy(&content[from..]);
            let lines: Vec<&str> = text.lines().collect();
            let last = &lines[lines.len().saturating_sub(count)..];
            last.iter()
                .map(|line| format!("  {line}"))
                .collect::<Vec<_>>()
                .join("\n")
        }
        Err(error) => format!("  (no log: {error})"),
    }
}
