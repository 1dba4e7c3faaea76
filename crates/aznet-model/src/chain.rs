//! Positions in a chain and in protocol time as types, so that a slot is never taken for an epoch.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $word:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($word, " {}"), self.0)
            }
        }
    };
}

number!(
    /// An L2 slot, counted from the rollup's genesis.
    Slot,
    "slot"
);
number!(
    /// An L2 epoch: a fixed number of slots that is proven as one.
    Epoch,
    "epoch"
);
number!(
    /// An L2 block.
    BlockNumber,
    "block"
);
number!(
    /// A checkpoint: the L2 blocks of one slot, published to L1 together.
    CheckpointNumber,
    "checkpoint"
);
number!(
    /// An L1 block.
    L1Block,
    "L1 block"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_words_and_serialize_bare() {
        assert_eq!(Slot(12).to_string(), "slot 12");
        assert_eq!(serde_json::to_string(&CheckpointNumber(3)).unwrap(), "3");
    }
}
