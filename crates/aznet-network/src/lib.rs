//! What runs: networks on a Kubernetes cluster, from values to a chain that moves.

pub mod adopt;
pub mod api;
pub mod bundle;
pub mod clients;
pub mod deploy;
pub mod join;
pub mod load;
pub mod namespace;
pub mod observe;
pub mod preflight;
pub mod removal;
pub mod secrets;
pub mod validators;
