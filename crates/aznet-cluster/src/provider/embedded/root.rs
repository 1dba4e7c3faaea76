//! A cluster's containerd root: a clone of the pre-imported one, by hard links, so that making a cluster costs
//! neither the import nor the space.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Error;
use super::layout::Layout;
use super::spec::Images;
use crate::files;

/// containerd writes to these; all else it keeps is written once and only read from then on.
const DATABASES: [&str; 2] = [
    "io.containerd.metadata.v1.bolt/meta.db",
    "io.containerd.snapshotter.v1.overlayfs/metadata.db",
];

/// Clones `images.store` unless the cluster has its root already. An interrupted clone is started afresh.
pub(crate) fn ensure(layout: &Layout, images: &Images) -> Result<(), Error> {
    let root = layout.containerd_root();
    if root.exists() {
        return Ok(());
    }
    for file in DATABASES {
        if !images.store.join(file).is_file() {
            return Err(Error::StoreMissing {
                path: images.store.clone(),
            });
        }
    }
    let half = layout.state().join("containerd.part");
    remove_tree(&half)?;
    files::make_private_dir(&half)?;
    // A store on another file system can't be linked to.
    if copy(&images.store, &half, "--link").is_err() {
        remove_tree(&half)?;
        files::make_private_dir(&half)?;
        copy(&images.store, &half, "--reflink=auto")?;
    }
    for file in DATABASES {
        own_copy(&images.store.join(file), &half.join(file))?;
    }
    fs::rename(&half, &root).map_err(Error::io("rename", &half))
}

/// Removes a directory with all in it, if it is there.
pub(crate) fn remove_tree(dir: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io("remove", dir)(error))
        }
        _ => Ok(()),
    }
}

/// `cp` keeps owners, modes and the extended attributes by which overlayfs marks deleted directories.
fn copy(from: &Path, to: &Path, how: &str) -> Result<(), Error> {
    let command = format!("cp -a {how} {} {}", from.display(), to.display());
    let output = Command::new("cp")
        .args(["-a", how, "-T"])
        .args([from, to])
        .output()
        .map_err(Error::kernel(command.as_str()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(Error::Command {
        command,
        status: output.status.to_string(),
        output: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

fn own_copy(from: &PathBuf, to: &PathBuf) -> Result<(), Error> {
    files::remove_if_there(to)?;
    fs::copy(from, to)
        .map(drop)
        .map_err(Error::io("copy", from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::Paths;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn databases_are_copied_and_the_rest_is_linked() {
        let dir = tempfile::tempdir().unwrap();
        let images = Images {
            store: dir.path().join("store"),
            pause: String::new(),
            coredns: String::new(),
            base: String::new(),
            archives: Vec::new(),
        };
        let layout = Layout::new(&Paths::new(dir.path(), dir.path(), dir.path()), "a");
        assert!(matches!(
            ensure(&layout, &images),
            Err(Error::StoreMissing { .. })
        ));
        let blob = "io.containerd.content.v1.content/blob";
        for file in DATABASES.into_iter().chain([blob]) {
            let path = images.store.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        ensure(&layout, &images).unwrap();
        let links = |file: &str| {
            fs::metadata(layout.containerd_root().join(file))
                .unwrap()
                .nlink()
        };
        assert_eq!(DATABASES.map(links), [1, 1]);
        assert_eq!(links(blob), 2);
        assert!(!layout.state().join("containerd.part").exists());
    }
}
