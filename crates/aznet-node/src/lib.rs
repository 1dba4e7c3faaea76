//! What aznet-node shares with the rest: the type of the configuration it reads.
pub mod config;
