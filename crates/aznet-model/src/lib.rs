//! What a network is: its values and what they mean, the names and keys of its pods, its protocol time, its contracts,
//! and what its pods read and write. Pure: no I/O, no clock, no cluster.

pub mod abi;
pub mod chain;
#[cfg(feature = "plan")]
pub mod chaos;
pub mod committee;
pub mod config;
pub mod emulation;
pub mod keys;
pub mod keystore;
pub mod label;
mod limit;
mod pattern;
#[cfg(feature = "plan")]
pub mod plan;
pub mod pod;
pub mod probe;
pub mod release;
pub mod report;
pub mod restoration;
pub mod role;
pub mod signer;
pub mod slashing;
pub mod timing;
pub mod traces;
pub mod units;
#[cfg(feature = "plan")]
pub mod upgrade;
#[cfg(feature = "plan")]
pub mod values;
pub mod workload;
#[cfg(feature = "plan")]
pub mod yaml;
