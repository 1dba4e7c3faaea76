//! Files and folders: errors that name the path, folders that appear whole or not at all, content hashes.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Something went wrong with a file or folder.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}", path.display())]
pub struct DiskError {
    /// What was tried.
    pub action: &'static str,
    /// On what.
    pub path: PathBuf,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

impl DiskError {
    /// For `map_err`: adds what was tried on which path.
    pub(crate) fn of(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self {
            action,
            path,
            source,
        }
    }

    /// Whether the disk is full.
    pub(crate) fn is_full(&self) -> bool {
        matches!(
            self.source.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        )
    }
}

/// Makes a folder and its parents.
pub(crate) fn make_dir(path: &Path) -> Result<(), DiskError> {
    fs::create_dir_all(path).map_err(DiskError::of("make folder", path))
}

/// Reads a file as text.
pub(crate) fn read(path: &Path) -> Result<String, DiskError> {
    fs::read_to_string(path).map_err(DiskError::of("read", path))
}

/// Removes a folder with everything in it, if it is there.
pub(crate) fn remove_dir(path: &Path) -> Result<(), DiskError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(DiskError::of("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// A folder under construction beside its final place: it takes that place as a whole or goes away.
#[derive(Debug)]
pub(crate) struct Staging {
    work: tempfile::TempDir,
}

/// How the names of folders under construction begin; a crash can leave them behind.
const UNFINISHED: &str = ".unfinished-";

impl Staging {
    /// An empty folder in `parent`, on the same file system as its final place.
    ///
    /// The caller holds the lock of `parent`: what an earlier run left unfinished there is removed.
    pub(crate) fn new(parent: &Path) -> Result<Self, DiskError> {
        make_dir(parent)?;
        let entries = fs::read_dir(parent).map_err(DiskError::of("list", parent))?;
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                remove_dir(&entry.path())?;
            }
        }
        let work = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir_in(parent)
            .map_err(DiskError::of("make folder in", parent))?;
        Ok(Self { work })
    }

    /// The folder to work in.
    pub(crate) fn path(&self) -> &Path {
        self.work.path()
    }

    /// Gives the folder its final name.
    pub(crate) fn finish(self, place: &Path) -> Result<(), DiskError> {
        fs::rename(self.work.path(), place).map_err(DiskError::of("put in place", place))?;
        // The folder is no longer under its temporary name: nothing is left to remove.
        let _gone = self.work.keep();
        Ok(())
    }
}

/// Collects what a result depends on into one short name.
#[derive(Debug, Clone)]
pub(crate) struct ContentHash(Sha256);

impl ContentHash {
    /// A hash of nothing but `recipe`, the version of the steps that lead to the result.
    pub(crate) fn new(recipe: &str) -> Self {
        Self(Sha256::new()).with("recipe", recipe)
    }

    /// Adds a named input.
    pub(crate) fn with(mut self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.add(name, content.as_ref());
        self
    }

    fn add(&mut self, name: &str, content: &[u8]) {
        for part in [name.as_bytes(), content] {
            self.0.update((part.len() as u64).to_be_bytes());
            self.0.update(part);
        }
    }

    /// Adds a file, or a folder with all that is in it except what `skip` names.
    pub(crate) fn with_tree(mut self, path: &Path, skip: &[&str]) -> Result<Self, DiskError> {
        self.add_tree(path, "", skip)?;
        Ok(self)
    }

    fn add_tree(&mut self, path: &Path, name: &str, skip: &[&str]) -> Result<(), DiskError> {
        let meta = fs::symlink_metadata(path).map_err(DiskError::of("read", path))?;
        if meta.is_symlink() {
            let target = fs::read_link(path).map_err(DiskError::of("read", path))?;
            self.add(name, target.as_os_str().as_encoded_bytes());
            return Ok(());
        }
        if !meta.is_dir() {
            let content = fs::read(path).map_err(DiskError::of("read", path))?;
            let executable = meta.mode() & 0o111 != 0;
            self.add(name, &[u8::from(executable)]);
            self.add(name, &content);
            return Ok(());
        }
        let mut names: Vec<String> = fs::read_dir(path)
            .map_err(DiskError::of("list", path))?
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|entry| !skip.contains(&entry.as_str()))
            .collect();
        names.sort();
        names.iter().try_for_each(|entry| {
            self.add_tree(&path.join(entry), &format!("{name}/{entry}"), skip)
        })
    }

    /// The first 12 hexadecimal digits: enough to tell apart what one machine holds.
    pub(crate) fn short(&self) -> String {
        let mut digits = hex(&self.0.clone().finalize());
        digits.truncate(12);
        digits
    }
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _infallible = write!(text, "{byte:02x}");
            text
        })
}

/// Bytes free for us where `path` is or will be.
pub(crate) fn free_bytes(path: &Path) -> Result<u64, DiskError> {
    let there = path
        .ancestors()
        .find(|dir| dir.exists())
        .unwrap_or(Path::new("/"));
    let stat = nix::sys::statvfs::statvfs(there)
        .map_err(|errno| DiskError::of("measure the space at", there)(errno.into()))?;
    // The field types differ between platforms.
    #[expect(clippy::useless_conversion, reason = "u32 on some targets")]
    let free = u64::from(stat.blocks_available()) * u64::from(stat.fragment_size());
    Ok(free)
}

/// Bytes taken by a file, or by a folder and all in it; what cannot be read counts nothing.
pub(crate) fn size(path: &Path) -> u64 {
    let Ok(meta) = fs::symlink_metadata(path) else {
        return 0;
    };
    if !meta.is_dir() {
        return meta.len();
    }
    fs::read_dir(path).map_or(0, |entries| {
        entries.flatten().map(|entry| size(&entry.path())).sum()
    })
}

/// Bytes for people: `1.5 GiB`, `23 MiB`.
pub(crate) fn human(bytes: u64) -> String {
    const MIB: u64 = 1 << 20;
    if bytes >= 1024 * MIB {
        let tenths = bytes * 10 / (1024 * MIB);
        format!("{}.{} GiB", tenths / 10, tenths % 10)
    } else {
        format!("{} MiB", bytes / MIB)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        dir
    }

    fn hash(dir: &tempfile::TempDir) -> String {
        ContentHash::new("1")
            .with_tree(dir.path(), &["node_modules"])
            .unwrap()
            .short()
    }

    #[test]
    fn equal_trees_hash_alike_wherever_they_are() {
        let files = [("a", "1"), ("b/c", "2")];
        assert_eq!(hash(&tree(&files)), hash(&tree(&files)));
    }

    #[test]
    fn content_name_and_mode_count_and_skipped_folders_do_not() {
        let plain = tree(&[("a", "1")]);
        assert_ne!(hash(&plain), hash(&tree(&[("a", "2")])));
        assert_ne!(hash(&plain), hash(&tree(&[("b", "1")])));
        let skipped = tree(&[("a", "1"), ("node_modules/x", "y")]);
        assert_eq!(hash(&plain), hash(&skipped));
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(skipped.path().join("a"), mode).unwrap();
        assert_ne!(hash(&plain), hash(&skipped));
    }

    #[test]
    fn a_staging_folder_appears_whole_or_goes_away() {
        let parent = tempfile::tempdir().unwrap();
        let dropped = Staging::new(parent.path()).unwrap();
        fs::write(dropped.path().join("x"), "half").unwrap();
        drop(dropped);
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);

        let finished = Staging::new(parent.path()).unwrap();
        fs::write(finished.path().join("x"), "whole").unwrap();
        let place = parent.path().join("done");
        finished.finish(&place).unwrap();
        assert_eq!(read(&place.join("x")).unwrap(), "whole");
    }

    #[test]
    fn what_a_killed_run_left_is_removed() {
        let parent = tree(&[(".unfinished-old/x", "half"), ("kept", "")]);
        let staging = Staging::new(parent.path()).unwrap();
        assert!(!parent.path().join(".unfinished-old").exists());
        assert!(parent.path().join("kept").exists());
        drop(staging);
    }

    #[test]
    fn sizes_read_well() {
        assert_eq!(human(23 << 20), "23 MiB");
        assert_eq!(human((1 << 30) + (1 << 29)), "1.5 GiB");
    }
}
