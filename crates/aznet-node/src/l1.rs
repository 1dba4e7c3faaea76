//! The L1: asking it, paying on it, and on a test network its clock.

mod client;
pub(crate) mod clock;
pub(crate) mod funding;
pub(crate) mod secret;
pub(crate) mod traces;

pub(crate) use client::{Fate, L1, L1Error};
