//! Helm's `--set` expressions: `a.b=1,c[0].d=x,e={x,y},f=null`; a backslash makes the next character plain.

use serde_json::{Map, Value};
use std::iter::Peekable;
use std::str::Chars;

/// Largest list index that `--set` accepts, as in Helm.
const MAX_INDEX: usize = 65_536;
/// Most maps within each other that a key may go through, as in Helm.
const MAX_DEPTH: usize = 30;

/// Applies an expression to `values`, all or nothing; on error says what is wrong.
///
/// What looks like a number or `true` stays text where the default is text: `localEjectionThreshold=50` needs no quotes.
pub(super) fn apply(
    values: &mut Map<String, Value>,
    expression: &str,
    defaults: &Map<String, Value>,
) -> Result<(), String> {
    let mut changed = values.clone();
    let mut reader = Reader {
        chars: expression.chars().peekable(),
    };
    loop {
        reader.key(&mut changed, Some(defaults), 0)?;
        if reader.chars.peek().is_none() {
            *values = changed;
            return Ok(());
        }
    }
}

/// What follows the end of an assignment decides whether Helm keeps a value in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    AtValue,
    BeforeValue,
}

struct Reader<'a> {
    chars: Peekable<Chars<'a>>,
}

impl Reader<'_> {
    /// Up to one of `stops`, which is consumed; `None` at the end.
    fn until(&mut self, stops: &str) -> (String, Option<char>) {
        let mut text = String::new();
        while let Some(c) = self.chars.next() {
            match c {
                _ if stops.contains(c) => return (text, Some(c)),
                '\\' => text.extend(self.chars.next()),
                _ => text.push(c),
            }
        }
        (text, None)
    }

    /// One assignment below a map.
    fn key(
        &mut self,
        map: &mut Map<String, Value>,
        defaults: Option<&Map<String, Value>>,
        depth: usize,
    ) -> Result<Ended, String> {
        let (key, stop) = self.until("=[,.");
        let default = defaults.and_then(|map| map.get(&key));
        if key.is_empty() && stop.is_some() {
            return Err("a key is empty".to_owned());
        }
        match stop {
            Some('=') => {
                let (value, ended) = self.value(default)?;
                map.insert(key, value);
                Ok(ended)
            }
            Some('[') => {
                let mut list = match map.remove(&key) {
                    None => Vec::new(),
                    Some(Value::Array(list)) => list,
                    Some(_) => return Err(format!("`{key}` is no list: an index can't change it")),
                };
                let ended = self.item(&mut list, depth)?;
                map.insert(key, Value::Array(list));
                Ok(ended)
            }
            Some('.') if depth < MAX_DEPTH => {
                let mut inner = match map.remove(&key) {
                    None => Map::new(),
                    Some(Value::Object(inner)) => inner,
                    Some(_) => return Err(format!("`{key}` is no map: it has no keys to set")),
                };
                let ended = self.key(&mut inner, default.and_then(Value::as_object), depth + 1)?;
                map.insert(key, Value::Object(inner));
                Ok(ended)
            }
            Some('.') => Err(format!("more than {MAX_DEPTH} maps within each other")),
            _ => Err(format!("expected key=value, found `{key}`")),
        }
    }

    /// What follows `[`.
    fn item(&mut self, list: &mut Vec<Value>, depth: usize) -> Result<Ended, String> {
        let (index, end) = self.until("]");
        let at: usize = index
            .parse()
            .ok()
            .filter(|at| *at <= MAX_INDEX && end.is_some())
            .ok_or_else(|| format!("`{index}` is no valid index (0 to {MAX_INDEX})"))?;
        let (more, stop) = self.until("[.=");
        if !more.is_empty() {
            return Err(format!("unexpected `{more}` behind an index"));
        }
        let known = list.get(at).cloned();
        let (value, ended) = match stop {
            Some('=') => (self.value(None)?.0, Ended::AtValue),
            Some('[') => {
                let mut inner = match known {
                    None | Some(Value::Null) => Vec::new(),
                    Some(Value::Array(inner)) => inner,
                    Some(_) => return Err("an index into what is no list".to_owned()),
                };
                let ended = self.item(&mut inner, depth)?;
                (Value::Array(inner), ended)
            }
            Some('.') => {
                let there = known.is_some();
                let mut inner = match known {
                    Some(Value::Object(inner)) => inner,
                    _ => Map::new(),
                };
                let ended = self.key(&mut inner, None, depth)?;
                if ended == Ended::BeforeValue && !there {
                    return Ok(ended);
                }
                (Value::Object(inner), ended)
            }
            _ => return Err("expected a value behind an index".to_owned()),
        };
        if list.len() <= at {
            list.resize(at + 1, Value::Null);
        }
        list[at] = value;
        Ok(ended)
    }

    fn value(&mut self, default: Option<&Value>) -> Result<(Value, Ended), String> {
        match self.chars.peek() {
            None => Ok((Value::from(""), Ended::BeforeValue)),
            Some('{') => {
                self.chars.next();
                Ok((self.list()?, Ended::AtValue))
            }
            Some(_) => {
                let (text, _) = self.until(",");
                Ok((typed(text, default), Ended::AtValue))
            }
        }
    }

    /// What follows `{`. An empty list can't be written: `{}` is a list of one empty text.
    fn list(&mut self) -> Result<Value, String> {
        let mut items = Vec::new();
        loop {
            let (text, stop) = self.until(",}");
            items.push(typed(text, None));
            match stop {
                Some('}') => break,
                Some(_) => {}
                None => return Err("a list must end with `}`".to_owned()),
            }
        }
        self.chars.next_if_eq(&',');
        Ok(Value::Array(items))
    }
}

/// As Helm reads them: null, booleans, integers without leading zeros; anything else is text.
fn typed(text: String, default: Option<&Value>) -> Value {
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    if is("null") {
        return Value::Null;
    }
    if default.is_some_and(Value::is_string) {
        return Value::String(text);
    }
    if is("true") || is("false") {
        return Value::Bool(is("true"));
    }
    if text == "0" {
        return Value::from(0);
    }
    match text.parse::<i64>() {
        Ok(number) if !text.starts_with('0') => Value::from(number),
        _ => Value::String(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(expressions: &[&str]) -> Result<Value, String> {
        let mut values = Map::new();
        for expression in expressions {
            apply(&mut values, expression, &Map::new())?;
        }
        Ok(Value::Object(values))
    }

    #[test]
    fn expressions_mean_what_helm_means() {
        for (expressions, expected) in [
            (vec!["a.b=1,c=true"], json!({"a": {"b": 1}, "c": true})),
            (vec!["a.b=1", "a.c=2"], json!({"a": {"b": 1, "c": 2}})),
            (vec!["a[1].b=x"], json!({"a": [null, {"b": "x"}]})),
            (vec!["a={x,2}", "b={}"], json!({"a": ["x", 2], "b": [""]})),
            (vec![r"a=x\,y,b\.c=1"], json!({"a": "x,y", "b.c": 1})),
            (
                vec!["a=null,b=0,c=007,d=-1,e="],
                json!({"a": null, "b": 0, "c": "007", "d": -1, "e": ""}),
            ),
            (vec!["a=1.5,b=x=y"], json!({"a": "1.5", "b": "x=y"})),
            (
                vec!["a=TRUE,b=Null,c=x}y"],
                json!({"a": true, "b": null, "c": "x}y"}),
            ),
            (vec!["a={x}b=1"], json!({"a": ["x"], "b": 1})),
        ] {
            assert_eq!(set(&expressions), Ok(expected), "{expressions:?}");
        }
    }

    #[test]
    fn text_stays_text() {
        let map = |value: Value| value.as_object().cloned().expect("a map");
        let defaults = map(json!({"a": {"text": "", "number": 1}, "list": ["x"]}));
        let mut values = Map::new();
        let expression = "a.text=50,a.number=2,a.new=true,list={3}";
        apply(&mut values, expression, &defaults).expect("an assignment");
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
            "a=1,a.b=2",
            "a=1,a[0]=2",
            "a,b=1",
        ] {
            assert!(set(&[expression]).is_err(), "{expression}");
        }
    }
}
