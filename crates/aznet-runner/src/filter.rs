//! Expressions that select tests, in the grammar of nextest's filtersets:
//! `test(transfer) & topology(small) & !tag(slow)`.

mod error;
mod expr;
mod parse;
mod print;

use std::{collections::BTreeSet, fmt, ops::ControlFlow, str::FromStr};

pub use self::error::BadFilter;
use self::expr::{Expr, Leaf};
use crate::{near::nearest, test::Test};

/// An expression that selects tests. It is printed in its shortest form, and what is printed is the same expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    text: String,
    expr: Expr,
}

impl Filter {
    /// Whether it selects `test`.
    pub fn selects(&self, test: &Test) -> bool {
        self.expr.selects(test)
    }

    /// That each of its matchers fits a test of `tests`: one that fits none is a mistake in a name.
    ///
    /// # Errors
    /// [`BadFilter`] for the first matcher that fits none.
    pub fn check(&self, tests: &[Test]) -> Result<(), BadFilter> {
        let unmatched = self.expr.leaves(&mut |leaf| {
            let known = leaf.set.known(tests);
            if known.iter().any(|name| leaf.matcher.fits(name)) {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(self.unmatched(leaf, &known))
            }
        });
        match unmatched {
            ControlFlow::Break(error) => Err(error),
            ControlFlow::Continue(()) => Ok(()),
        }
    }

    fn unmatched(&self, leaf: &Leaf, known: &BTreeSet<&str>) -> BadFilter {
        let near = leaf.matcher.name();
        let near = near.and_then(|name| nearest(name, known.iter().copied()));
        let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
        let there = match known.len() {
            0 => "there is none".to_owned(),
            1 => format!("there is {}", known[0]),
            _ => format!("there are {}", known.join(", ")),
        };
        BadFilter {
            text: self.text.clone(),
            at: leaf.span.clone(),
            problem: format!("`{leaf}` fits no {}; {there}", leaf.set.noun()),
            nearest: near.map(str::to_owned),
        }
    }
}

impl FromStr for Filter {
    type Err = BadFilter;

    fn from_str(text: &str) -> Result<Self, BadFilter> {
        let expr = parse::parse(text)?;
        let text = text.to_owned();
        Ok(Self { text, expr })
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expr.fmt(f)
    }
}

#[cfg(test)]
mod tests;
