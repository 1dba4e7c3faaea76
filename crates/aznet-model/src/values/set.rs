//! Helm's `--set` expressions: `a.b=1,c[0].d=x,e={x,y},f=null`; a backslash makes the next character plain.

use serde_json::{Map, Value};

/// One step into values.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

/// Largest list index that `--set` accepts, as in Helm.
const MAX_INDEX: usize = 65_536;

/// Applies an expression to `values`; on error says what is wrong.
pub(super) fn apply(values: &mut Map<String, Value>, expression: &str) -> Result<(), String> {
    for assignment in split(expression, ',')? {
        let (path, value) = halves(&assignment)?;
        let mut root = Value::Object(std::mem::take(values));
        let put = put(&mut root, &steps(&path)?, parse_value(&value)?);
        if let Value::Object(map) = root {
            *values = map;
        }
        put?;
    }
    Ok(())
}

/// What looks like a number or `true` stays text where the default is text: `localEjectionThreshold=50` needs no quotes.
pub(super) fn keep_text(
    defaults: &Map<String, Value>,
    set: &Map<String, Value>,
    values: &mut Map<String, Value>,
) {
    for (key, set) in set {
        match (defaults.get(key), set, values.get_mut(key)) {
            (Some(Value::Object(defaults)), Value::Object(set), Some(Value::Object(values))) => {
                keep_text(defaults, set, values);
            }
            (Some(Value::String(_)), Value::Number(_) | Value::Bool(_), Some(value)) => {
                *value = Value::String(set.to_string());
            }
            _ => {}
        }
    }
}

/// Splits at `separator` outside of braces and where no backslash precedes it; backslashes stay.
fn split(text: &str, separator: char) -> Result<Vec<String>, String> {
    let (mut parts, mut part, mut depth, mut escaped) = (Vec::new(), String::new(), 0_u32, false);
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '{' => depth += 1,
            '}' => depth = depth.checked_sub(1).ok_or("`}` without `{`")?,
            _ if c == separator && depth == 0 => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            _ => {}
        }
        part.push(c);
    }
    if depth > 0 {
        return Err("`{` without `}`".to_owned());
    }
    parts.push(part);
    Ok(parts)
}

fn halves(assignment: &str) -> Result<(String, String), String> {
    let mut escaped = false;
    for (at, c) in assignment.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '=' if at > 0 => {
                return Ok((assignment[..at].to_owned(), assignment[at + 1..].to_owned()));
            }
            _ => {}
        }
    }
    Err(format!("expected key=value, found `{assignment}`"))
}

fn steps(path: &str) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    for part in split(path, '.')? {
        let (key, mut rest) = part
            .split_once('[')
            .map_or((part.as_str(), ""), |(key, _)| (key, &part[key.len()..]));
        if key.is_empty() {
            return Err(format!("`{path}` has an empty key"));
        }
        steps.push(Step::Key(plain(key)));
        while let Some((index, after)) =
            rest.strip_prefix('[').and_then(|rest| rest.split_once(']'))
        {
            let index = index.parse().ok().filter(|index| *index <= MAX_INDEX);
            steps.push(Step::Index(index.ok_or_else(|| {
                format!("`{part}` has no valid index (0 to {MAX_INDEX})")
            })?));
            rest = after;
        }
        if !rest.is_empty() {
            return Err(format!("`{part}`: expected `[index]`, found `{rest}`"));
        }
    }
    Ok(steps)
}

fn put(at: &mut Value, steps: &[Step], value: Value) -> Result<(), String> {
    let Some((step, rest)) = steps.split_first() else {
        *at = value;
        return Ok(());
    };
    let next = match step {
        Step::Key(key) => {
            if !at.is_object() {
                *at = Value::Object(Map::new());
            }
            at.as_object_mut()
                .map(|map| map.entry(key.clone()).or_insert(Value::Null))
        }
        Step::Index(index) => {
            if !at.is_array() {
                *at = Value::Array(Vec::new());
            }
            at.as_array_mut().map(|list| {
                list.resize(list.len().max(index + 1), Value::Null);
                &mut list[*index]
            })
        }
    };
    next.map_or(Ok(()), |next| put(next, rest, value))
}

fn parse_value(text: &str) -> Result<Value, String> {
    match text
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
    {
        Some("") => Ok(Value::Array(Vec::new())),
        Some(inner) => Ok(Value::Array(
            split(inner, ',')?.iter().map(|item| scalar(item)).collect(),
        )),
        None => Ok(scalar(text)),
    }
}

/// As Helm reads them: null, booleans, integers without leading zeros; anything else is text.
fn scalar(text: &str) -> Value {
    match text {
        "null" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "0" => Value::from(0),
        _ if text.starts_with('0') => Value::String(plain(text)),
        _ => text
            .parse::<i64>()
            .map_or_else(|_| Value::String(plain(text)), Value::from),
    }
}

fn plain(text: &str) -> String {
    let mut escaped = false;
    text.chars()
        .filter(|c| {
            let drop = *c == '\\' && !escaped;
            escaped = drop;
            !drop
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(expressions: &[&str]) -> Result<Value, String> {
        let mut values = Map::new();
        for expression in expressions {
            apply(&mut values, expression)?;
        }
        Ok(Value::Object(values))
    }

    #[test]
    fn expressions_mean_what_helm_means() {
        for (expressions, expected) in [
            (vec!["a.b=1,c=true"], json!({"a": {"b": 1}, "c": true})),
            (vec!["a=1", "a.b=2"], json!({"a": {"b": 2}})),
            (vec!["a[1].b=x"], json!({"a": [null, {"b": "x"}]})),
            (vec!["a={x,2}", "b={}"], json!({"a": ["x", 2], "b": []})),
            (vec![r"a=x\,y,b\.c=1"], json!({"a": "x,y", "b.c": 1})),
            (
                vec!["a=null,b=0,c=007,d=-1,e="],
                json!({"a": null, "b": 0, "c": "007", "d": -1, "e": ""}),
            ),
            (vec!["a=1.5,b=x=y"], json!({"a": "1.5", "b": "x=y"})),
        ] {
            assert_eq!(set(&expressions), Ok(expected), "{expressions:?}");
        }
    }

    #[test]
    fn text_stays_text() {
        let map = |value: Value| value.as_object().cloned().expect("a map");
        let defaults = map(json!({"a": {"text": "", "number": 1}, "list": ["x"]}));
        let set = map(json!({"a": {"text": 50, "number": 2, "new": true}, "list": [3]}));
        let mut values = set.clone();
        keep_text(&defaults, &set, &mut values);
        let expected = json!({"a": {"text": "50", "number": 2, "new": true}, "list": [3]});
        assert_eq!(Value::Object(values), expected);
    }

    #[test]
    fn nonsense_is_refused() {
        for expression in [
            "",
            "a",
            "=1",
            "a..b=1",
            "a[x]=1",
            "a[99999999]=1",
            "a={1",
            "a[1=2",
            "a[0]b=1",
        ] {
            assert!(set(&[expression]).is_err(), "{expression}");
        }
    }
}
