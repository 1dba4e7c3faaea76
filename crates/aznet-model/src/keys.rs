//! Key indices on the path `m/44'/60'/0'/0/{index}` of a network's mnemonic.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// Indices at and above this are hardened ones (BIP-32) and can't be used.
pub const INDEX_LIMIT: u64 = 1 << 31;

/// A run of key indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyRange {
    /// First index.
    pub start: u64,
    /// How many.
    pub count: u64,
}

impl KeyRange {
    /// First index after the run.
    pub const fn end(self) -> u64 {
        self.start.saturating_add(self.count)
    }

    /// `true` where the two runs share an index.
    pub const fn overlaps(self, other: Self) -> bool {
        self.count > 0 && other.count > 0 && self.start < other.end() && other.start < self.end()
    }

    /// The indices; `None` where one of them is not below [`INDEX_LIMIT`].
    pub fn indices(self) -> Option<Range<u32>> {
        if self.end() > INDEX_LIMIT {
            return None;
        }
        Some(u32::try_from(self.start).ok()?..u32::try_from(self.end()).ok()?)
    }
}

impl fmt::Display for KeyRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            0 => write!(f, "none"),
            1 => write!(f, "{}", self.start),
            _ => write!(f, "{} to {}", self.start, self.end() - 1),
        }
    }
}

/// A run of key indices shared out over the replicas of a workload: replica `r` holds `start + r*per_replica ..`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReplicaKeys {
    /// First index.
    pub start: u64,
    /// Keys in each replica.
    pub per_replica: u64,
}

impl ReplicaKeys {
    /// What the replica of this ordinal holds.
    pub fn of_replica(self, ordinal: u32) -> KeyRange {
        let before = self.of_first(ordinal);
        KeyRange {
            start: before.end(),
            count: self.per_replica,
        }
    }

    /// What the first `replicas` replicas hold together.
    pub fn of_first(self, replicas: u32) -> KeyRange {
        KeyRange {
            start: self.start,
            count: self.per_replica.saturating_mul(replicas.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_share_a_run_without_overlap() {
        let keys = ReplicaKeys {
            start: 100,
            per_replica: 3,
        };
        let of = |ordinal| -> Vec<u32> {
            let indices = keys.of_replica(ordinal).indices();
            indices.expect("below the limit").collect()
        };
        assert_eq!(of(0), [100, 101, 102]);
        assert_eq!(of(2), [106, 107, 108]);
        assert_eq!(keys.of_first(3).end(), 109);
        assert_eq!(keys.of_replica(u32::MAX).indices(), None);
    }

    #[test]
    fn hardened_indices_are_none() {
        let last = |count| KeyRange {
            start: INDEX_LIMIT - 1,
            count,
        };
        assert_eq!(last(1).indices(), Some(0x7fff_ffff..0x8000_0000));
        assert_eq!(last(2).indices(), None);
    }

    #[test]
    fn runs_overlap_where_they_share_an_index() {
        let run = |start, count| KeyRange { start, count };
        assert!(run(0, 3).overlaps(run(2, 1)));
        assert!(!run(0, 3).overlaps(run(3, 1)));
        assert!(!run(0, 3).overlaps(run(1, 0)));
    }
}
