//! Which tests run: filters first, then the partition.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::test::TestId;

/// The `m`-th of `n` parts of the tests, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Partition {
    part: usize,
    of: usize,
}

/// A text that is no partition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no partition: expected M/N with 1 <= M <= N, such as 1/2")]
pub struct BadPartition(String);

impl Partition {
    /// Part `part` of `of`; `None` unless 1 <= part <= of.
    pub fn new(part: usize, of: usize) -> Option<Self> {
        (1..=of).contains(&part).then_some(Self { part, of })
    }

    /// The share of `count` things, as a range: neighbours stay together, shares differ by one at most.
    fn range(self, count: usize) -> std::ops::Range<usize> {
        let start = |part: usize| part * count / self.of;
        start(self.part - 1)..start(self.part)
    }
}

impl FromStr for Partition {
    type Err = BadPartition;

    fn from_str(text: &str) -> Result<Self, BadPartition> {
        text.split_once('/')
            .and_then(|(part, of)| Self::new(part.parse().ok()?, of.parse().ok()?))
            .ok_or_else(|| BadPartition(text.to_owned()))
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.part, self.of)
    }
}

impl From<Partition> for String {
    fn from(partition: Partition) -> Self {
        partition.to_string()
    }
}

impl TryFrom<String> for Partition {
    type Error = BadPartition;

    fn try_from(text: String) -> Result<Self, BadPartition> {
        text.parse()
    }
}

/// What was selected of some tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection<T> {
    /// The selected, by network and then name.
    pub selected: Vec<T>,
    /// How many were not.
    pub left_out: usize,
    /// The part that was asked for.
    pub partition: Option<Partition>,
}

/// Selects the tests whose `network::name` contains one of `filters` (none: all), and of these the partition's share.
/// Tests are ordered by network first, so that a share starts few networks.
pub fn select<T>(
    tests: Vec<T>,
    id: impl Fn(&T) -> &TestId,
    filters: &[String],
    partition: Option<Partition>,
) -> Selection<T> {
    let all = tests.len();
    let mut selected: Vec<T> = tests
        .into_iter()
        .filter(|test| fits(id(test), filters))
        .collect();
    selected.sort_by(|a, b| id(a).cmp(id(b)));
    if let Some(partition) = partition {
        let share = partition.range(selected.len());
        selected.truncate(share.end);
        selected.drain(..share.start);
    }
    Selection {
        left_out: all - selected.len(),
        selected,
        partition,
    }
}

fn fits(id: &TestId, filters: &[String]) -> bool {
    let name = id.to_string();
    filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str()))
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn ids() -> impl Strategy<Value = Vec<TestId>> {
        let id = ("[a-c]", "[a-z]{1,3}").prop_map(|(network, name)| TestId { network, name });
        vec(id, 0..40)
    }

    fn part_of(ids: &[TestId], part: usize, of: usize) -> Vec<TestId> {
        select(ids.to_vec(), |id| id, &[], Partition::new(part, of)).selected
    }

    proptest! {
        #[test]
        fn the_parts_are_the_whole(ids in ids(), of in 1_usize..9) {
            let parts: Vec<TestId> = (1..=of).flat_map(|part| part_of(&ids, part, of)).collect();
            let mut whole = ids;
            whole.sort();
            prop_assert_eq!(parts, whole);
        }

        #[test]
        fn parts_are_fair(ids in ids(), of in 1_usize..9) {
            let sizes: Vec<usize> = (1..=of).map(|part| part_of(&ids, part, of).len()).collect();
            let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
            prop_assert!(most - least <= 1);
        }

        #[test]
        fn filters_select_exactly_what_contains_one(ids in ids(), filters in vec("[a-z]{1,2}", 0..3)) {
            let selection = select(ids.clone(), |id| id, &filters, None);
            let wanted = ids.iter().filter(|id| fits(id, &filters)).count();
            prop_assert_eq!(selection.selected.len(), wanted);
            prop_assert_eq!(selection.left_out, ids.len() - wanted);
        }
    }

    #[test]
    fn partitions_are_read_as_m_of_n() {
        assert_eq!("2/3".parse::<Partition>().unwrap().to_string(), "2/3");
        for bad in ["", "1", "0/2", "3/2", "a/b", "1/0", "-1/2"] {
            assert!(bad.parse::<Partition>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_filter_matches_network_and_name() {
        let id = TestId {
            network: "small".into(),
            name: "transfer".into(),
        };
        let filter = |text: &str| fits(&id, &[text.to_owned()]);
        assert!(filter("small::tr") && filter("transfer") && filter("all"));
        assert!(!filter("staging"));
    }
}
