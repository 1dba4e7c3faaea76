//! What differs between two sets of values, key by key.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// A key whose value differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Change {
    /// The key, dotted.
    pub(crate) key: String,
    /// Its value before; `None`: it was not there.
    pub(crate) from: Option<Value>,
    /// Its value now; `None`: it is gone.
    pub(crate) to: Option<Value>,
}

/// Longer values than this are not shown in a line.
const LONGEST: usize = 60;

impl Change {
    /// `validator.replicas=5`, as `--set` takes it; of a secret and of what is long only the key.
    pub(crate) fn setting(&self) -> String {
        format!("{}={}", self.key, self.shown(self.to.as_ref()))
    }

    /// The `--set` that undoes it; `None` where it is not for a command line.
    pub(crate) fn undoing(&self) -> Option<String> {
        let value = match &self.from {
            None => "null".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(_) | Value::Object(_)) => return None,
            Some(other) => other.to_string(),
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/@".contains(c);
        let writable = value.chars().all(plain) && self.key.chars().all(plain);
        (writable && !self.is_secret()).then(|| format!("--set {}={value}", self.key))
    }

    fn shown(&self, value: Option<&Value>) -> String {
        let text = match value {
            None => return "default".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        if self.is_secret() || text.len() > LONGEST {
            return "…".to_owned();
        }
        text
    }

    /// Nobody else reads a mnemonic over somebody's shoulder.
    fn is_secret(&self) -> bool {
        self.key.ends_with("nemonic")
    }
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (from, to) = (self.shown(self.from.as_ref()), self.shown(self.to.as_ref()));
        write!(f, "{}: {from} → {to}", self.key)
    }
}

/// The keys that differ, sorted. Lists are compared as a whole, as Helm replaces them as a whole.
pub(crate) fn changes(from: &Value, to: &Value) -> Vec<Change> {
    let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
    flatten(String::new(), from, &mut old);
    flatten(String::new(), to, &mut new);
    let mut keys: Vec<_> = old.keys().chain(new.keys()).cloned().collect();
    keys.sort();
    keys.dedup();
    keys.into_iter()
        .map(|key| Change {
            from: old.remove(&key),
            to: new.remove(&key),
            key,
        })
        .filter(|change| change.from != change.to)
        .collect()
}

/// Whether the values say something of a dotted key: give it, take it out by a null, or have something else in the place of
/// a map that would hold it.
pub(crate) fn says(values: &Value, key: &str) -> bool {
    let Value::Object(map) = values else {
        return true;
    };
    map.iter().any(|(name, value)| {
        let rest = key.strip_prefix(name.as_str());
        rest.is_some_and(|rest| match rest.strip_prefix('.') {
            Some(inner) => says(value, inner),
            None => rest.is_empty(),
        })
    })
}

fn flatten(prefix: String, value: &Value, into: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                let key = if prefix.is_empty() {
                    key.clone()
                } else {
                    format!("{prefix}.{key}")
                };
                flatten(key, value, into);
            }
        }
        // An empty map and a missing key mean the same to a chart.
        Value::Object(_) | Value::Null => {}
        other => {
            into.insert(prefix, other.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_change_is_undone_by_a_setting_unless_it_is_a_secret() {
        let from = json!({"image": "a/b:1", "keys": {"mnemonic": "x"}, "list": [1]});
        let to = json!({"keys": {"mnemonic": "y"}, "list": [2], "n": 5});
        let all = changes(&from, &to);
        let undoing: Vec<_> = all.iter().map(Change::undoing).collect();
        assert_eq!(
            undoing,
            [
                Some("--set image=a/b:1".to_owned()),
                None,
                None,
                Some("--set n=null".to_owned())
            ]
        );
        assert_eq!(all[1].to_string(), "keys.mnemonic: … → …");
        assert_eq!(all[3].setting(), "n=5");
    }

    #[test]
    fn values_say_what_they_give_and_what_they_take_out() {
        let values = json!({"bot": null, "fullNode": {"env": {}, "replicas": 0}, "l1": {"a.b": 1}});
        for said in ["bot", "bot.replicas", "fullNode.replicas", "l1.a.b"] {
            assert!(says(&values, said), "{said}");
        }
        for unsaid in ["fullNode.env.X", "fullNode.replica", "l1.a", "pxe"] {
            assert!(!says(&values, unsaid), "{unsaid}");
        }
    }

    #[test]
    fn only_keys_that_differ_are_named() {
        let from =
            json!({"validator": {"replicas": 4, "env": {}}, "pxe": {"replicas": 1}, "list": [1]});
        let to = json!({"validator": {"replicas": 6}, "pxe": {"replicas": 1}, "list": [1, 2], "new": true});
        let lines: Vec<_> = changes(&from, &to)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            lines,
            [
                "list: [1] → [1,2]",
                "new: default → true",
                "validator.replicas: 4 → 6"
            ]
        );
        assert!(changes(&to, &to).is_empty());
    }
}
