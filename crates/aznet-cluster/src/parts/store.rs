//! Images in containerd: imported once into a root that clusters clone, and into running clusters when they change.

use std::collections::HashSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde_json::json;
use tokio::process::Child;
use tokio_util::sync::CancellationToken;

use super::{Built, ImageError, ImageSet};
use crate::command::{self, CommandError, Tool};
use crate::disk::{self, DiskError, Staging};
use crate::lock::Lock;
use crate::paths::Paths;
use crate::progress::{Reporter, Task};
use crate::wait::{self, Look, Patience};

/// Written to by containerd, unlike all else in its root: a clone needs copies of its own.
const DATABASES: [&str; 2] = [
    "io.containerd.metadata.v1.bolt/meta.db",
    "io.containerd.snapshotter.v1.overlayfs/metadata.db",
];

/// Makes sure that there is a containerd root with the images of every cluster unpacked, and says where.
///
/// It is made from the previous one by hard links, so that only what changed is imported.
pub async fn store(
    paths: &Paths,
    images: &ImageSet,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<PathBuf, ImageError> {
    let images = &images.of_every_cluster();
    let folder = paths.store();
    let place = folder.join(images.hash());
    if place.is_dir() {
        return Ok(place);
    }
    let task = Task::new(report, "image store");
    let _lock = Lock::acquire(&folder.join(".lock"), &task, cancel).await?;
    if place.is_dir() {
        return Ok(place);
    }
    check_space(&folder, images)?;
    let staging = Staging::new(&folder)?;
    let root = staging.path().join("root");
    let earlier = earlier(&folder)?;
    match earlier.last() {
        Some(previous) => clone(previous, &root, &task, cancel).await?,
        None => disk::make_dir(&root)?,
    }
    fill(&root, paths, images, &task, cancel).await?;
    fs::rename(&root, &place).map_err(DiskError::of("put in place", &place))?;
    // Clusters have their own links to what is in them; the last one may be about to be cloned.
    for old in earlier.iter().rev().skip(1) {
        disk::remove_dir(old)?;
    }
    task.done(&format!("ready, {}", disk::human(disk::size(&place))));
    Ok(place)
}

/// Imports what a running containerd lacks of the set; returns the references imported.
pub async fn import(
    socket: &Path,
    images: &ImageSet,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<Vec<String>, ImageError> {
    let task = Task::new(report, "import");
    let imported = Ctr { socket }.import_missing(images, &task, cancel).await?;
    task.done(&format!("{} imported", imported.len()));
    Ok(imported)
}

/// The stores there are, the one made last at the end.
fn earlier(folder: &Path) -> Result<Vec<PathBuf>, DiskError> {
    let entries = fs::read_dir(folder).map_err(DiskError::of("list", folder))?;
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

/// `cp` keeps owners, modes and the extended attributes by which overlayfs marks deleted folders.
async fn clone(
    from: &Path,
    to: &Path,
    task: &Task,
    cancel: &CancellationToken,
) -> Result<(), ImageError> {
    let making = |path: &Path| ImageError::making("the image store", path, 1 << 30);
    Tool::new("cp")
        .args(["-a", "--link", "-T"])
        .args([from, to])
        .run(task, "linking what is unchanged", cancel)
        .await
        .map_err(making(to))?;
    for database in DATABASES {
        let copy = to.join(database);
        fs::remove_file(&copy).map_err(DiskError::of("replace", &copy))?;
        fs::copy(from.join(database), &copy).map_err(DiskError::of("copy", &copy))?;
    }
    Ok(())
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
    disk::make_dir(run)?;
    let run = tempfile::Builder::new()
        .prefix(".containerd-")
        .tempdir_in(run)
        .map_err(DiskError::of("make folder in", run))?;
    let mut containerd = Containerd::start(root, run.path())?;
    let outcome = containerd.fill(images, task, cancel).await;
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
        fs::write(&config, text).map_err(DiskError::of("write", &config))?;
        let file = File::create(&log).map_err(DiskError::of("write", &log))?;
        let tool = Tool::new("containerd").arg("--config").arg(&config);
        let process = tool.start(file);
        let process = process.map_err(ImageError::making("the image store", root, 1 << 30))?;
        Ok(Self {
            process,
            socket,
            log,
        })
    }

    async fn fill(
        &mut self,
        images: &ImageSet,
        task: &Task,
        cancel: &CancellationToken,
    ) -> Result<(), ImageError> {
        self.wait(task, cancel).await?;
        let ctr = Ctr {
            socket: &self.socket,
        };
        ctr.import_missing(images, task, cancel).await?;
        ctr.remove_others(images, cancel).await
    }

    async fn wait(&mut self, task: &Task, cancel: &CancellationToken) -> Result<(), ImageError> {
        let (socket, log) = (self.socket.clone(), self.log.clone());
        let up = wait::until("containerd", Patience::seconds(30), cancel, || async {
            let ctr = Ctr { socket: &socket };
            Ok::<_, ImageError>(match ctr.tool(&["version"]).output(cancel).await {
                Ok(_) => Look::Done(()),
                Err(_) => Look::Pending(last_line(&log)),
            })
        });
        task.during("starting containerd", up).await
    }

    async fn stop(&mut self) {
        command::stop(&mut self.process).await;
    }
}

fn last_line(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    text.lines()
        .last()
        .unwrap_or("no word in its log")
        .to_owned()
}

/// containerd's own client, in the namespace that Kubernetes uses.
struct Ctr<'a> {
    socket: &'a Path,
}

impl Ctr<'_> {
    fn tool(&self, args: &[&str]) -> Tool {
        Tool::new("ctr")
            .args(["--namespace", "k8s.io", "--address"])
            .arg(self.socket)
            .args(args)
    }

    async fn list(&self, cancel: &CancellationToken) -> Result<HashSet<String>, ImageError> {
        let listed = self
            .tool(&["images", "list", "--quiet"])
            .output(cancel)
            .await;
        let listed = listed.map_err(self.making("the list of images"))?;
        Ok(listed.lines().map(str::to_owned).collect())
    }

    async fn import_missing(
        &self,
        images: &ImageSet,
        task: &Task,
        cancel: &CancellationToken,
    ) -> Result<Vec<String>, ImageError> {
        let there = self.list(cancel).await?;
        let missing: Vec<&Built> = images
            .iter()
            .filter(|built| !there.contains(&built.reference))
            .collect();
        let mut task = task.clone();
        for (index, built) in missing.iter().enumerate() {
            task.step(index + 1, missing.len());
            let message = format!("importing {} ({})", built.image, disk::human(built.size));
            self.tool(&[
                "images",
                "import",
                "--all-platforms",
                "--snapshotter",
                "overlayfs",
            ])
            .arg(&built.archive)
            .run(&task, &message, cancel)
            .await
            .map_err(self.making(&built.reference))?;
        }
        Ok(missing
            .iter()
            .map(|built| built.reference.clone())
            .collect())
    }

    /// Removes images that are not of the set, and waits until their space is free.
    async fn remove_others(
        &self,
        images: &ImageSet,
        cancel: &CancellationToken,
    ) -> Result<(), ImageError> {
        let wanted: HashSet<&str> = images.iter().map(|built| &*built.reference).collect();
        let there = self.list(cancel).await?;
        let others: Vec<&str> = there
            .iter()
            .map(String::as_str)
            .filter(|name| !wanted.contains(name))
            .collect();
        if others.is_empty() {
            return Ok(());
        }
        let tool = self.tool(&["images", "remove", "--sync"]).args(&others);
        let removed = tool.output(cancel).await;
        removed.map(drop).map_err(self.making("the image store"))
    }

    fn making(&self, what: &str) -> impl FnOnce(CommandError) -> ImageError + use<> {
        ImageError::making(what, self.socket, 4 << 30)
    }
}

fn check_space(folder: &Path, images: &ImageSet) -> Result<(), ImageError> {
    // Each layer is kept packed and unpacked.
    let needed = images.iter().map(|built| built.size * 5 / 2).sum();
    let free = disk::free_bytes(folder)?;
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
