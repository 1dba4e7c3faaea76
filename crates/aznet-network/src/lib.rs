//! What runs: networks on a Kubernetes cluster, from values to a chain that moves.

pub mod admin;
pub mod api;
pub mod capacity;
pub mod deploy;
pub mod endpoints;
pub mod exec;
pub mod forward;
pub mod helm;
pub mod l1;
pub mod l2;
pub mod load;
pub mod logs;
pub mod namespace;
pub mod nodes;
pub mod rpc;
pub mod status;
pub mod telemetry;
pub mod timing;
pub mod validators;
pub mod wait;
