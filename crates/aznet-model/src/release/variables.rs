//! Names of variables, by the lists that releases publish of theirs.

use super::profile::Release;

/// A variable a line, with the releases that list it.
const LISTED: &str = include_str!("variables.txt");

/// The releases that list a variable, the oldest first; none for what is no variable of Aztec's.
pub fn readers(variable: &str) -> Vec<&'static str> {
    let words = LISTED
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split(' '));
    let found = words
        .map(|mut words| (words.next(), words))
        .find(|(name, _)| *name == Some(variable));
    found
        .map(|(_, releases)| releases.collect())
        .unwrap_or_default()
}

impl Release {
    /// Whether a variable is in this release's own list.
    pub fn lists(&self, variable: &str) -> bool {
        readers(variable).contains(&self.name)
    }
}
