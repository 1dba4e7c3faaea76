//! Patterns of values that the schema checks.

/// An L1 address, or nothing.
pub(crate) const ADDRESS: &str = r"^(0x[0-9a-fA-F]{40})?$";
/// An L1 address.
pub(crate) const SOME_ADDRESS: &str = r"^0x[0-9a-fA-F]{40}$";
/// URL of a server, or nothing.
pub(crate) const MAYBE_HTTP_URL: &str = r"^(https?://[^\s,]+)?$";
/// A whole number as text.
pub(crate) const AMOUNT: &str = r"^[0-9]+$";
