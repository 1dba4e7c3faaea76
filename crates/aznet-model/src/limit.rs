//! Most that a number in the values may be. None of these is a limit of Aztec or Kubernetes: beyond them a value is a slip of
//! the keyboard, and arithmetic with it would leave 64 bits or the machine's memory.

/// Pods of a workload, and ordinals.
pub(crate) const PODS: u32 = 10_000;
/// Keys in a pod.
pub(crate) const KEYS: u32 = 10_000;
/// Key indices: those above are hardened ones (BIP-32).
pub(crate) const INDEX: u32 = (1 << 31) - 1;
/// Members of a committee.
pub(crate) const MEMBERS: u32 = 10_000;
/// Slots, epochs and rounds.
pub(crate) const TURNS: u32 = 10_000;
/// What is waited for: a day, in seconds.
pub(crate) const DAY: u32 = 86_400;
/// What lasts: ten years, in seconds.
pub(crate) const DECADE: u32 = 315_360_000;
/// Transactions, failures and other things that are counted.
pub(crate) const COUNT: u32 = 1_000_000;
/// Percent on top.
pub(crate) const PERCENT: u32 = 10_000;
/// Gwei for a unit of gas: one ETH.
pub(crate) const GWEI: u32 = 1_000_000_000;
/// Whole numbers that JSON's floats hold exactly.
pub(crate) const EXACT: u64 = (1 << 53) - 1;
