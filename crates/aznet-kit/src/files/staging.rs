//! Folders that appear as a whole.

use std::fs;
use std::path::Path;

use super::{Access, FileError, make_dir, remove_dir};

/// A folder under construction beside its final place: it takes that place as a whole or goes away.
#[derive(Debug)]
pub struct Staging {
    work: tempfile::TempDir,
}

/// How the names of folders under construction begin; a crash can leave them behind.
const UNFINISHED: &str = ".unfinished-";

impl Staging {
    /// An empty folder in `parent`, on the same file system as its final place.
    ///
    /// The caller holds the lock of `parent`: what an earlier run left unfinished there is removed.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn new(parent: &Path) -> Result<Self, FileError> {
        make_dir(parent, Access::Shared)?;
        let entries = fs::read_dir(parent).map_err(FileError::of("list", parent))?;
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                remove_dir(&entry.path())?;
            }
        }
        let work = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .tempdir_in(parent)
            .map_err(FileError::of("make folder in", parent))?;
        make_dir(work.path(), Access::Shared)?;
        Ok(Self { work })
    }

    /// The folder to work in.
    pub fn path(&self) -> &Path {
        self.work.path()
    }

    /// Gives the folder its final name.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn finish(self, place: &Path) -> Result<(), FileError> {
        fs::rename(self.work.path(), place).map_err(FileError::of("put in place", place))?;
        // The folder is no longer under its temporary name: nothing is left to remove.
        let _gone = self.work.keep();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::read;

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
        let parent = tempfile::tempdir().unwrap();
        fs::create_dir_all(parent.path().join(".unfinished-old")).unwrap();
        fs::write(parent.path().join("kept"), "").unwrap();
        let staging = Staging::new(parent.path()).unwrap();
        assert!(!parent.path().join(".unfinished-old").exists());
        assert!(parent.path().join("kept").exists());
        drop(staging);
    }
}
