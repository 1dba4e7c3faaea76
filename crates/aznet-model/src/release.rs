//! Aztec's releases, as far as they differ in what is done here: a table, a profile per line. Whoever starts, configures or
//! asks a process of Aztec's takes the names from the profile; nobody else compares versions.
//!
//! Versions of one line understand each other and may run in one network. Another line has another rollup: a new network.

mod image;
mod methods;
mod profile;
mod table;
mod v4_1;
mod v5_2;
mod v6_0;
mod variables;
mod version;

pub use image::UnknownRelease;
pub use methods::Methods;
pub use profile::{
    Blocks, Budgets, Environment, NodeMemory, Proof, Release, Renamed, Start, TestAccounts,
    VariableChange,
};
pub use table::{ALL, for_chart, names};
pub use variables::readers;

#[cfg(test)]
mod tests;
