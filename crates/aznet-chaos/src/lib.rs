//! Faults of a running network, done by Chaos Mesh and seen to bite: what is asked for, what is measured, how it heals,
//! and that nothing of it is left.

mod anvil;
mod begin;
mod called;
pub mod capability;
mod chain;
mod choice;
pub mod conflict;
mod daemon;
mod decided;
mod effect;
mod emulate;
mod error;
pub mod experiment;
mod journal;
mod links;
pub mod load;
mod measure;
pub mod mesh;
mod objects;
mod observe;
mod pods;
mod proving;
pub mod reference;
mod restorer;
pub mod settings;
mod target;
mod trace;
mod verdict;

pub use self::error::{ChaosError, Residue};
pub use self::measure::error::MeasureError;
pub use self::verdict::Measurement;
