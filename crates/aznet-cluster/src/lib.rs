//! Where networks run: clusters, the toolchain that builds them, the images, the machine.

pub mod paths;
pub mod progress;
