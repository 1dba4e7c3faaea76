//! Files that are whole or not there.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// A file could not be read or written.
#[derive(Debug, Error)]
#[error("can't {what} {path}")]
pub(crate) struct FileError {
    /// `read` or `write`.
    what: &'static str,
    /// The file.
    path: PathBuf,
    /// Why not.
    #[source]
    source: io::Error,
}

impl FileError {
    /// A failed read.
    pub(crate) fn read(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        Self {
            what: "read",
            path,
            source,
        }
    }

    /// A failed write.
    pub(crate) fn write(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        Self {
            what: "write",
            path,
            source,
        }
    }
}

/// Writes a file that only its owner can read: by a temporary file beside it, so that a crash leaves the old one or the
/// new one.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<(), FileError> {
    let write = || -> io::Result<()> {
        let dir = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(dir)?;
        let mut file = tempfile::NamedTempFile::new_in(dir)?;
        file.as_file()
            .set_permissions(fs::Permissions::from_mode(0o600))?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|source| FileError::write(path, source))
}

/// The file's content; `None` if there is no such file.
pub(crate) fn read_if_there(path: &Path) -> Result<Option<String>, FileError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(FileError::read(path, source)),
    }
}
