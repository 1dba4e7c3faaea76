//! What aznet-node shares with the rest: the types of the configuration it reads and of what it tells of validators.
pub mod config;
pub mod report;
