//! The validator set: who is in it, the way in and the way out.

pub(crate) mod command;
mod leave;
mod reader;
pub(crate) mod registrar;
mod standing;
