//! What aznet-node says in a pod's log.

use jiff::{SignedDuration, Timestamp};

/// How aznet-node marks its lines.
const PREFIX: &str = "aznet-node: ";

/// The last thing that aznet-node said in a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its words, without how long it has waited.
    pub words: String,
    /// Since when that is so; `None`: its line bears no time.
    pub since: Option<Timestamp>,
}

impl Message {
    /// Reads a line of a log that has its time in front; `None` of other programs' lines. A line that says how long
    /// something was waited for is renewed every 30 s: counted on from its beginning, its seconds don't stand still.
    pub(crate) fn heard(line: &str) -> Option<Self> {
        let (at, text) = line.split_once(' ')?;
        let text = text.strip_prefix(PREFIX)?.trim();
        let at: Option<Timestamp> = at.parse().ok();
        let (words, waited) =
            waiting(text).unwrap_or_else(|| (text.to_owned(), SignedDuration::ZERO));
        let since = at.and_then(|at| at.checked_sub(waited).ok());
        Some(Self { words, since })
    }
}

/// What is waited for and why in vain, and how long so far: of `waiting for it (12s): no answer`.
fn waiting(words: &str) -> Option<(String, SignedDuration)> {
    let (what, reason) = words.strip_prefix("waiting for ")?.split_once("s): ")?;
    let (what, seconds) = what.rsplit_once(" (")?;
    let waited = SignedDuration::from_secs(seconds.parse().ok()?);
    Some((format!("waiting for {what}: {reason}"), waited))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(text: &str) -> (String, String) {
        let line = format!("2026-01-01T00:01:00.5Z aznet-node: {text}");
        let Message { words, since } = Message::heard(&line).unwrap();
        (words, since.unwrap().to_string())
    }

    /// `(0s)` stood for 30 s.
    #[test]
    fn a_wait_is_counted_from_its_beginning() {
        let (words, since) = heard("waiting for the prover broker (30s): connection refused");
        assert_eq!(words, "waiting for the prover broker: connection refused");
        assert_eq!(since, "2026-01-01T00:00:30.5Z");
        for other in [
            "starting (3 of 4)",
            "waiting for x (b): y",
            "waiting for (-s): ",
        ] {
            let (words, since) = heard(other);
            assert_eq!(
                (words.as_str(), since.as_str()),
                (other.trim(), "2026-01-01T00:01:00.5Z")
            );
        }
    }

    #[test]
    fn lines_of_other_programs_are_none_of_ours() {
        assert_eq!(
            Message::heard("2026-01-01T00:01:00Z [info] aznet-node: x"),
            None
        );
        assert_eq!(Message::heard(""), None);
    }
}
