//! Why nothing was measured.

use aznet_network::clients::exec::ExecError;

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// The program gave no answer.
    #[error(transparent)]
    Exec(#[from] ExecError),
    /// The program of the pod's image gave another answer.
    #[error("pod {pod}: not what `aznet-node probe` of this version says")]
    Answer {
        /// The pod.
        pod: String,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The pod has no program to measure with.
    #[error("pod {0} has no aznet-node to measure with")]
    NoProgram(String),
    /// There is nobody to send to.
    #[error("pod {0} has nobody to send to")]
    Alone(String),
}
