//! Files and folders that are whole or not there, with modes that do not depend on the umask, and errors that name the
//! path.

mod staging;

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;

pub use self::staging::Staging;

/// Permissions of what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// For the owner alone: files 0600, folders 0700.
    Private,
    /// Everybody may read: files 0644, folders 0755.
    Shared,
    /// Everybody may run: files and folders 0755.
    Program,
}

impl Access {
    const fn file(self) -> u32 {
        match self {
            Self::Private => 0o600,
            Self::Shared => 0o644,
            Self::Program => 0o755,
        }
    }

    const fn folder(self) -> u32 {
        match self {
            Self::Private => 0o700,
            Self::Shared | Self::Program => 0o755,
        }
    }
}

/// Something went wrong with a file or folder.
#[derive(Debug, thiserror::Error)]
#[error("could not {action} {}", path.display())]
pub struct FileError {
    /// What was tried, such as `write`.
    pub action: &'static str,
    /// On what.
    pub path: PathBuf,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

impl FileError {
    /// For `map_err`: adds what was tried on which path.
    pub fn of(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self {
            action,
            path,
            source,
        }
    }

    /// Whether the disk is full.
    pub fn is_full(&self) -> bool {
        matches!(
            self.source.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        )
    }
}

/// Makes a folder, and its missing parents for everybody to pass; `access` holds for the folder itself whether it was
/// there or not.
///
/// # Errors
/// [`FileError`].
pub fn make_dir(path: &Path, access: Access) -> Result<(), FileError> {
    let make = || -> io::Result<()> {
        // The last ancestor of a relative path is empty.
        let missing: Vec<&Path> = path
            .ancestors()
            .take_while(|dir| !dir.as_os_str().is_empty() && !dir.exists())
            .collect();
        fs::create_dir_all(path)?;
        for parent in missing {
            set_mode(parent, Access::Shared.folder())?;
        }
        set_mode(path, access.folder())
    };
    make().map_err(FileError::of("make folder", path))
}

/// Gives a file that is there these permissions.
///
/// # Errors
/// [`FileError`].
pub fn set_access(path: &Path, access: Access) -> Result<(), FileError> {
    set_mode(path, access.file()).map_err(FileError::of("set permissions of", path))
}

/// Copies a file; the copy has these permissions, whatever those of the original.
///
/// # Errors
/// [`FileError`].
pub fn copy(from: &Path, to: &Path, access: Access) -> Result<(), FileError> {
    fs::copy(from, to).map_err(FileError::of("copy", from))?;
    set_access(to, access)
}

/// Copies a file, or a folder without the entries that `skip` names, for everybody to read; what its owner may run,
/// everybody may.
///
/// # Errors
/// [`FileError`].
pub fn copy_tree(from: &Path, to: &Path, skip: &[&str]) -> Result<(), FileError> {
    let meta = fs::metadata(from).map_err(FileError::of("read", from))?;
    if !meta.is_dir() {
        if let Some(parent) = to.parent() {
            make_dir(parent, Access::Shared)?;
        }
        let runs = meta.permissions().mode() & 0o100 != 0;
        return copy(
            from,
            to,
            if runs {
                Access::Program
            } else {
                Access::Shared
            },
        );
    }
    make_dir(to, Access::Shared)?;
    let entries = fs::read_dir(from).map_err(FileError::of("list", from))?;
    for entry in entries {
        let name = entry.map_err(FileError::of("list", from))?.file_name();
        if !skip.iter().any(|skipped| name == *skipped) {
            copy_tree(&from.join(&name), &to.join(&name), skip)?;
        }
    }
    Ok(())
}

/// All files below a folder, sorted.
///
/// # Errors
/// [`FileError`].
pub fn list(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(FileError::of("list", folder))? {
        let path = entry.map_err(FileError::of("list", folder))?.path();
        if path.is_dir() {
            found.extend(list(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Makes a folder unless it is there; one that is keeps its mode, for it may be a mount that is not ours to change.
///
/// # Errors
/// [`FileError`].
pub fn make_dir_if_missing(path: &Path, access: Access) -> Result<(), FileError> {
    if path.is_dir() {
        return Ok(());
    }
    make_dir(path, access)
}

fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    if fs::metadata(path)?.permissions().mode() & 0o7777 == mode {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

/// Replaces a file as a whole, so that a reader or a killed writer never sees half of one. Its folder must be there.
///
/// # Errors
/// [`FileError`].
pub fn write(path: &Path, content: impl AsRef<[u8]>, access: Access) -> Result<(), FileError> {
    replace(path, content.as_ref(), access, |_| Ok(())).map_err(FileError::of("write", path))
}

/// [`write`] that returns once the content is on disk: it outlives a power cut.
///
/// # Errors
/// [`FileError`].
pub fn write_durable(
    path: &Path,
    content: impl AsRef<[u8]>,
    access: Access,
) -> Result<(), FileError> {
    let put = || -> io::Result<()> {
        replace(path, content.as_ref(), access, File::sync_all)?;
        File::open(folder_of(path))?.sync_all()
    };
    put().map_err(FileError::of("write", path))
}

/// [`write()`] for content that `put` makes piece by piece.
///
/// # Errors
/// [`FileError`].
pub fn write_with(
    path: &Path,
    access: Access,
    put: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), FileError> {
    replace_with(path, access, put, |_| Ok(())).map_err(FileError::of("write", path))
}

fn replace(
    path: &Path,
    content: &[u8],
    access: Access,
    sync: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    replace_with(path, access, |file| file.write_all(content), sync)
}

fn replace_with(
    path: &Path,
    access: Access,
    put: impl FnOnce(&mut File) -> io::Result<()>,
    sync: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder_of(path))?;
    put(file.as_file_mut())?;
    file.as_file()
        .set_permissions(fs::Permissions::from_mode(access.file()))?;
    sync(file.as_file())?;
    file.persist(path)?;
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|dir| !dir.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Replaces a file by `value` as JSON.
///
/// # Errors
/// [`FileError`].
pub fn write_json(path: &Path, value: &impl Serialize, access: Access) -> Result<(), FileError> {
    write(path, json(path, value)?, access)
}

/// [`write_json`] that returns once the content is on disk.
///
/// # Errors
/// [`FileError`].
pub fn write_json_durable(
    path: &Path,
    value: &impl Serialize,
    access: Access,
) -> Result<(), FileError> {
    write_durable(path, json(path, value)?, access)
}

fn json(path: &Path, value: &impl Serialize) -> Result<Vec<u8>, FileError> {
    serde_json::to_vec_pretty(value)
        .map_err(io::Error::from)
        .map_err(FileError::of("write", path))
}

/// A file's text.
///
/// # Errors
/// [`FileError`].
pub fn read(path: &Path) -> Result<String, FileError> {
    fs::read_to_string(path).map_err(FileError::of("read", path))
}

/// A file's content; `None` if there is no such file.
///
/// # Errors
/// [`FileError`].
pub fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FileError::of("read", path)(error)),
    }
}

/// A file's text; `None` if there is no such file.
///
/// # Errors
/// [`FileError`], also where the content is not UTF-8.
pub fn read_text_if_there(path: &Path) -> Result<Option<String>, FileError> {
    let text = |bytes| {
        String::from_utf8(bytes)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.utf8_error()))
            .map_err(FileError::of("read", path))
    };
    read_if_there(path)?.map(text).transpose()
}

/// Removes a file if it is there.
///
/// # Errors
/// [`FileError`].
pub fn remove_if_there(path: &Path) -> Result<(), FileError> {
    absent_is_fine(fs::remove_file(path)).map_err(FileError::of("remove", path))
}

/// Removes a folder with everything in it, if it is there.
///
/// # Errors
/// [`FileError`].
pub fn remove_dir(path: &Path) -> Result<(), FileError> {
    absent_is_fine(fs::remove_dir_all(path)).map_err(FileError::of("remove", path))
}

fn absent_is_fine(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

/// The last `count` lines of a log, each indented by two spaces; where there is none, the reason in their place.
pub fn tail(path: &Path, count: usize) -> String {
    match last_bytes(path) {
        Ok(content) => last_lines(&String::from_utf8_lossy(&content), count),
        Err(error) => format!("  (no log: {error})"),
    }
}

fn last_bytes(path: &Path) -> io::Result<Vec<u8>> {
    const ENOUGH: u64 = 64 * 1024;
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(ENOUGH)))?;
    let mut content = Vec::new();
    file.take(ENOUGH).read_to_end(&mut content)?;
    Ok(content)
}

/// The last `count` lines that are not blank, each indented by two spaces.
pub fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines[lines.len().saturating_sub(count)..]
        .iter()
        .map(|line| format!("  {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn r02_modes_are_those_asked_for_whatever_the_umask() {
        use nix::sys::stat::{Mode, umask};
        let dir = tempfile::tempdir().unwrap();
        let (folder, program) = (dir.path().join("a/b"), dir.path().join("a/b/program"));
        let before = umask(Mode::from_bits_truncate(0o077));
        let made = make_dir(&folder, Access::Shared)
            .and_then(|()| write(&program, "x", Access::Program))
            .and_then(|()| make_dir(&dir.path().join("c"), Access::Private));
        umask(before);
        made.unwrap();
        let seen = ["a", "a/b", "a/b/program", "c"].map(|name| mode(&dir.path().join(name)));
        assert_eq!(seen, [0o755, 0o755, 0o755, 0o700]);
    }

    #[test]
    fn r02_a_copied_tree_is_for_everybody_whatever_the_modes_of_the_original() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        make_dir(&from.join("sub"), Access::Private).unwrap();
        write(&from.join("sub/text"), "x", Access::Private).unwrap();
        write(&from.join("skipped"), "x", Access::Private).unwrap();
        write(&from.join("program"), "x", Access::Private).unwrap();
        set_mode(&from.join("program"), 0o700).unwrap();
        copy_tree(&from, &to, &["skipped"]).unwrap();
        let seen = ["sub", "sub/text", "program"].map(|name| mode(&to.join(name)));
        assert_eq!(seen, [0o755, 0o644, 0o755]);
        assert!(!to.join("skipped").exists());
    }

    #[test]
    fn a_file_is_replaced_and_an_absent_one_is_no_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        assert_eq!(read_if_there(&path).unwrap(), None);
        write(&path, "one", Access::Private).unwrap();
        write_json(&path, &[1], Access::Private).unwrap();
        assert_eq!(
            (read(&path).unwrap().as_str(), mode(&path)),
            ("[\n  1\n]", 0o600)
        );
        write_json_durable(&path, &[2], Access::Private).unwrap();
        assert_eq!(
            read_text_if_there(&path).unwrap().as_deref(),
            Some("[\n  2\n]")
        );
        write_durable(&path, "two", Access::Shared).unwrap();
        assert_eq!((read(&path).unwrap().as_str(), mode(&path)), ("two", 0o644));
        remove_if_there(&path).unwrap();
        remove_if_there(&path).unwrap();
        assert_eq!(read_text_if_there(&path).unwrap(), None);
        let error = read(&path).unwrap_err().to_string();
        assert_eq!(error, format!("could not read {}", path.display()));
    }

    #[test]
    fn a_tail_is_the_last_lines_or_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        assert!(tail(&path, 2).starts_with("  (no log: "));
        fs::write(&path, "one\ntwo\n\nthree\n").unwrap();
        assert_eq!(tail(&path, 2), "  two\n  three");
    }
}
