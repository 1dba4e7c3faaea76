//! Where networks run: the machine, the parts that clusters are made of, the clusters and who provides them.
//!
//! Arrows go one way: [`provider`] stands on [`parts`], both on [`machine`].

pub mod machine;
pub mod parts;
pub mod paths;
pub mod progress;
pub mod provider;
pub mod source;
