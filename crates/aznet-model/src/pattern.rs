//! Patterns of values that the schema checks.

/// An L1 address, or nothing.
pub(crate) const ADDRESS: &str = r"^(0x[0-9a-fA-F]{40})?$";
/// An L1 address.
pub(crate) const SOME_ADDRESS: &str = r"^0x[0-9a-fA-F]{40}$";
/// URL of a server, or nothing.
pub(crate) const MAYBE_HTTP_URL: &str = r"^(https?://[^\s,]+)?$";
/// A whole number as text.
pub(crate) const AMOUNT: &str = r"^[0-9]+$";
/// How long a fault lasts: numbers with units, the way Go and so Chaos Mesh reads them.
pub(crate) const FAULT_DURATION: &str = r"^([0-9]+(ms|s|m|h))+$";
/// How long an experiment lasts: that, or slots or epochs.
pub(crate) const FAULT_SPAN: &str = r"^(([0-9]+(ms|s|m|h))+|[1-9][0-9]{0,2} (slot|epoch)s?)$";
/// By how much a clock is wrong.
pub(crate) const CLOCK_OFFSET: &str = r"^-?([0-9]+(ms|s|m|h))+$";
/// A rate as `tc` writes it.
pub(crate) const RATE: &str = r"^[0-9]+(bps|kbps|mbps|gbps|tbps)$";
/// A size as Chaos Mesh writes it.
pub(crate) const SIZE: &str = r"^[0-9]+(B|KB|MB|GB|%)$";
