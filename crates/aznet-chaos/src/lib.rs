//! Faults of a running network, done by Chaos Mesh and seen to bite: what is asked for, what is measured, how it heals,
//! and that nothing of it is left.

mod effect;
mod error;
pub mod experiment;
pub mod load;
pub mod mesh;
mod objects;
mod pods;
mod target;

pub use self::error::{ChaosError, Residue};
