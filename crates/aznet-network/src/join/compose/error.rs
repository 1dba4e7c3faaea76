//! What stands against a file for Docker Compose.

use aznet_model::yaml::YamlError;

/// Why there is no file for Docker Compose.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// What Helm rendered is no YAML.
    #[error("the chart renders what can't be read")]
    Yaml(#[from] YamlError),
    /// An object is not of the kind that it says.
    #[error("the chart renders a {kind} that is none")]
    Shape {
        /// Its kind.
        kind: &'static str,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// A feature that Compose has not, or that no joiner's pods had so far.
    #[error("{pod}: {what} can't be said to Docker Compose")]
    Unsaid {
        /// The pod.
        pod: String,
        /// The feature.
        what: String,
    },
    /// The file can't be written as YAML.
    #[error("the file for Docker Compose can't be written as YAML")]
    Write(#[source] serde_norway::Error),
}
