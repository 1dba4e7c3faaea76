//! Files of a group that are no programs: Chaos Mesh's Helm chart, what kind puts on its nodes, and what KWOK's go through;
//! from the same modules as the programs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aznet_kit::files;
use tokio_util::sync::CancellationToken;

use super::build::go;
use super::error::ToolchainError;
use super::pin::Pin;
use crate::progress::Task;

/// What kind puts on its nodes, in its module.
const NODE: &str = "images/base/files";
/// What KWOK's nodes and pods may go through, in its module.
const STAGES: &str = "kustomize/stage";
/// Where the chart is in the module.
const PLACE: &str = "helm/chaos-mesh";
/// The types that resource definitions are generated from.
const TYPES: &str = "github.com/chaos-mesh/chaos-mesh/api/...";
/// The program that generates them.
const GENERATOR: &str = "sigs.k8s.io/controller-tools/cmd/controller-gen";
/// Go knows where it keeps a module at once.
const ANSWER: Duration = Duration::from_secs(30);
/// The generator is compiled first.
const GENERATION: Duration = Duration::from_mins(15);

/// Copies what kind puts on its nodes to `place`.
pub(super) async fn node(
    pin: &Pin,
    place: &Path,
    cancel: &CancellationToken,
) -> Result<(), ToolchainError> {
    copy(pin, NODE, place, cancel).await
}

/// Copies what KWOK's nodes and pods may go through to `place`.
pub(super) async fn stages(
    pin: &Pin,
    place: &Path,
    cancel: &CancellationToken,
) -> Result<(), ToolchainError> {
    copy(pin, STAGES, place, cancel).await
}

/// Copies a folder of the group's module to `place`.
async fn copy(
    pin: &Pin,
    folder: &str,
    place: &Path,
    cancel: &CancellationToken,
) -> Result<(), ToolchainError> {
    let module = module(pin, cancel).await?;
    Ok(files::copy_tree(&module.join(folder), place, &[])?)
}

/// Where Go keeps the group's module.
async fn module(pin: &Pin, cancel: &CancellationToken) -> Result<PathBuf, ToolchainError> {
    let list = go(pin).args(["list", "-m", "-f", "{{.Dir}}", pin.group.module()]);
    Ok(PathBuf::from(list.output(ANSWER, cancel).await?.trim()))
}

/// Copies the chart to `place`. Its resource definitions are generated anew: those that it comes with are of other types
/// than the programs are built with, and the controller refuses what it then finds missing.
pub(super) async fn make(
    pin: &Pin,
    place: &Path,
    task: &Task,
    cancel: &CancellationToken,
) -> Result<(), ToolchainError> {
    let module = module(pin, cancel).await?;
    files::copy_tree(&module.join(PLACE), place, &["crds"])?;
    let generate = go(pin)
        // The way the programs are built, so that what they share is compiled once.
        .args(["run", "-trimpath", "-buildvcs=false", GENERATOR])
        .arg("crd:ignoreUnexportedFields=true,crdVersions=v1")
        .arg(format!("paths={TYPES}"))
        .arg(format!("output:crd:dir={}", place.join("crds").display()));
    task.run(
        "generating resource definitions",
        generate,
        GENERATION,
        cancel,
    )
    .await?;
    Ok(())
}
