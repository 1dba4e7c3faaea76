//! Clones of a containerd root by hard links, so that one costs neither the import of its images nor their space.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use aznet_kit::files::{self, Access, FileError};
use aznet_kit::process::{ProcessError, Tool};
use tokio_util::sync::CancellationToken;

/// Written to by containerd, unlike all else in its root: a clone needs copies of its own.
const DATABASES: [&str; 2] = [
    "io.containerd.metadata.v1.bolt/meta.db",
    "io.containerd.snapshotter.v1.overlayfs/metadata.db",
];

/// Hard links take seconds; copying gigabytes to another disk takes minutes.
const LONGEST: Duration = Duration::from_mins(20);

/// A root could not be cloned.
#[derive(Debug, thiserror::Error)]
pub enum CloneError {
    /// `cp` failed.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A file is out of reach.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Whether `root` is the root of a containerd that has been used.
pub(crate) fn is_root(root: &Path) -> bool {
    DATABASES.iter().all(|file| root.join(file).is_file())
}

/// Clones the root `from`, which nobody uses, to `to`, which is not there.
pub(crate) async fn clone(
    from: &Path,
    to: &Path,
    cancel: &CancellationToken,
) -> Result<(), CloneError> {
    if let Some(parent) = to.parent() {
        files::make_dir(parent, Access::Shared)?;
    }
    let how = if same_disk(from, to.parent().unwrap_or(to))? {
        "--link"
    } else {
        "--reflink=auto"
    };
    // `cp` keeps owners, modes and the extended attributes by which overlayfs marks deleted folders.
    let copy = Tool::new("cp").args(["-a", how, "-T"]).args([from, to]);
    copy.output(LONGEST, cancel).await?;
    for database in DATABASES {
        let own = to.join(database);
        files::remove_if_there(&own)?;
        files::copy(&from.join(database), &own, Access::Private)?;
    }
    Ok(())
}

fn same_disk(one: &Path, other: &Path) -> Result<bool, FileError> {
    let device = |path: &Path| -> io::Result<u64> { Ok(fs::metadata(path)?.dev()) };
    let device = |path: &Path| device(path).map_err(FileError::of("read", path));
    Ok(device(one)? == device(other)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn databases_are_copied_and_the_rest_is_linked() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        let blob = "io.containerd.content.v1.content/blob";
        assert!(!is_root(&from));
        for file in DATABASES.into_iter().chain([blob]) {
            let path = from.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        assert!(is_root(&from));
        clone(&from, &to, &CancellationToken::new()).await.unwrap();
        let links = |file: &str| fs::metadata(to.join(file)).unwrap().nlink();
        assert_eq!(DATABASES.map(links), [1, 1]);
        assert_eq!(links(blob), 2);
        assert!(is_root(&to));
    }
}
