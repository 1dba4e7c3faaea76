//! How many of a committee decide.

/// Attestations that a committee of this size needs: ⌊2n/3⌋ + 1 (Aztec's `ValidatorSelectionLib`), none for no committee.
pub const fn quorum(size: u64) -> u64 {
    if size == 0 {
        0
    } else {
        size / 3 * 2 + (size % 3) * 2 / 3 + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quorum_is_two_thirds_and_one() {
        for (size, needed) in [
            (0, 0),
            (1, 1),
            (3, 3),
            (4, 3),
            (5, 4),
            (6, 5),
            (7, 5),
            (32, 22),
            (48, 33),
        ] {
            assert_eq!(quorum(size), needed, "committee of {size}");
        }
    }
}
