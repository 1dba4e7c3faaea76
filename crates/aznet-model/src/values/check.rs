//! The schema as a check, with messages for people.

use super::{join_bundles, network, p2p, quantity, rollout, security, service_account, telemetry};
use crate::pattern;
use jsonschema::JsonType;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde::Serialize;
use serde_json::{Map, Value};
use std::fmt;

/// Keys that people know from elsewhere, and what says the same here.
const RENAMED: [(&str, &str); 2] = [
    ("externalHost", "`l1.executionUrls`"),
    ("sequencer", "`validator.sequencer`"),
];

/// One thing that is wrong with values: the key, what was seen there, what was expected, what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Dotted key, e.g. `validator.replicas`.
    pub key: String,
    /// What it is now.
    pub seen: String,
    /// What would be right.
    pub expected: String,
    /// What to do about it; empty where what is expected says it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub remedy: String,
    /// The file or option that says it; `None` where it is the chart's default.
    pub origin: Option<String>,
}

impl Problem {
    pub(crate) fn new(
        key: impl Into<String>,
        seen: impl fmt::Display,
        expected: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            key: key.into(),
            seen: seen.to_string(),
            expected: expected.into(),
            remedy: remedy.into(),
            origin: None,
        }
    }

    pub(super) fn wrong_type(error: &serde_path_to_error::Error<serde_json::Error>) -> Self {
        Self::new(
            error.path().to_string(),
            error.inner(),
            "a value of the key's type",
            "see the chart's values.yaml",
        )
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; expected {}", self.key, self.seen, self.expected)?;
        if !self.remedy.is_empty() {
            write!(f, "; {}", self.remedy)?;
        }
        self.origin
            .as_ref()
            .map_or(Ok(()), |origin| write!(f, " (from {origin})"))
    }
}

/// The candidate that is most like `name`, if any is like it at all.
pub fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let likeness =
        |candidate: &str| strsim::jaro_winkler(&name.to_lowercase(), &candidate.to_lowercase());
    candidates
        .map(|candidate| (likeness(candidate), candidate))
        .filter(|(score, _)| *score > 0.75)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

/// Everything in `values` that the schema does not allow.
pub(super) fn against_schema(
    values: &Map<String, Value>,
    schema: &Value,
    origin: impl Fn(&[String]) -> Option<String>,
) -> Vec<Problem> {
    let validator = match jsonschema::draft7::new(schema) {
        Ok(validator) => validator,
        Err(error) => {
            return vec![Problem::new(
                "",
                error,
                "a valid schema",
                "report this: it is a bug of aznet",
            )];
        }
    };
    let values = Value::Object(values.clone());
    let mut problems = Vec::new();
    for error in validator.iter_errors(&values) {
        let path: Vec<String> = segments(error.instance_path().as_str());
        for (extra, mut problem) in explain(&error, schema) {
            let full: Vec<String> = path.iter().cloned().chain(extra).collect();
            problem.key = full.join(".");
            problem.origin = origin(&full);
            problems.push(problem);
        }
    }
    problems.sort_by(|a, b| a.key.cmp(&b.key));
    problems.dedup();
    problems
}

fn segments(pointer: &str) -> Vec<String> {
    pointer
        .split('/')
        .skip(1)
        .map(|part| part.replace("~1", "/").replace("~0", "~"))
        .collect()
}

/// Problems of one schema error, each with the key below the error's place that it is about.
fn explain(
    error: &jsonschema::ValidationError<'_>,
    schema: &Value,
) -> Vec<(Option<String>, Problem)> {
    let seen = seen(error.instance());
    let (expected, remedy) = match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let known = known_keys(error, schema);
            return unexpected
                .iter()
                .map(|key| (Some(key.clone()), unknown(key, &known)))
                .collect();
        }
        ValidationErrorKind::PropertyNames { error } => {
            let name = error.instance().as_str().map(ToOwned::to_owned);
            let expected = "lower-case letters, digits and inner `-`, a letter first, at most 20, and not `default`";
            let remedy = "choose another name: it becomes part of the pods' names";
            return vec![(
                name,
                Problem::new("", "the name of a group", expected, remedy),
            )];
        }
        ValidationErrorKind::Required { property } => {
            let key = property.as_str().map(ToOwned::to_owned);
            let problem = Problem::new("", "missing", "a value", "do not set it to null");
            return vec![(key, problem)];
        }
        ValidationErrorKind::Type { kind } => (type_name(kind), ""),
        ValidationErrorKind::Minimum { limit } => (format!("{limit} or more"), ""),
        ValidationErrorKind::Maximum { limit } => (format!("{limit} or less"), ""),
        ValidationErrorKind::MinLength { .. } => ("some text".to_owned(), ""),
        ValidationErrorKind::Enum { options } => (format!("one of {options}"), ""),
        ValidationErrorKind::Pattern { pattern } => (pattern_in_words(pattern), ""),
        // The only thing that is told by what it is not.
        ValidationErrorKind::Not { .. } => (
            "a tag that names one version: `latest` is another image tomorrow".to_owned(),
            "name the version, or a digest",
        ),
        _ => (one_of(error), ""),
    };
    vec![(None, Problem::new("", seen, expected, remedy))]
}

/// Documented enums are `oneOf` constants in the schema: their values are what is expected.
fn one_of(error: &jsonschema::ValidationError<'_>) -> String {
    let (ValidationErrorKind::OneOfNotValid { context } | ValidationErrorKind::AnyOf { context }) =
        error.kind()
    else {
        return error.masked().to_string();
    };
    let constants = context
        .iter()
        .flatten()
        .filter_map(|error| match error.kind() {
            ValidationErrorKind::Constant { expected_value } => Some(expected_value.to_string()),
            ValidationErrorKind::Enum { options } => Some(options.to_string()),
            _ => None,
        });
    format!("one of {}", constants.collect::<Vec<_>>().join(", "))
}

fn unknown(key: &str, known: &[String]) -> Problem {
    let remedy = RENAMED
        .iter()
        .find(|(old, _)| *old == key)
        .map(|(_, new)| format!("this is now {new}"))
        .or_else(|| {
            nearest(key, known.iter().map(String::as_str))
                .map(|near| format!("did you mean `{near}`?"))
        })
        .unwrap_or_else(|| format!("known keys here: {}", known.join(", ")));
    Problem::new(
        "",
        "unknown key",
        "a key of the chart's values.yaml",
        remedy,
    )
}

/// The properties that the schema has at the place where the error arose.
fn known_keys(error: &jsonschema::ValidationError<'_>, schema: &Value) -> Vec<String> {
    let place = error.schema_path().as_str();
    let parent = place.rsplit_once('/').map_or("", |(parent, _)| parent);
    let properties = schema
        .pointer(parent)
        .and_then(|object| object.get("properties"))
        .and_then(Value::as_object);
    properties
        .map(|map| map.keys().cloned().collect())
        .unwrap_or_default()
}

/// What the schemas' patterns mean.
const WORDS: [(&str, &str); 24] = [
    (quantity::CPU, "cores, such as `100m` or `2`"),
    (
        quantity::BYTES,
        "bytes with a unit, such as `512Mi` or `2Gi`",
    ),
    (
        pattern::ADDRESS,
        "an address, `0x` and 40 hexadecimal digits, or nothing",
    ),
    (
        network::S3_URL,
        "a URL that begins with `s3://`, or nothing",
    ),
    (
        pattern::SOME_ADDRESS,
        "an address, `0x` and 40 hexadecimal digits",
    ),
    (
        network::AZTEC_ADDRESS,
        "an address on Aztec, `0x` and 64 hexadecimal digits, or nothing",
    ),
    (
        network::ENR,
        "a whole Ethereum node record: `enr:` and letters, digits, `-` and `_`",
    ),
    (
        network::HTTP_URL,
        "a URL that begins with `http://` or `https://`, without commas",
    ),
    (
        network::S3_URL,
        "a URL that begins with `s3://`, without user and password, or nothing",
    ),
    (
        join_bundles::PUBLIC_URL,
        "a URL that begins with `http://` or `https://`, without user, password and query: everyone may see it",
    ),
    (
        network::IMAGE,
        "an image with a tag or a digest, such as `aztecprotocol/aztec:4.1.2` or `aztec@sha256:…`: \
         one without either is another image tomorrow",
    ),
    (pattern::AMOUNT, "a whole number as text, such as \"100\""),
    (
        network::MAYBE_IMAGE,
        "an image with a tag or a digest, such as `aztecprotocol/aztec:4.1.2`, or nothing",
    ),
    (p2p::IP, "an IPv4 address, or nothing"),
    (
        service_account::MAYBE_NAME,
        "a name of lower-case letters, digits and inner `-`, or nothing",
    ),
    (
        security::CIDR,
        "a range of addresses, such as `192.0.2.0/24`",
    ),
    (rollout::COUNT, "a number of pods, or a share such as `25%`"),
    (
        pattern::MAYBE_HTTP_URL,
        "a URL that begins with `http://` or `https://`, without commas, or nothing",
    ),
    (
        telemetry::HTTP_URL,
        "a URL that begins with `http://` or `https://`, or nothing",
    ),
    (
        telemetry::DURATION,
        "a time such as `90s`, `15m` or `1d12h`",
    ),
    (
        pattern::FAULT_DURATION,
        "a time such as `30s`, `1m30s` or `200ms`",
    ),
    (
        pattern::FAULT_SPAN,
        "a time such as `30s`, `1m30s` or `2 epochs`",
    ),
    (pattern::RATE, "a rate such as `512kbps` or `1mbps`"),
    (
        pattern::SIZE,
        "a size such as `256MB`, or a share such as `25%`",
    ),
];

fn pattern_in_words(pattern: &str) -> String {
    let known = WORDS.iter().find(|(known, _)| *known == pattern);
    known.map_or_else(
        || format!("text that matches {pattern}"),
        |(_, words)| (*words).to_owned(),
    )
}

fn type_name(kind: &TypeKind) -> String {
    let word = |kind: &JsonType| match kind {
        JsonType::Null => "nothing",
        JsonType::Boolean => "true or false",
        JsonType::Number => "a number",
        JsonType::Integer => "a whole number",
        JsonType::String => "text",
        JsonType::Array => "a list",
        JsonType::Object => "a map",
    };
    match kind {
        TypeKind::Single(one) => word(one).to_owned(),
        TypeKind::Multiple(set) => {
            let kinds = set.iter().filter(|kind| *kind != JsonType::Null);
            kinds
                .map(|kind| word(&kind))
                .collect::<Vec<_>>()
                .join(" or ")
        }
    }
}

fn seen(value: &Value) -> String {
    match value {
        Value::String(text) => format!("text {text:?}"),
        Value::Object(_) => "a map".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The patterns that texts must match; names of keys, and what a text must not be, have words of their own.
    fn patterns(schema: &Value, found: &mut Vec<String>) {
        match schema {
            Value::Object(map) => {
                let text = map.get("pattern").and_then(Value::as_str);
                found.extend(text.map(str::to_owned));
                let own = ["not", "propertyNames"];
                let others = map.iter().filter(|(key, _)| !own.contains(&key.as_str()));
                others.for_each(|(_, below)| patterns(below, found));
            }
            Value::Array(all) => all.iter().for_each(|below| patterns(below, found)),
            _ => {}
        }
    }

    #[test]
    fn every_pattern_of_the_schema_is_told_in_words() {
        let schema = serde_json::from_str(&crate::values::schema()).expect("a schema");
        let mut found = Vec::new();
        patterns(&schema, &mut found);
        let of_faults = [
            pattern::FAULT_DURATION,
            pattern::FAULT_SPAN,
            pattern::RATE,
            pattern::SIZE,
        ];
        found.extend(of_faults.map(str::to_owned));
        for pattern in found {
            let words = pattern_in_words(&pattern);
            assert!(!words.contains(&pattern), "{words}");
        }
    }
}
