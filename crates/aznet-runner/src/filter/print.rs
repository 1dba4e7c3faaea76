//! Expressions as text.

use std::fmt::{self, Display, Formatter, Write};

use super::expr::{Expr, Leaf, Matcher};

/// How tightly an expression holds together.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    Or,
    And,
    Unary,
}

impl Expr {
    const fn binding(&self) -> Binding {
        match self {
            Self::Or(..) => Binding::Or,
            Self::And(..) | Self::Minus(..) => Binding::And,
            Self::All | Self::None | Self::Match(_) | Self::Not(_) => Binding::Unary,
        }
    }

    /// In parentheses where it does not hold together as tightly as `least`.
    fn within(&self, f: &mut Formatter<'_>, least: &Binding) -> fmt::Result {
        if self.binding() < *least {
            write!(f, "({self})")
        } else {
            self.fmt(f)
        }
    }
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (a, operator, b) = match self {
            Self::All => return f.write_str("all()"),
            Self::None => return f.write_str("none()"),
            Self::Match(leaf) => return leaf.fmt(f),
            Self::Not(inner) => {
                f.write_char('!')?;
                return inner.within(f, &Binding::Unary);
            }
            Self::And(a, b) => (a, '&', b),
            Self::Minus(a, b) => (a, '-', b),
            Self::Or(a, b) => (a, '|', b),
        };
        // Operators are read from the left: what stands on the right must hold together by itself.
        let (left, right) = match self.binding() {
            Binding::Or => (Binding::Or, Binding::And),
            _ => (Binding::And, Binding::Unary),
        };
        a.within(f, &left)?;
        write!(f, " {operator} ")?;
        b.within(f, &right)
    }
}

impl Display for Leaf {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.set.word(), self.matcher)
    }
}

impl Display for Matcher {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contains(part) => {
                if part.starts_with(['=', '~', '/', '#']) {
                    f.write_char('~')?;
                }
                text(f, part)
            }
            Self::Equal(whole) => {
                f.write_char('=')?;
                text(f, whole)
            }
            Self::Glob(glob) => {
                f.write_char('#')?;
                text(f, glob.as_str())
            }
            Self::Regex(regex) => slashed(f, regex.as_str()),
        }
    }
}

/// Text up to a `)`; blanks at its ends would be taken for those around it.
fn text(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    let inner = text.trim_start().len();
    let (start, end) = (text.len() - inner, text.trim_end().len());
    for (at, c) in text.char_indices() {
        let outer = at < start || at >= end;
        if matches!(c, '\\' | ')') {
            write!(f, "\\{c}")?;
        } else if c.is_control() || outer {
            write!(f, "\\u{{{:x}}}", u32::from(c))?;
        } else {
            f.write_char(c)?;
        }
    }
    Ok(())
}

/// A regular expression between slashes.
fn slashed(f: &mut Formatter<'_>, regex: &str) -> fmt::Result {
    f.write_char('/')?;
    let mut escaped = false;
    for c in regex.chars() {
        if c == '/' && !escaped {
            f.write_char('\\')?;
        }
        escaped = c == '\\' && !escaped;
        f.write_char(c)?;
    }
    f.write_char('/')
}
