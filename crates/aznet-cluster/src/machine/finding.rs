//! What a look at the machine found.

use std::fmt;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// What was looked at.
    pub what: String,
    /// How it stands.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What is needed.
    pub needed: String,
    /// What to do about it; nothing if it is well.
    pub fix: Option<String>,
}

/// How a finding stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As needed.
    Ok,
    /// Only told: nothing here depends on it.
    Info,
    /// Clusters can run, but not well.
    Warning,
    /// Clusters cannot run.
    Missing,
}

impl Finding {
    /// Whether clusters can run in spite of it.
    pub fn ok(&self) -> bool {
        self.verdict != Verdict::Missing
    }

    pub(crate) fn new(what: impl Into<String>, verdict: Verdict, found: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            verdict,
            found: found.into(),
            needed: String::new(),
            fix: None,
        }
    }

    pub(crate) fn needs(mut self, needed: impl Into<String>) -> Self {
        self.needed = needed.into();
        self
    }

    /// Adds advice, unless all is well.
    pub(crate) fn or(mut self, fix: impl Into<String>) -> Self {
        if !matches!(self.verdict, Verdict::Ok | Verdict::Info) {
            self.fix = Some(fix.into());
        }
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.found)?;
        if !self.needed.is_empty() {
            write!(f, ", needed: {}", self.needed)?;
        }
        match &self.fix {
            Some(fix) => write!(f, "; {fix}"),
            None => Ok(()),
        }
    }
}

/// For what clusters cannot do without.
pub(super) fn verdict(ok: bool) -> Verdict {
    if ok { Verdict::Ok } else { Verdict::Missing }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_says_what_was_found_what_is_needed_and_what_to_do() {
        let finding = Finding::new("x", Verdict::Missing, "not there")
            .needs("x 1")
            .or("install x");
        assert_eq!(finding.to_string(), "x: not there, needed: x 1; install x");
        assert!(!finding.ok());
        let well = Finding::new("x", Verdict::Ok, "x 2")
            .needs("x 1")
            .or("install x");
        assert_eq!(well.fix, None);
    }
}
