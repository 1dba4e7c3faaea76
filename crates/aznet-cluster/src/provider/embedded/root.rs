//! A cluster's containerd root: a clone of the pre-imported store.

use std::fs;

use aznet_kit::files::{self, FileError};
use tokio_util::sync::CancellationToken;

use super::error::Error;
use super::layout::Layout;
use super::spec::Images;
use crate::parts::clone;

/// Clones `images.store` unless the cluster has its root already. An interrupted clone is started afresh.
pub(crate) async fn ensure(
    layout: &Layout,
    images: &Images,
    cancel: &CancellationToken,
) -> Result<(), Error> {
    let root = layout.containerd_root();
    if root.exists() {
        return Ok(());
    }
    if !clone::is_root(&images.store) {
        return Err(Error::StoreMissing {
            path: images.store.clone(),
        });
    }
    let half = layout.state().join("containerd.part");
    files::remove_dir(&half)?;
    clone::clone(&images.store, &half, cancel).await?;
    Ok(fs::rename(&half, &root).map_err(FileError::of("rename", &half))?)
}
