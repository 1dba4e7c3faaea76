//! Puts this program where the main container finds it.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::say::say;

/// Why installing failed.
#[derive(Debug, Error)]
pub(crate) enum InstallError {
    /// The program's own file can't be found.
    #[error("can't find the file of this program")]
    Own(#[source] io::Error),
    /// A directory or file can't be written.
    #[error("can't write {path}")]
    Write {
        /// What was written.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// Copies this program to `dir/aznet-node` (mode 755, at once or not at all) and makes the directories `also`.
pub(crate) fn install(dir: Option<&Path>, also: &[PathBuf]) -> Result<(), InstallError> {
    for path in also {
        make_dir(path)?;
        say(format_args!("made {}", path.display()));
    }
    let Some(dir) = dir else { return Ok(()) };
    make_dir(dir)?;
    let own = std::env::current_exe().map_err(InstallError::Own)?;
    let target = dir.join("aznet-node");
    copy(&own, dir, &target).map_err(|source| InstallError::Write {
        path: target.clone(),
        source,
    })?;
    say(format_args!("installed {}", target.display()));
    Ok(())
}

fn make_dir(path: &Path) -> Result<(), InstallError> {
    fs::create_dir_all(path).map_err(|source| InstallError::Write {
        path: path.to_owned(),
        source,
    })
}

fn copy(own: &Path, dir: &Path, target: &Path) -> io::Result<()> {
    let mut temporary = tempfile::NamedTempFile::new_in(dir)?;
    io::copy(&mut fs::File::open(own)?, &mut temporary)?;
    temporary
        .as_file()
        .set_permissions(fs::Permissions::from_mode(0o755))?;
    temporary.as_file().sync_all()?;
    temporary.persist(target)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_itself_executable_and_over_an_older_one() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let bin = dir.path().join("bin");
        let bucket = dir.path().join("data/blobs");
        for _ in 0..2 {
            install(Some(&bin), std::slice::from_ref(&bucket)).expect("installs");
        }
        let mode = fs::metadata(bin.join("aznet-node"))
            .expect("installed")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o755);
        assert!(bucket.is_dir());
        assert_eq!(
            fs::read_dir(&bin).expect("readable").count(),
            1,
            "no temporary file stays"
        );
    }
}
