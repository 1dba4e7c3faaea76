//! Where networks run: clusters, the toolchain that builds them, the images, the machine.

pub mod cluster;
pub mod embedded;
pub mod paths;
pub mod progress;

mod files;
mod wait;
