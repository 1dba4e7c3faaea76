//! What Kubernetes takes as a name.

/// The longest label.
pub const LONGEST: usize = 63;

/// Why a text is no label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// There is nothing.
    #[error("it is empty")]
    Empty,
    /// It has too many characters.
    #[error("it is longer than {longest} characters")]
    TooLong {
        /// How many it may have.
        longest: usize,
    },
    /// It has others than letters, digits and `-`.
    #[error("only a-z, 0-9 and - may be in it")]
    Character,
    /// It has `-` at an end.
    #[error("it begins or ends with -")]
    End,
}

/// Checks that a name is a label as RFC 1123 has it, the way Kubernetes wants the names of most things, with at most
/// `longest` characters: the rest of [`LONGEST`] is for what is put around it.
///
/// # Errors
/// [`LabelError`].
pub fn check(name: &str, longest: usize) -> Result<(), LabelError> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let longest = longest.min(LONGEST);
    match name {
        "" => Err(LabelError::Empty),
        _ if name.chars().count() > longest => Err(LabelError::TooLong { longest }),
        _ if !name.chars().all(allowed) => Err(LabelError::Character),
        _ if name.starts_with('-') || name.ends_with('-') => Err(LabelError::End),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_told_from_other_text() {
        for good in ["a", "0", "small", "net-2", "a--b", &"x".repeat(63)] {
            assert_eq!(check(good, 100), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("", LabelError::Empty),
            ("Small", LabelError::Character),
            ("a_b", LabelError::Character),
            ("a.b", LabelError::Character),
            ("ü", LabelError::Character),
            ("-a", LabelError::End),
            ("a-", LabelError::End),
            (&"x".repeat(64), LabelError::TooLong { longest: 63 }),
        ] {
            assert_eq!(check(bad, 100), Err(why), "{bad}");
        }
        assert_eq!(check("abc", 2), Err(LabelError::TooLong { longest: 2 }));
    }
}
