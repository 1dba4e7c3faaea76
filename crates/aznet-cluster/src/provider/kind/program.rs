//! kind itself: the user's, if it is of the release that is pinned here.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aznet_kit::process::{ProcessError, Tool};
use tokio_util::sync::CancellationToken;

/// The line of releases that is used here: another makes other nodes.
const LINE: &str = "0.33.";
/// It tells its version at once.
const ANSWER: Duration = Duration::from_secs(20);

/// The user's kind.
pub async fn on_path(cancel: &CancellationToken) -> Option<PathBuf> {
    let kind = aznet_kit::process::on_path("kind")?;
    let version = version(&kind, cancel).await.ok()?;
    version.starts_with(LINE).then_some(kind)
}

/// The version of a kind, without a `v`.
async fn version(kind: &Path, cancel: &CancellationToken) -> Result<String, ProcessError> {
    let version = Tool::new(kind).args(["version", "--quiet"]);
    let told = version.output(ANSWER, cancel).await?;
    Ok(told.trim().trim_start_matches('v').to_owned())
}
