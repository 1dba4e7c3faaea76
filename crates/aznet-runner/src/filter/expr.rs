//! Expressions, and whether they select a test.

use std::{
    collections::BTreeSet,
    ops::{ControlFlow, Range},
};

use glob::Pattern;
use regex::Regex;

use crate::test::{Class, Test};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expr {
    All,
    None,
    Match(Leaf),
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Minus(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
}

/// `tag(slow)`.
#[derive(Debug, Clone)]
pub(super) struct Leaf {
    pub(super) set: Set,
    pub(super) matcher: Matcher,
    /// Where it stands in the text, which makes no difference.
    pub(super) span: Range<usize>,
}

impl PartialEq for Leaf {
    fn eq(&self, other: &Self) -> bool {
        (self.set, &self.matcher) == (other.set, &other.matcher)
    }
}

/// What of a test is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Set {
    Test,
    Topology,
    Tag,
    Class,
}

/// How it must be.
#[derive(Debug, Clone)]
pub(super) enum Matcher {
    Contains(String),
    Equal(String),
    Regex(Regex),
    Glob(Pattern),
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Contains(a), Self::Contains(b)) | (Self::Equal(a), Self::Equal(b)) => a == b,
            (Self::Regex(a), Self::Regex(b)) => a.as_str() == b.as_str(),
            (Self::Glob(a), Self::Glob(b)) => a == b,
            _ => false,
        }
    }
}

impl Expr {
    pub(super) fn selects(&self, test: &Test) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::Match(leaf) => leaf.set.of(test).any(|name| leaf.matcher.fits(name)),
            Self::Not(inner) => !inner.selects(test),
            Self::And(a, b) => a.selects(test) && b.selects(test),
            Self::Minus(a, b) => a.selects(test) && !b.selects(test),
            Self::Or(a, b) => a.selects(test) || b.selects(test),
        }
    }

    /// Shows `see` every matcher, in the order of the text.
    pub(super) fn leaves<B>(
        &self,
        see: &mut impl FnMut(&Leaf) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        match self {
            Self::All | Self::None => ControlFlow::Continue(()),
            Self::Match(leaf) => see(leaf),
            Self::Not(inner) => inner.leaves(see),
            Self::And(a, b) | Self::Minus(a, b) | Self::Or(a, b) => {
                a.leaves(see)?;
                b.leaves(see)
            }
        }
    }
}

impl Set {
    pub(super) const ALL: [Self; 4] = [Self::Test, Self::Topology, Self::Tag, Self::Class];

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Topology => "topology",
            Self::Tag => "tag",
            Self::Class => "class",
        }
    }

    /// What `test` has of it.
    fn of(self, test: &Test) -> impl Iterator<Item = &str> {
        let one = match self {
            Self::Test => Some(test.id.name.as_str()),
            Self::Topology => Some(test.id.network.as_str()),
            Self::Class => Some(test.class.name()),
            Self::Tag => None,
        };
        let tags: &[String] = if self == Self::Tag { &test.tags } else { &[] };
        one.into_iter().chain(tags.iter().map(String::as_str))
    }

    /// What there can be of it.
    pub(super) fn known(self, tests: &[Test]) -> BTreeSet<&str> {
        match self {
            Self::Class => Class::ALL.iter().map(|class| class.name()).collect(),
            _ => tests.iter().flat_map(|test| self.of(test)).collect(),
        }
    }

    pub(super) const fn noun(self) -> &'static str {
        match self {
            Self::Test => "test's name",
            Self::Topology => "topology",
            Self::Tag => "tag",
            Self::Class => "class",
        }
    }
}

impl Matcher {
    pub(super) fn fits(&self, name: &str) -> bool {
        match self {
            Self::Contains(part) => name.contains(part.as_str()),
            Self::Equal(whole) => name == whole,
            Self::Regex(regex) => regex.is_match(name),
            Self::Glob(glob) => glob.matches(name),
        }
    }

    /// The name that is meant, where it is one.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Contains(name) | Self::Equal(name) => Some(name),
            Self::Regex(_) | Self::Glob(_) => None,
        }
    }
}
