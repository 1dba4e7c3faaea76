//! Which tests run: filters first, then the partition.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    filter::Filter,
    test::{Class, Test},
};

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

/// Which tests are wanted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Those whose `network::name` contains one of these; none: all.
    pub names: Vec<String>,
    /// Of these, those that one of these expressions selects; none: all.
    pub filters: Vec<Filter>,
    /// Of these, those that this expression selects.
    pub within: Option<Filter>,
    /// Of these, this part.
    pub partition: Option<Partition>,
}

/// What was selected of some tests.
#[derive(Debug, Clone)]
pub struct Selection {
    /// The selected, in the order in which they run.
    pub selected: Vec<Test>,
    /// How many were not.
    pub left_out: usize,
    /// The part that was asked for.
    pub partition: Option<Partition>,
}

/// Selects the tests that are wanted. They are ordered by network first, so that a part of them needs few networks, and then
/// by class: what observes a network sees it before others disrupt it.
pub fn select(tests: Vec<Test>, wanted: &Wanted) -> Selection {
    let all = tests.len();
    let mut selected: Vec<Test> = tests.into_iter().filter(|test| wanted.has(test)).collect();
    selected.sort_by(|a, b| order(a).cmp(&order(b)));
    if let Some(partition) = wanted.partition {
        let share = partition.range(selected.len());
        selected.truncate(share.end);
        selected.drain(..share.start);
    }
    Selection {
        left_out: all - selected.len(),
        selected,
        partition: wanted.partition,
    }
}

fn order(test: &Test) -> (&str, Class, &str) {
    (&test.id.network, test.class, &test.id.name)
}

impl Wanted {
    /// Whether `test` is wanted, the partition aside.
    pub fn has(&self, test: &Test) -> bool {
        let name = test.id.to_string();
        let named = self.names.iter().any(|part| name.contains(part.as_str()));
        let selected = self.filters.iter().any(|filter| filter.selects(test));
        (named || self.names.is_empty())
            && (selected || self.filters.is_empty())
            && self
                .within
                .as_ref()
                .is_none_or(|filter| filter.selects(test))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn test(network: &str, name: &str, class: Class) -> Test {
        Test::new(network, name, "", |_| async { Ok(()) }).class(class)
    }

    fn tests() -> impl Strategy<Value = Vec<Test>> {
        let classes = proptest::sample::select(&Class::ALL[..]);
        let one = ("[a-c]", "[a-z]{1,3}", classes);
        vec(
            one.prop_map(|(network, name, class)| test(&network, &name, class)),
            0..40,
        )
    }

    fn names(tests: &[Test]) -> Vec<String> {
        tests.iter().map(|test| test.id.to_string()).collect()
    }

    fn part_of(tests: &[Test], part: usize, of: usize) -> Vec<Test> {
        let wanted = Wanted {
            partition: Partition::new(part, of),
            ..Wanted::default()
        };
        select(tests.to_vec(), &wanted).selected
    }

    proptest! {
        #[test]
        fn the_parts_are_the_whole(tests in tests(), of in 1_usize..9) {
            let parts: Vec<Test> = (1..=of).flat_map(|part| part_of(&tests, part, of)).collect();
            prop_assert_eq!(names(&parts), names(&part_of(&tests, 1, 1)));
            prop_assert_eq!(parts.len(), tests.len());
        }

        #[test]
        fn parts_are_fair_and_share_few_networks(tests in tests(), of in 1_usize..9) {
            let parts: Vec<Vec<Test>> = (1..=of).map(|part| part_of(&tests, part, of)).collect();
            let (least, most) = (parts.iter().map(Vec::len).min(), parts.iter().map(Vec::len).max());
            prop_assert!(most.unwrap() - least.unwrap() <= 1);
            let networks = |tests: &[Test]| {
                let networks: BTreeSet<&str> = tests.iter().map(|test| test.id.network.as_str()).collect();
                networks.len()
            };
            // Each boundary between two parts divides one network at most.
            let started: usize = parts.iter().map(|part| networks(part)).sum();
            prop_assert!(started < networks(&tests) + of);
        }

        #[test]
        fn names_select_exactly_what_contains_one(tests in tests(), parts in vec("[a-z]{1,2}", 0..3)) {
            let wanted = Wanted { names: parts.clone(), ..Wanted::default() };
            let selection = select(tests.clone(), &wanted);
            let fits = |name: &&String| parts.is_empty() || parts.iter().any(|part| name.contains(part));
            let all = names(&tests);
            let fitting = all.iter().filter(fits).count();
            prop_assert_eq!(selection.selected.len(), fitting);
            prop_assert_eq!(selection.left_out, tests.len() - fitting);
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
    fn a_name_is_matched_with_its_network() {
        let transfer = test("small", "transfer", Class::Observe);
        let has = |text: &str| {
            let names = vec![text.to_owned()];
            Wanted {
                names,
                ..Wanted::default()
            }
            .has(&transfer)
        };
        assert!(has("small::tr") && has("transfer") && has("all"));
        assert!(!has("staging"));
    }

    #[test]
    fn names_filters_and_the_profile_all_must_fit() {
        let transfer = test("small", "transfer", Class::Observe);
        let filter = |text: &str| text.parse::<Filter>().unwrap();
        let wanted = |names: &[&str], filters: &[&str], within: &str| Wanted {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            filters: filters.iter().map(|text| filter(text)).collect(),
            within: Some(filter(within)),
            partition: None,
        };
        assert!(wanted(&["tr"], &["none()", "class(observe)"], "all()").has(&transfer));
        assert!(!wanted(&["tr"], &["none()"], "all()").has(&transfer));
        assert!(!wanted(&["x"], &["all()"], "all()").has(&transfer));
        assert!(!wanted(&["tr"], &[], "none()").has(&transfer));
    }

    #[test]
    fn what_observes_comes_before_what_disrupts() {
        let tests = vec![
            test("b", "a", Class::Observe),
            test("a", "a", Class::Disrupt),
            test("a", "b", Class::Observe),
        ];
        let selection = select(tests, &Wanted::default());
        assert_eq!(names(&selection.selected), ["a::b", "a::a", "b::a"]);
    }
}
