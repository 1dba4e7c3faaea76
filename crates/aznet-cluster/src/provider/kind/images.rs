//! Images of the nodes: what they lack is loaded, once.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use aznet_kit::process::ProcessError;
use tokio_util::sync::CancellationToken;

use super::engine::Engine;
use super::error::Error;
use super::list::Folder;
use crate::machine::space;
use crate::parts::images::{Built, ImageSet};
use crate::paths::Paths;
use crate::progress::{Reporter, Task};

/// The largest image, to many nodes of a busy machine.
const LOADING: Duration = Duration::from_mins(30);

/// The images that all nodes of a cluster have.
async fn there(
    engine: &Engine,
    name: &str,
    cancel: &CancellationToken,
) -> Result<BTreeSet<String>, Error> {
    let mut common: Option<BTreeSet<String>> = None;
    for node in engine.nodes(Some(name), cancel).await? {
        let images = engine.images(node.name(), cancel).await?;
        common = Some(match common {
            Some(common) => common.intersection(&images).cloned().collect(),
            None => images,
        });
    }
    Ok(common.unwrap_or_default())
}

/// Loads what some node lacks of the images that pods run; returns their references.
///
/// # Errors
/// [`Error::NotLoaded`]: those before it are on the nodes.
pub async fn load(
    paths: &Paths,
    name: &str,
    images: &ImageSet,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<Vec<String>, Error> {
    let kind = Folder::of(paths, name).program(name)?;
    let engine = Engine::find(cancel).await?;
    let there = there(&engine, name, cancel).await?;
    let missing: Vec<&Built> = images
        .of_pods()
        .filter(|built| !there.contains(&built.reference))
        .collect();
    let mut task = Task::new(report, "load");
    for (index, built) in missing.iter().enumerate() {
        task.step(index + 1, missing.len());
        let message = format!("loading {} ({})", built.image, space::human(built.size));
        let loaded = one(
            &engine,
            &kind,
            name,
            &built.archive,
            &message,
            &task,
            cancel,
        )
        .await;
        loaded.map_err(not_loaded(name, &built.reference))?;
    }
    Ok(missing.iter().map(|one| one.reference.clone()).collect())
}

/// Loads an archive; returns the references that are new.
///
/// # Errors
/// [`Error::NotLoaded`].
pub async fn load_archive(
    paths: &Paths,
    name: &str,
    archive: &Path,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<Vec<String>, Error> {
    let kind = Folder::of(paths, name).program(name)?;
    let engine = Engine::find(cancel).await?;
    let before = there(&engine, name, cancel).await?;
    let task = Task::new(report, "load");
    let shown = archive.display().to_string();
    let message = format!("loading {shown}");
    let loaded = one(&engine, &kind, name, archive, &message, &task, cancel).await;
    loaded.map_err(not_loaded(name, &shown))?;
    let after = there(&engine, name, cancel).await?;
    Ok(after.difference(&before).cloned().collect())
}

async fn one(
    engine: &Engine,
    kind: &Path,
    name: &str,
    archive: &Path,
    message: &str,
    task: &Task,
    cancel: &CancellationToken,
) -> Result<(), ProcessError> {
    let load = engine
        .run(kind)
        .args(["load", "image-archive", "--name", name])
        .arg(archive);
    task.run(message, load, LOADING, cancel).await.map(drop)
}

fn not_loaded(name: &str, image: &str) -> impl FnOnce(ProcessError) -> Error + use<> {
    let (name, image) = (name.to_owned(), image.to_owned());
    move |source| Error::NotLoaded {
        name,
        image,
        source,
    }
}
