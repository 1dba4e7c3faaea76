//! YAML as Helm reads it: the scalars and merge keys of Go's `yaml.v2`, then JSON, whose numbers are 64-bit floats.

mod scalar;

use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

pub(crate) use scalar::text;

/// Most values that aliases may stand for: a few lines of aliases of aliases would fill the memory.
const MOST_ALIASED: usize = 1_000_000;

/// A text that is no YAML, or that Helm would refuse to read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct YamlError {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// What is wrong.
    pub reason: String,
}

impl YamlError {
    fn new(span: Span, reason: impl Into<String>) -> Self {
        Self {
            line: span.start.line(),
            column: span.start.col() + 1,
            reason: reason.into(),
        }
    }
}

impl From<ScanError> for YamlError {
    fn from(error: ScanError) -> Self {
        Self {
            line: error.marker().line(),
            column: error.marker().col() + 1,
            reason: error.kind().to_string(),
        }
    }
}

/// Reads a text of one document; nothing at all is null.
///
/// # Errors
/// [`YamlError`]; also for a key given twice and for a second document, which versions of Helm read differently.
pub fn read(text: &str) -> Result<Value, YamlError> {
    let mut documents = documents(text)?.into_iter();
    let first = documents.next().map_or(Value::Null, |(_, value)| value);
    match documents.next() {
        None => Ok(first),
        Some((span, _)) => Err(YamlError::new(
            span,
            "a second document where one is expected",
        )),
    }
}

/// Reads all documents of a text, such as a rendered chart.
///
/// # Errors
/// [`YamlError`]; also for a key given twice.
pub fn read_all(text: &str) -> Result<Vec<Value>, YamlError> {
    let documents = documents(text)?.into_iter();
    Ok(documents.map(|(_, value)| value).collect())
}

/// Documents, and where each begins.
fn documents(text: &str) -> Result<Vec<(Span, Value)>, YamlError> {
    let mut options = Options::default();
    options.emit_comments = false;
    options.block_scalar_eof_without_line_feed = true;
    let mut reader = Reader {
        events: Parser::new_from_str_with_options(text, options),
        anchors: BTreeMap::new(),
        aliased: 0,
    };
    let mut documents = Vec::new();
    loop {
        match reader.next()? {
            (Event::DocumentStart(..), span) => {
                let (event, at) = reader.next()?;
                documents.push((span, reader.value(event, at)?));
            }
            (Event::StreamEnd, _) => return Ok(documents),
            _ => {}
        }
    }
}

/// An anchored value, and how many values are in it.
struct Anchor {
    value: Value,
    size: usize,
}

struct Reader<'a> {
    events: Parser<'a, StrInput<'a>>,
    anchors: BTreeMap<usize, Anchor>,
    aliased: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), YamlError> {
        // The parser ends with an event of its own.
        let end = || Ok((Event::StreamEnd, Span::default()));
        Ok(self.events.next().unwrap_or_else(end)?)
    }

    fn value(&mut self, event: Event<'a>, span: Span) -> Result<Value, YamlError> {
        let (anchor, value) = match event {
            Event::Alias(id) => return self.alias(id, span),
            Event::Scalar(text, style, anchor, tag) => {
                (anchor, scalar_value(&text, style, tag.as_deref(), span)?)
            }
            Event::SequenceStart(_, anchor, _) => (anchor, self.list()?),
            Event::MappingStart(_, anchor, _) => (anchor, Value::Object(self.map()?)),
            other => {
                return Err(YamlError::new(
                    span,
                    format!("expected a value, found {other:?}"),
                ));
            }
        };
        if anchor > 0 {
            let (value, size) = (value.clone(), size(&value));
            self.anchors.insert(anchor, Anchor { value, size });
        }
        Ok(value)
    }

    fn alias(&mut self, id: usize, span: Span) -> Result<Value, YamlError> {
        let anchor = self.anchors.get(&id);
        let anchor =
            anchor.ok_or_else(|| YamlError::new(span, "an anchor that contains itself"))?;
        self.aliased += anchor.size;
        if self.aliased > MOST_ALIASED {
            return Err(YamlError::new(span, "excessive aliasing"));
        }
        Ok(anchor.value.clone())
    }

    fn list(&mut self) -> Result<Value, YamlError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::Array(items)),
                (event, span) => items.push(self.value(event, span)?),
            }
        }
    }

    fn map(&mut self) -> Result<Map<String, Value>, YamlError> {
        let (mut map, mut given) = (Map::new(), Vec::new());
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(map);
            }
            if is_merge(&event) {
                self.merge(&mut map)?;
                continue;
            }
            let key = key(&self.value(event, span)?, span)?;
            if given.contains(&key) {
                return Err(YamlError::new(span, format!("duplicate key `{key}`")));
            }
            let (event, at) = self.next()?;
            let value = self.value(event, at)?;
            map.insert(key.clone(), value);
            given.push(key);
        }
    }

    /// Takes over entries, as Go does: where they stand, they win over what is above; of a list, the first wins.
    fn merge(&mut self, map: &mut Map<String, Value>) -> Result<(), YamlError> {
        let (event, span) = self.next()?;
        let aliased = matches!(event, Event::Alias(_));
        let maps = match self.value(event, span)? {
            Value::Object(base) => vec![Value::Object(base)],
            Value::Array(bases) if !aliased => bases,
            _ => {
                return Err(YamlError::new(
                    span,
                    "expected a map, or a list of maps, behind `<<`",
                ));
            }
        };
        for base in maps.into_iter().rev() {
            let Value::Object(base) = base else {
                return Err(YamlError::new(
                    span,
                    "expected maps in the list behind `<<`",
                ));
            };
            map.extend(base);
        }
        Ok(())
    }
}

fn size(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(map) => map.values().map(size).sum(),
        _ => 0,
    }
}

fn is_merge(event: &Event<'_>) -> bool {
    match event {
        Event::Scalar(text, style, _, tag) => {
            text == "<<" && *style == ScalarStyle::Plain && tag.is_none()
        }
        _ => false,
    }
}

fn scalar_value(
    text: &str,
    style: ScalarStyle,
    tag: Option<&Tag>,
    span: Span,
) -> Result<Value, YamlError> {
    let tag = tag.map(Tag::to_string);
    let tag = tag.as_deref();
    let value = match tag {
        None if style != ScalarStyle::Plain => Some(Value::from(text)),
        None => scalar::resolved(text),
        Some(tag) => scalar::tagged(text, tag),
    };
    value.ok_or_else(|| YamlError::new(span, format!("`{text}` is no value that JSON has")))
}

/// A key as text: whatever YAML reads it as.
fn key(value: &Value, span: Span) -> Result<String, YamlError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(_) => Ok(value.to_string()),
        Value::Number(number) => Ok(text(number)),
        _ => Err(YamlError::new(
            span,
            "a key that is no text: put it in quotes",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn merge_keys_count_where_they_stand() {
        for (text, expected) in [
            (
                "a: &a {x: 1, w: 2}\nb: {<<: *a, x: 3}",
                json!({"x": 3, "w": 2}),
            ),
            (
                "a: &a {x: 1, w: 2}\nb: {x: 3, <<: *a}",
                json!({"x": 1, "w": 2}),
            ),
            (
                "a: &a {x: 1}\nb: {<<: [{x: 2, w: 3}, *a], z: 4}",
                json!({"x": 2, "w": 3, "z": 4}),
            ),
            ("b: {\"<<\": 1}", json!({"<<": 1})),
        ] {
            let read = read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(read["b"], expected, "{text}");
        }
    }

    #[test]
    fn keys_are_text() {
        let expected = json!({"true": 1, "511": 2, "1": 3, "1.5": 4});
        assert_eq!(read("{y: 1, 0777: 2, 1.0: 3, 1.5: 4}"), Ok(expected));
    }

    #[test]
    fn what_helm_would_refuse_or_lose_is_refused() {
        for (text, line, reason) in [
            ("a: 1\nb: 2\na: 3", 3, "duplicate key `a`"),
            ("a: .inf", 1, "`.inf` is no value that JSON has"),
            (
                "a: 1\n---\nb: 2",
                2,
                "a second document where one is expected",
            ),
            ("a: &a [*a]", 1, "an anchor that contains itself"),
            (
                "a: {<<: 1}",
                1,
                "expected a map, or a list of maps, behind `<<`",
            ),
            ("a: {~: 1}", 1, "a key that is no text: put it in quotes"),
        ] {
            let error = read(text).expect_err(text);
            assert_eq!(
                (error.line, error.reason.as_str()),
                (line, reason),
                "{text}"
            );
        }
        let bomb =
            (0..9).map(|n| format!("a{0}: &a{0} [{1}]\n", n, format!("*a{},", n - 1).repeat(9)));
        let bomb = format!("a0: &a0 [1]\n{}", bomb.skip(1).collect::<String>());
        assert_eq!(
            read(&bomb).expect_err("a bomb").reason,
            "excessive aliasing"
        );
    }
}
