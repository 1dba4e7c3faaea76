//! The store: a containerd root with the images of every cluster unpacked, which clusters clone.

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aznet_kit::files::{self, Access, FileError, Staging};
use aznet_kit::lock::{Attempt, Lock, Share};
use aznet_kit::process::{self, Tool};
use aznet_kit::wait::Deadline;
use serde_json::json;
use tokio::process::Child;
use tokio_util::sync::CancellationToken;

use super::clone::{self, CloneError};
use super::ctr::Ctr;
use super::images::{Built, ImageError, ImageSet};
use crate::machine::space;
use crate::paths::Paths;
use crate::progress::{Reporter, Task};

/// Space that a clone and a database take at most.
const SPACE: u64 = 1 << 30;

/// A store, kept from being removed by other checkouts until it is dropped.
#[derive(Debug, Clone)]
pub struct Store {
    path: PathBuf,
    _in_use: Arc<Lock>,
}

impl Store {
    /// The containerd root.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the store at `path` into use; `None` if there is none.
    async fn claim(path: PathBuf, cancel: &CancellationToken) -> Result<Option<Self>, ImageError> {
        if !path.is_dir() {
            return Ok(None);
        }
        // Whoever holds it alone is removing the store, which takes seconds.
        let deadline = Deadline::after(Duration::from_mins(5)).every(Duration::from_millis(100));
        let lock = Lock::acquire(&in_use(&path), Share::Shared, deadline, cancel, |_| {}).await?;
        let store = Self {
            path,
            _in_use: Arc::new(lock),
        };
        Ok(store.path.is_dir().then_some(store))
    }
}

/// The lock that users of a store share.
fn in_use(store: &Path) -> PathBuf {
    store.with_extension("lock")
}

/// Makes sure that there is a store with the images of every cluster, and takes it into use.
///
/// It is made from the previous one by hard links, so that only what changed is imported.
pub async fn ensure(
    paths: &Paths,
    images: &ImageSet,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<Store, ImageError> {
    let images = &images.of_every_cluster();
    let folder = paths.store();
    let place = folder.join(images.hash());
    if let Some(store) = Store::claim(place.clone(), cancel).await? {
        return Ok(store);
    }
    let task = Task::new(report, "image store");
    let _lock = task.lock(&folder.join(".lock"), cancel).await?;
    if let Some(store) = Store::claim(place.clone(), cancel).await? {
        return Ok(store);
    }
    make(&place, paths, images, &task, cancel).await?;
    let store = Store::claim(place.clone(), cancel).await?;
    task.done(&format!("ready, {}", space::human(space::size(&place))));
    store.ok_or_else(|| {
        let gone = std::io::Error::from(std::io::ErrorKind::NotFound);
        FileError::of("use the store", &place)(gone).into()
    })
}

/// Makes the store at `place`, and removes what stores are superseded.
async fn make(
    place: &Path,
    paths: &Paths,
    images: &ImageSet,
    task: &Task,
    cancel: &CancellationToken,
) -> Result<(), ImageError> {
    let folder = paths.store();
    check_space(&folder, images)?;
    let staging = Staging::new(&folder)?;
    let root = staging.path().join("root");
    let earlier = earlier(&folder)?;
    match earlier.last() {
        Some(previous) => {
            let cloned = clone::clone(previous, &root, cancel);
            let cloned = task.during("linking what is unchanged", cloned).await;
            cloned.map_err(|error| match error {
                CloneError::File(error) => error.into(),
                CloneError::Process(error) => {
                    ImageError::making("the image store", &folder, SPACE)(error)
                }
            })?;
        }
        None => files::make_dir(&root, Access::Shared)?,
    }
    fill(&root, paths, images, task, cancel).await?;
    fs::rename(&root, place).map_err(FileError::of("put in place", place))?;
    // The last one may be about to be cloned.
    for old in earlier.iter().rev().skip(1) {
        remove_unused(old)?;
    }
    Ok(())
}

/// Removes a store unless somebody uses it. Clusters have their own links to what is in it.
fn remove_unused(store: &Path) -> Result<(), FileError> {
    if let Attempt::Held(lock) = Lock::attempt(&in_use(store), Share::Alone)? {
        // Under a name that nobody takes for a store if this is killed half-way.
        let name = store.file_name().unwrap_or_default().to_string_lossy();
        let doomed = store.with_file_name(format!(".unfinished-{name}"));
        fs::rename(store, &doomed).map_err(FileError::of("remove", store))?;
        files::remove_dir(&doomed)?;
        lock.remove()?;
    }
    Ok(())
}

/// Imports what the containerd behind `socket` lacks of the set; returns the references imported.
pub async fn import(
    socket: &Path,
    images: &ImageSet,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<Vec<String>, ImageError> {
    let task = Task::new(report, "import");
    let imported = import_missing(&Ctr::new("ctr", socket), images, &task, cancel).await?;
    task.done(&format!("{} imported", imported.len()));
    Ok(imported)
}

/// The references of the images that the containerd behind `socket` has; what names no image for people is left out.
pub async fn list(
    socket: &Path,
    cancel: &CancellationToken,
) -> Result<BTreeSet<String>, ImageError> {
    let there = Ctr::new("ctr", socket).images(cancel).await;
    let there = there.map_err(ImageError::making("the list of images", socket, 0))?;
    let by_digest = |name: &String| name.starts_with("sha256:");
    Ok(there.into_iter().filter(|name| !by_digest(name)).collect())
}

/// Imports an archive into the containerd behind `socket`; returns the references that are new there.
pub async fn load(
    socket: &Path,
    archive: &Path,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<Vec<String>, ImageError> {
    let task = Task::new(report, "import");
    let before = list(socket, cancel).await?;
    let ctr = Ctr::new("ctr", socket);
    let message = format!("importing {}", archive.display());
    let imported = task.during(&message, ctr.import(archive, cancel)).await;
    let place = archive.parent().unwrap_or(Path::new("/"));
    imported.map_err(ImageError::making(
        &archive.display().to_string(),
        place,
        4 << 30,
    ))?;
    let after = list(socket, cancel).await?;
    task.done("imported");
    Ok(after.difference(&before).cloned().collect())
}

/// The stores there are, the one made last at the end.
fn earlier(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
    let entries = fs::read_dir(folder).map_err(FileError::of("list", folder))?;
    let mut stores: Vec<_> = entries
        .flatten()
        .filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
        .filter_map(|entry| {
            let made = entry.metadata().and_then(|meta| meta.modified()).ok()?;
            entry.path().is_dir().then(|| (made, entry.path()))
        })
        .collect();
    stores.sort();
    Ok(stores.into_iter().map(|(_, path)| path).collect())
}

/// Imports the set into a root with a containerd of its own, and removes from it what is not of the set.
async fn fill(
    root: &Path,
    paths: &Paths,
    images: &ImageSet,
    task: &Task,
    cancel: &CancellationToken,
) -> Result<(), ImageError> {
    let run = paths.run();
    files::make_dir(run, Access::Shared)?;
    let run = tempfile::Builder::new()
        .prefix(".containerd-")
        .tempdir_in(run)
        .map_err(FileError::of("make folder in", run))?;
    let mut containerd = Containerd::start(root, run.path())?;
    let ctr = Ctr::new("ctr", &containerd.socket);
    let fill = async {
        containerd.answers(&ctr, task, cancel).await?;
        import_missing(&ctr, images, task, cancel).await?;
        remove_others(&ctr, images, cancel).await
    };
    let outcome = fill.await;
    containerd.stop().await;
    outcome
}

/// A containerd without a network, a runtime or Kubernetes' interface.
struct Containerd {
    process: Child,
    socket: PathBuf,
    log: PathBuf,
}

impl Containerd {
    fn start(root: &Path, run: &Path) -> Result<Self, ImageError> {
        let (socket, log) = (run.join("containerd.sock"), run.join("log"));
        let config = run.join("config.toml");
        // Strings of JSON are strings of TOML.
        let text = format!(
            "version = 2\nroot = {}\nstate = {}\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n\
             [grpc]\naddress = {}\n[ttrpc]\naddress = {}\n",
            json!(root),
            json!(run.join("state")),
            json!(socket),
            json!(run.join("ttrpc.sock")),
        );
        files::write(&config, text, Access::Private)?;
        let file = File::create(&log).map_err(FileError::of("write", &log))?;
        let tool = Tool::new("containerd").shares_files();
        let tool = tool.arg("--config").arg(&config);
        let process = tool.start(file);
        let process = process.map_err(ImageError::making("the image store", root, SPACE))?;
        Ok(Self {
            process,
            socket,
            log,
        })
    }

    async fn answers(
        &self,
        ctr: &Ctr,
        task: &Task,
        cancel: &CancellationToken,
    ) -> Result<(), ImageError> {
        let up = ctr.ready(Deadline::seconds(30), cancel, |_| last_line(&self.log));
        Ok(task.during("starting containerd", up).await?)
    }

    async fn stop(&mut self) {
        process::stop(&mut self.process).await;
    }
}

fn last_line(log: &Path) -> String {
    let line = files::tail(log, 1);
    match line.trim() {
        "" => "nothing in its log".to_owned(),
        line => line.to_owned(),
    }
}

async fn import_missing(
    ctr: &Ctr,
    images: &ImageSet,
    task: &Task,
    cancel: &CancellationToken,
) -> Result<Vec<String>, ImageError> {
    let there = ctr.images(cancel).await;
    let there = there.map_err(ImageError::making("the list of images", Path::new("/"), 0))?;
    let missing: Vec<&Built> = images
        .iter()
        .filter(|built| !there.contains(&built.reference))
        .collect();
    let mut task = task.clone();
    let mut imported = Vec::new();
    for (index, built) in missing.iter().enumerate() {
        task.step(index + 1, missing.len());
        let message = format!("importing {} ({})", built.image, space::human(built.size));
        let import = ctr.import(&built.archive, cancel);
        let folder = built.archive.parent().unwrap_or(Path::new("/"));
        task.during(&message, import)
            .await
            .map_err(ImageError::making(&built.reference, folder, 4 << 30))?;
        imported.push(built.reference.clone());
    }
    Ok(imported)
}

/// Removes images that are not of the set.
async fn remove_others(
    ctr: &Ctr,
    images: &ImageSet,
    cancel: &CancellationToken,
) -> Result<(), ImageError> {
    let failed = || ImageError::making("the image store", Path::new("/"), 0);
    let there = ctr.images(cancel).await.map_err(failed())?;
    let wanted: HashSet<&str> = images.iter().map(|built| &*built.reference).collect();
    let mut others: Vec<&str> = there.iter().map(String::as_str).collect();
    others.retain(|name| !wanted.contains(name));
    ctr.remove(&others, cancel).await.map_err(failed())
}

fn check_space(folder: &Path, images: &ImageSet) -> Result<(), ImageError> {
    // Each layer is kept packed and unpacked.
    let needed = images.iter().map(|built| built.size * 5 / 2).sum();
    let free = space::free_bytes(folder)?;
    if free >= needed {
        return Ok(());
    }
    Err(ImageError::DiskFull {
        what: "the image store".into(),
        path: folder.to_owned(),
        needed,
        free,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_store_in_use_is_not_removed_by_another_checkout() {
        let dir = tempfile::tempdir().unwrap();
        let [used, unused] = ["1f2e", "3d4c"].map(|name| dir.path().join(name));
        for store in [&used, &unused] {
            files::make_dir(store, Access::Shared).unwrap();
        }
        let cancel = CancellationToken::new();
        let claimed = Store::claim(used.clone(), &cancel).await.unwrap().unwrap();
        for store in [&used, &unused] {
            remove_unused(store).unwrap();
        }
        assert!(used.is_dir());
        assert!(!unused.exists());
        drop(claimed);
        remove_unused(&used).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        assert!(Store::claim(used, &cancel).await.unwrap().is_none());
    }
}
