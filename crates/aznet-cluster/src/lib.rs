//! Where networks run: clusters, the toolchain that builds them, the images, the machine.

pub mod cluster;
pub mod doctor;
pub mod embedded;
pub mod images;
pub mod kubernetes;
pub mod lock;
pub mod parts;
pub mod paths;
pub mod progress;
pub mod source;
pub mod toolchain;

mod command;
mod disk;
mod files;
mod wait;
