//! What the image of a pod has of what its release's profile says.

use std::time::Duration;

use aznet_model::report::ImageReport;

use super::instances::Instance;
use crate::{
    clients::exec::{self, ExecError},
    namespace::Network,
    validators::PROGRAM,
};

/// Aztec's program is loaded for it, and its files are read.
const WITHIN: Duration = Duration::from_mins(3);

/// Why nothing is known of it.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The pod's program failed.
    #[error(transparent)]
    Exec(#[from] ExecError),
    /// Its answer isn't understood.
    #[error("pod {pod} answers with something that is no report on its image")]
    Answer {
        /// The pod.
        pod: String,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
}

/// Asks a pod that runs Aztec.
///
/// # Errors
/// [`ImageError`].
pub async fn report(network: &Network, pod: &Instance) -> Result<ImageReport, ImageError> {
    let command = [PROGRAM.to_owned(), "image".to_owned()];
    let text = exec::run(network, (&pod.pod, pod.role.name()), &command, WITHIN).await?;
    let last = text.lines().next_back().unwrap_or_default();
    serde_json::from_str(last).map_err(|source| ImageError::Answer {
        pod: pod.pod.clone(),
        source,
    })
}
