//! Ways to talk to what runs in a network: its nodes, its L1, its ports and its containers.

pub mod admin;
pub mod anvil;
pub mod beside;
pub mod exec;
pub mod forward;
pub mod jobs;
pub mod l1;
pub mod l2;
pub mod rpc;
pub mod twin;
