//! A bundle: all that is known of a network at one moment, in one archive that may be shown to others.
//!
//! Whatever the Secrets of its namespace hold is taken out of every part of it. A part that can't be had is listed with the
//! reason, and the rest goes in.

pub mod archive;
mod collect;
mod facts;
mod known;
mod redact;

pub use self::{
    archive::{Bundle, BundleError, Manifest, Reproduction},
    collect::{Request, collect},
    facts::Warning,
};
