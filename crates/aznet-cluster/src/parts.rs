//! What clusters are made of: programs, images, and the store that has the images unpacked.

pub mod images;
pub mod kubernetes;
pub mod reference;
pub mod store;
pub mod toolchain;

pub(crate) mod clone;
pub(crate) mod content;
pub(crate) mod ctr;
