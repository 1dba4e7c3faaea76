//! Taking out of texts what is secret: every value of the Secrets of a namespace in the forms in which it may be written,
//! and what looks like a credential wherever it comes from. Pure.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use regex::Regex;
use serde_json::Value;

/// What stands where something secret was.
const TAKEN_OUT: &str = "[redacted]";
/// Shorter values are no secrets; as part of words they are everywhere.
const SHORTEST: usize = 3;
/// Values that are shorter than this are taken out only as words of their own.
const WORD: usize = 8;
/// Parts of a value, such as the fields of a file, are secrets from this length on.
const PART: usize = 12;
/// Times that a text is looked through: what is taken out may bring other parts together.
const ROUNDS: usize = 4;

/// Credentials that are known by their looks: in URLs, headers, tokens and PEM, and what stands after the name of one.
static PATTERNS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let patterns = [
        (r#"(://)[^/\s@"'<>\\]+@"#, "${1}[redacted]@"),
        // As providers of an L1 have it: `https://mainnet.example/v3/KEY`.
        (
            r#"(://[^/\s"'<>\\]+/v[1-9]/)[A-Za-z0-9_-]{16,}"#,
            "${1}[redacted]",
        ),
        (
            r"(?i)(\b(?:basic|bearer)\s+)[a-z0-9._~+/-]{8,}=*",
            "${1}[redacted]",
        ),
        (
            r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
            TAKEN_OUT,
        ),
        (
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----",
            TAKEN_OUT,
        ),
        (&after_name("", LIST), r#"${1}["[redacted]"]"#),
        (&after_name(QUOTE, VALUE), "${1}[redacted]"),
    ];
    let compiled = patterns.into_iter();
    compiled
        .filter_map(|(pattern, by)| Some((Regex::new(pattern).ok()?, by)))
        .collect()
});
/// Names of credentials, or their ends. `token` alone is a contract's.
const NAMES: &str = "password|passphrase|mnemonic|private[_-]?keys?|api[_-]?keys?|secret(?:[_-]?access)?[_-]?keys?|client[_-]?secret|(?:access|api|auth|refresh|session)[_-]?token";
/// A list of JSON or YAML.
const LIST: &str = r#"\[\s*(?:\\?["']|0x)[^\[\]]{8,}\]"#;
/// A mnemonic, or a word that is no path, no variable and nothing nested; one with commas is a list.
const VALUE: &str =
    r#"(?:(?:[a-z]{3,8} ){11,23}[a-z]{3,8}|[^\s"',;\\/\[\]{}$][^\s"';\\\[\]{}]{7,})"#;

const QUOTE: &str = r#"(?:\\?["'])?"#;

/// What stands after the name of a credential and `opening`.
fn after_name(opening: &str, value: &str) -> String {
    format!(r"(?i)((?:{NAMES}){QUOTE}[ \t]*[=:][ \t]*{opening}){value}")
}

/// A value that must not be told.
pub(super) struct Secret {
    /// Where it is from, which may be told.
    pub(super) name: String,
    value: Vec<u8>,
}

impl Secret {
    /// A value and where it is from: `keys/mnemonic`.
    pub(super) fn named(name: impl Into<String>, value: &[u8]) -> Self {
        Self {
            name: name.into(),
            value: value.to_owned(),
        }
    }

    /// Whether it is too short to be taken out.
    pub(super) fn is_too_short(&self) -> bool {
        self.value.trim_ascii().len() < SHORTEST
    }
}

/// Takes secrets out of texts.
pub(super) struct Redactor {
    needles: Vec<String>,
    search: Option<AhoCorasick>,
}

impl Redactor {
    /// One that knows these secrets.
    pub(super) fn new(secrets: &[Secret]) -> Self {
        let mut needles = BTreeSet::new();
        for secret in secrets.iter().filter(|secret| !secret.is_too_short()) {
            match std::str::from_utf8(&secret.value) {
                Ok(text) => {
                    written(text.trim(), &mut needles);
                    for part in parts(text) {
                        written(&part, &mut needles);
                    }
                }
                Err(_) => encoded(&secret.value, &mut needles),
            }
        }
        let needles: Vec<String> = needles.into_iter().collect();
        let search = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(&needles)
            .ok();
        Self { needles, search }
    }

    /// The text without secrets, and how many were taken out.
    pub(super) fn redact(&self, text: &str) -> (String, usize) {
        let (mut text, mut count) = (text.to_owned(), 0);
        for (pattern, by) in PATTERNS.iter() {
            count += pattern.find_iter(&text).count();
            text = pattern.replace_all(&text, *by).into_owned();
        }
        for _ in 0..ROUNDS {
            let (without, taken_out) = self.replace(&text);
            if taken_out == 0 {
                break;
            }
            (text, count) = (without, count + taken_out);
        }
        (text, count)
    }

    fn replace(&self, text: &str) -> (String, usize) {
        let Some(search) = &self.search else {
            return (text.to_owned(), 0);
        };
        let (mut without, mut end, mut count) = (String::with_capacity(text.len()), 0, 0);
        for found in search.find_iter(text) {
            let short = self.needles[found.pattern().as_usize()].len() < WORD;
            if short && !is_word(text, found.start(), found.end()) {
                continue;
            }
            without.push_str(&text[end..found.start()]);
            without.push_str(TAKEN_OUT);
            (end, count) = (found.end(), count + 1);
        }
        without.push_str(&text[end..]);
        (without, count)
    }
}

/// Whether what stands there is no part of a longer word.
fn is_word(text: &str, start: usize, end: usize) -> bool {
    let inner = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let before = text[..start].chars().next_back();
    let after = text[end..].chars().next();
    !before.is_some_and(inner) && !after.is_some_and(inner)
}

/// The forms in which a text may be written.
fn written(text: &str, needles: &mut BTreeSet<String>) {
    if text.len() < SHORTEST {
        return;
    }
    needles.insert(text.to_owned());
    needles.insert(Value::from(text).to_string().trim_matches('"').to_owned());
    needles.insert(form_urlencoded::byte_serialize(text.as_bytes()).collect());
    if let Some(digits) = hex_digits(text) {
        needles.insert(digits.to_lowercase());
        needles.insert(digits.to_uppercase());
    }
    encoded(text.as_bytes(), needles);
}

/// Digits of a hexadecimal number that is too long to be one by accident.
fn hex_digits(text: &str) -> Option<&str> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let is_hex = digits.len() >= 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then_some(digits)
}

/// What of base64 is always the same for these bytes, wherever in something longer they stand.
fn encoded(bytes: &[u8], needles: &mut BTreeSet<String>) {
    for before in 0..3 {
        let shifted = [vec![0; before], bytes.to_owned()].concat();
        let (begin, end) = ((before * 8).div_ceil(6), shifted.len() * 8 / 6);
        for text in [
            STANDARD_NO_PAD.encode(&shifted),
            URL_SAFE_NO_PAD.encode(&shifted),
        ] {
            let core = text.get(begin..end).unwrap_or_default();
            if core.len() >= SHORTEST {
                needles.insert(core.to_owned());
            }
        }
    }
}

/// Parts of a value that are secrets of their own: fields of JSON, lines, what follows `=` or `: `, what a URL carries.
fn parts(text: &str) -> BTreeSet<String> {
    let mut parts = BTreeSet::new();
    match serde_json::from_str::<Value>(text) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => fields(&value, &mut parts),
        _ => text
            .lines()
            .for_each(|line| of_line(line.trim(), &mut parts)),
    }
    parts.retain(|part| part.len() >= PART && !is_public(part));
    parts
}

fn fields(value: &Value, parts: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            of_line(text, parts);
        }
        Value::Array(all) => all.iter().for_each(|one| fields(one, parts)),
        Value::Object(all) => all.values().for_each(|one| fields(one, parts)),
        _ => {}
    }
}

fn of_line(line: &str, parts: &mut BTreeSet<String>) {
    let unquoted = |text: &str| text.trim().trim_matches(['"', '\'', ',']).to_owned();
    if let Some((_, rest)) = line.split_once("://") {
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if let Some((user, _)) = authority.rsplit_once('@') {
            parts.extend(user.split(':').map(str::to_owned));
        }
        parts.extend(path.split(['/', '?', '&', '=', '#']).map(str::to_owned));
        return;
    }
    parts.insert(unquoted(line));
    for separator in ["=", ": "] {
        if let Some((_, value)) = line.split_once(separator) {
            parts.insert(unquoted(value));
        }
    }
}

/// Addresses and zeros stand in files of keys and everywhere else.
fn is_public(text: &str) -> bool {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let is_address = digits.len() == 40 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_address || digits.bytes().all(|byte| byte == b'0')
}

#[cfg(test)]
mod tests;
