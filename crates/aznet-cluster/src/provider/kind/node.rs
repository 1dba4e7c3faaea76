//! The image that nodes are made of.

use aznet_kit::process::ProcessError;
use tokio_util::sync::CancellationToken;

use super::choice::Choice;
use super::engine::Engine;
use super::error::Error;
use super::list::{Folder, Record};
use crate::parts::images::{self, Image, ImageError, ImageSet};
use crate::paths::Paths;
use crate::progress::{Reporter, Task};

/// The one that this release of kind was made with.
const OFFICIAL: &str = "docker.io/kindest/node:v1.37.0@sha256:a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5";

/// The image that the nodes of a cluster are made of: what those of one that is there are; else the official one, if its
/// registry serves it.
///
/// # Errors
/// When the engine does not answer.
pub async fn node(
    engine: &Engine,
    paths: &Paths,
    choice: &Choice,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<Option<String>, Error> {
    if let Some(Record { image, .. }) = Folder::of(paths, &choice.name).known()?
        && engine.has(&image, cancel).await?
    {
        return Ok(Some(image));
    }
    official(engine, report, cancel).await
}

async fn official(
    engine: &Engine,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<Option<String>, Error> {
    let image = || Some(OFFICIAL.to_owned());
    if engine.has(OFFICIAL, cancel).await? {
        return Ok(image());
    }
    let task = Task::new(report, "node image");
    let (pull, deadline) = engine.pull(OFFICIAL);
    let pulled = task.run("pulling kindest/node", pull, deadline, cancel);
    match pulled.await {
        Ok(_) => Ok(image()),
        Err(cancelled @ ProcessError::Cancelled { .. }) => Err(cancelled.into()),
        Err(error) => {
            tracing::debug!(%error, "the official node image is out of reach");
            task.say("its registry is out of reach: building one");
            Ok(None)
        }
    }
}

/// Gives the engine the image of the set, once; returns its name.
///
/// # Errors
/// [`ImageError`], or the engine's.
pub async fn import(
    engine: &Engine,
    paths: &Paths,
    set: &ImageSet,
    report: &Reporter,
    cancel: &CancellationToken,
) -> Result<String, Error> {
    let reference = &set.get(Image::KindNode).reference;
    if engine.has(reference, cancel).await? {
        return Ok(reference.clone());
    }
    let archive = images::save(paths, set, Image::KindNode, report, cancel).await?;
    let task = Task::new(report, "node image");
    let (load, deadline) = engine.load(&archive.path());
    let message = format!("giving it to {}", engine.kind());
    let loaded = task.run(&message, load, deadline, cancel).await;
    loaded.map_err(ImageError::making(reference, &archive.path(), 4 << 30))?;
    Ok(reference.clone())
}
