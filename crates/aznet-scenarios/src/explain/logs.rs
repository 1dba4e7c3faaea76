//! Errors in logs.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use aznet_network::bundle::Bundle;
use jiff::Timestamp;
use regex::Regex;

use super::entry::{Entry, EntryKind};

/// Where in a line its level stands, at the latest.
const HEAD: usize = 160;
/// What of a line is shown.
const SHOWN: usize = 200;

/// A level in plain text or in JSON, by name or by pino's number.
static LEVEL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"\b(?:ERROR|FATAL)\b|"level":\s*(?:"(?i:error|fatal)"|[56]0\b)"#).ok()
});
/// What colours text on a terminal.
static COLOUR: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\x1b\[[0-9;]*m").ok());

/// The first line of each pod that is an error, since then.
pub(super) fn first_errors(bundle: &Bundle, since: Option<Timestamp>) -> Vec<Entry> {
    let mut first: BTreeMap<&str, Entry> = BTreeMap::new();
    for (pod, text) in bundle.logs() {
        let Some(entry) = text.lines().find_map(|line| error(pod, line, since)) else {
            continue;
        };
        let earliest = first.entry(pod).or_insert_with(|| entry.clone());
        if entry.at < earliest.at {
            *earliest = entry;
        }
    }
    first.into_values().collect()
}

/// A line as the kubelet keeps it, `2026-01-31T12:00:00.5Z text`, if it is an error.
fn error(pod: &str, line: &str, since: Option<Timestamp>) -> Option<Entry> {
    let (at, text) = line.split_once(' ')?;
    let at: Timestamp = at.parse().ok()?;
    if since.is_some_and(|since| at < since) {
        return None;
    }
    let text = COLOUR.as_ref()?.replace_all(text, "");
    let head: String = text.chars().take(HEAD).collect();
    LEVEL.as_ref()?.find(&head)?;
    let shown: String = text.trim().chars().take(SHOWN).collect();
    Some(Entry {
        at,
        kind: EntryKind::Error,
        about: pod.to_owned(),
        what: format!("logs its first error: {shown}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_found_in_text_and_in_json_and_words_are_not() {
        let at = |text: &str| error("a", &format!("2026-01-01T00:00:01.5Z {text}"), None);
        for bad in [
            "[00:00:01.5] ERROR: sequencer Failed",
            "\u{1b}[31mERROR\u{1b}[39m x",
            r#"{"level":"error","msg":"x"}"#,
            r#"{"level": 50,"msg":"x"}"#,
        ] {
            assert!(at(bad).is_some(), "{bad}");
        }
        for good in [
            "INFO: no errors",
            "ERRORS: 0",
            r#"{"level":30,"msg":"error"}"#,
        ] {
            assert!(at(good).is_none(), "{good}");
        }
        assert!(error("a", "no time ERROR", None).is_none());
        let later = "2026-01-01T00:00:02Z".parse().ok();
        assert!(error("a", "2026-01-01T00:00:01Z ERROR x", later).is_none());
    }
}
