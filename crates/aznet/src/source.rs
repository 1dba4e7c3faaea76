//! Where the chart, the networks and the sources of images and tools are.

use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// What a source tree is known by.
pub(crate) const MARK: &str = "helm-charts/aztec-network";

/// The source tree: `AZNET_SOURCE`, else the nearest folder above this one that is one, else the checkout that this
/// program was compiled in.
pub(crate) fn root() -> Result<PathBuf, Failure> {
    if let Some(named) = std::env::var_os("AZNET_SOURCE").filter(|path| !path.is_empty()) {
        return check(named.into());
    }
    let here = std::env::current_dir().unwrap_or_default();
    if let Some(found) = here.ancestors().find(|folder| is_source(folder)) {
        return Ok(found.to_owned());
    }
    let compiled = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new("/"));
    check(compiled.to_owned())
}

fn check(folder: PathBuf) -> Result<PathBuf, Failure> {
    if is_source(&folder) { Ok(folder) } else { Err(Failure::NoSource { looked: folder }) }
}

fn is_source(folder: &Path) -> bool {
    folder.join(MARK).is_dir()
}
