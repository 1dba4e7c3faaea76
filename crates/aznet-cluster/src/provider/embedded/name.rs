//! What a cluster can be called.

/// The longest name: it becomes part of paths of sockets, which are short.
pub const LONGEST_NAME: usize = 20;

/// A text that is no name of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "cluster name `{name}`: expected 1 to {LONGEST_NAME} of a-z, 0-9 and `-`, starting with a letter, not ending with `-`"
)]
pub struct BadName {
    /// The name given.
    pub name: String,
}

/// Whether a cluster can be called so: the name becomes part of host names, paths and sockets.
pub fn is_name(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=LONGEST_NAME).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && name.chars().all(inner)
}

/// Checks a name.
pub(crate) fn check_name(name: &str) -> Result<(), BadName> {
    if is_name(name) {
        Ok(())
    } else {
        Err(BadName {
            name: name.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_where_they_are_used() {
        for good in ["a", "aznet", "ci-1", "a2345678901234567890"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "1a",
            "-a",
            "a-",
            "A",
            "a_b",
            "a/b",
            "..",
            "a23456789012345678901",
        ] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
