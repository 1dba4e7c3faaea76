use std::{fmt, ops::Range};

/// An expression that can't be read, or that names what there is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadFilter {
    pub(super) text: String,
    pub(super) at: Range<usize>,
    pub(super) problem: String,
    pub(super) nearest: Option<String>,
}

impl BadFilter {
    /// The name that may have been meant.
    pub fn nearest(&self) -> Option<&str> {
        self.nearest.as_deref()
    }
}

impl std::error::Error for BadFilter {}

impl fmt::Display for BadFilter {
    /// What is wrong, and below it the expression with the place marked.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, rest) = self.text.split_at(self.at.start);
        let marked = rest.get(..self.at.len()).unwrap_or(rest);
        let line = self.text.replace(char::is_control, " ");
        let indent = " ".repeat(before.chars().count());
        let carets = "^".repeat(marked.chars().count().max(1));
        let problem = &self.problem;
        write!(f, "invalid expression: {problem}\n{line}\n{indent}{carets}")
    }
}
