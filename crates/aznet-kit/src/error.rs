//! Errors in words.

use std::error::Error;

/// The error and its sources in one line: `could not write /a: no space left on device`.
pub fn chain(error: &dyn Error) -> String {
    std::iter::successors(Some(error), |&error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("could not write /a")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn every_source_is_named_once() {
        let error = Outer(std::io::Error::other("no space left on device"));
        assert_eq!(chain(&error), "could not write /a: no space left on device");
    }
}
