//! What pods run: Aztec's own processes, the L1 of a test network, and the keeper of a pod's key store.

pub(crate) mod anvil;
pub(crate) mod aztec;
mod exec;
pub(crate) mod keystore;
mod order;
pub(crate) mod program;
pub(crate) mod version;
