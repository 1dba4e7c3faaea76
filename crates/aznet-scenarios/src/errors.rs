//! What of the network's errors is a finding and what only kept us from looking.

use aznet_kit::wait::WaitError;
use aznet_network::clients::rpc::RpcError;
use aznet_runner::Failure;

/// How a step of a scenario fails.
pub(crate) struct Broken(pub(crate) Failure);

impl From<WaitError> for Broken {
    /// What should have come true and did not is a finding.
    fn from(error: WaitError) -> Self {
        Self(Failure::assertion(error))
    }
}

impl From<RpcError> for Broken {
    fn from(error: RpcError) -> Self {
        Self(rpc(error))
    }
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Self {
        Self(failure)
    }
}

/// A server that refuses a call tells something about the network; one that can't be reached does not.
pub(crate) fn rpc(error: RpcError) -> Failure {
    match error {
        RpcError::Refused { .. } => Failure::assertion(error),
        other => Failure::infrastructure(other),
    }
}
