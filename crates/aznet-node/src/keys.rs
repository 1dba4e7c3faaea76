//! Who a pod signs for, and where the keys are.

pub(crate) mod account;
pub(crate) mod bls;
pub(crate) mod bot;
pub(crate) mod folder;
pub(crate) mod holdings;
pub(crate) mod keystore;
pub(crate) mod mnemonic;
pub(crate) mod wallet;
