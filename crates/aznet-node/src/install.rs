//! Puts this program where the main container finds it.

use std::path::{Path, PathBuf};

use aznet_kit::files::{self, Access, FileError};
use thiserror::Error;

use crate::console::say;
use crate::environment::credentials::{CredentialError, Source};

/// Why installing failed.
#[derive(Debug, Error)]
pub(crate) enum InstallError {
    /// The program's own file can't be found.
    #[error("can't find the file of this program")]
    Own(#[source] std::io::Error),
    /// A directory or file can't be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A credential can't be used.
    #[error(transparent)]
    Credential(#[from] CredentialError),
}

impl InstallError {
    /// Whether no restart of the pod can mend it.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::Credential(_))
    }
}

/// Checks the credentials, makes the directories `also`, and copies this program to `dir/aznet-node`, at once or not at
/// all.
pub(crate) fn install(
    dir: Option<&Path>,
    also: &[PathBuf],
    credentials: &[Source],
) -> Result<(), InstallError> {
    for source in credentials {
        source.check(|name| std::env::var(name).ok())?;
    }
    for path in also {
        files::make_dir_if_missing(path, Access::Shared)?;
        say(format_args!("made {}", path.display()));
    }
    let Some(dir) = dir else { return Ok(()) };
    files::make_dir_if_missing(dir, Access::Shared)?;
    let own = std::env::current_exe().map_err(InstallError::Own)?;
    let program = std::fs::read(&own).map_err(FileError::of("read", &own))?;
    let target = dir.join("aznet-node");
    files::write(&target, program, Access::Program)?;
    say(format_args!("installed {}", target.display()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn copies_itself_executable_and_over_an_older_one() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let bin = dir.path().join("bin");
        let bucket = dir.path().join("data/blobs");
        for _ in 0..2 {
            install(Some(&bin), std::slice::from_ref(&bucket), &[]).expect("installs");
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
