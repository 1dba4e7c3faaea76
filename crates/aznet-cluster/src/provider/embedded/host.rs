//! Settings of the machine that the kubelet changes and that belong to no namespace. They are written down before the
//! first cluster starts, and put back when the last one is gone.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use aznet_kit::files::{self, Access, FileError};
use aznet_kit::lock::{Lock, Share};
use aznet_kit::wait::Deadline;
use tokio_util::sync::CancellationToken;

use super::calico;
use super::error::Error;

/// What the kubelet sets for a machine that is nothing but a node.
const CHANGED_BY_KUBELET: [&str; 6] = [
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
];

/// The machine's own values.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Settings {
    /// They are lost at a reboot, so those of another boot count for nothing.
    boot: String,
    /// By path below `/proc/sys`.
    values: BTreeMap<String, String>,
    /// Whether somebody else's Calico has left its directory; `None`: not looked.
    #[serde(default)]
    calico: Option<bool>,
}

/// One for the whole machine, wherever clusters keep their state; a reboot takes it, and the changes, away.
const KEPT: &str = "/run/aznet-host-settings.json";

/// Writes the values down, unless another cluster has done so.
pub(crate) async fn remember(cancel: &CancellationToken) -> Result<(), Error> {
    exclusively(cancel, || remember_in(Path::new(KEPT))).await
}

/// Puts the values back, if this was the `last` cluster of the machine.
pub(crate) async fn restore_if(
    last: impl FnOnce() -> bool,
    cancel: &CancellationToken,
) -> Result<(), Error> {
    let restore = || {
        if last() {
            restore_from(Path::new(KEPT))?;
        }
        Ok(())
    };
    exclusively(cancel, restore).await
}

fn remember_in(path: &Path) -> Result<(), FileError> {
    let boot = read(Path::new("/proc/sys/kernel/random/boot_id"))?;
    if kept(path)?.is_some_and(|kept| kept.boot == boot) {
        return Ok(());
    }
    let mut values = BTreeMap::new();
    for name in CHANGED_BY_KUBELET {
        let file = Path::new("/proc/sys").join(name);
        if file.exists() {
            values.insert(name.to_owned(), read(&file)?);
        }
    }
    let calico = Some(Path::new(calico::SHARED_DIR).exists());
    files::write_json(
        path,
        &Settings {
            boot,
            values,
            calico,
        },
        Access::Private,
    )
}

fn restore_from(path: &Path) -> Result<(), FileError> {
    let boot = read(Path::new("/proc/sys/kernel/random/boot_id"))?;
    if let Some(kept) = kept(path)?.filter(|kept| kept.boot == boot) {
        if kept.calico == Some(false) {
            remove_calicos()?;
        }
        for (name, value) in kept.values {
            let file = Path::new("/proc/sys").join(name);
            if read(&file)? != value {
                fs::write(&file, value).map_err(FileError::of("write", &file))?;
            }
        }
    }
    files::remove_if_there(path)
}

/// What Felix left outside of its cluster.
fn remove_calicos() -> Result<(), FileError> {
    let dir = Path::new(calico::SHARED_DIR);
    for file in calico::SHARED_FILES {
        files::remove_if_there(&dir.join(file))?;
    }
    // Not there without Felix; not empty if somebody else has come to use it.
    let _ = fs::remove_dir(dir);
    Ok(())
}

/// Held for an instant only, by an `up` or a `down` of whichever cluster.
async fn exclusively(
    cancel: &CancellationToken,
    task: impl FnOnce() -> Result<(), FileError>,
) -> Result<(), Error> {
    let path = Path::new(KEPT).with_extension("lock");
    let deadline = Deadline::seconds(30);
    let lock = Lock::acquire(&path, Share::Alone, deadline, cancel, |_| {}).await?;
    let outcome = task();
    lock.remove()?;
    Ok(outcome?)
}

/// A file that does not parse is as good as none: it was never written by this program as a whole.
fn kept(path: &Path) -> Result<Option<Settings>, FileError> {
    let text = files::read_if_there(path)?;
    Ok(text.and_then(|text| serde_json::from_slice(&text).ok()))
}

fn read(path: &Path) -> Result<String, FileError> {
    Ok(files::read(path)?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_kept_per_boot() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("host-settings.json");
        remember_in(&path).unwrap();
        let mut settings = kept(&path).unwrap().unwrap();
        assert!(settings.values.contains_key("vm/overcommit_memory"));
        settings.values.clear();
        files::write_json(&path, &settings, Access::Private).unwrap();
        remember_in(&path).unwrap();
        assert!(kept(&path).unwrap().unwrap().values.is_empty());
        settings.boot = "another".into();
        files::write_json(&path, &settings, Access::Private).unwrap();
        remember_in(&path).unwrap();
        assert!(!kept(&path).unwrap().unwrap().values.is_empty());
    }
}
