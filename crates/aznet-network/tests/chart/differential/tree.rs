//! Values as a user writes them: spelling, anchors and merge keys included.

use std::fmt::Write as _;

/// A value in a values file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// A scalar as it stands in the file: what it is, YAML decides.
    Plain(String),
    /// Text, in quotes.
    Text(String),
    /// A list.
    List(Vec<Self>),
    /// A map.
    Map(Map),
    /// A map that takes entries over from an anchor: `<<` first or last, then its own.
    Merged {
        /// Entries of the anchor.
        base: Map,
        /// Its own.
        own: Map,
        /// The merge key comes after its own entries.
        last: bool,
    },
}

/// Entries of a map. A key stands once; the last one given counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Map(Vec<(String, Node)>);

impl FromIterator<(String, Node)> for Map {
    fn from_iter<I: IntoIterator<Item = (String, Node)>>(entries: I) -> Self {
        let mut map = Self::default();
        for (key, node) in entries {
            map.set(key, node);
        }
        map
    }
}

impl Map {
    /// Its entries.
    pub(super) fn entries(&self) -> &[(String, Node)] {
        &self.0
    }

    fn set(&mut self, key: String, node: Node) {
        self.0.retain(|(known, _)| *known != key);
        self.0.push((key, node));
    }

    /// Puts a value at a path, with maps on the way there.
    pub(super) fn put(&mut self, path: &[String], node: Node) {
        let Some((key, rest)) = path.split_first() else {
            return;
        };
        if rest.is_empty() {
            return self.set(key.clone(), node);
        }
        let mut inner = match self.0.iter().find(|(known, _)| known == key) {
            Some((_, Node::Map(inner))) => inner.clone(),
            _ => Self::default(),
        };
        inner.put(rest, node);
        self.set(key.clone(), Node::Map(inner));
    }

    /// The paths of all its values, through maps.
    pub(super) fn paths(&self) -> Vec<Vec<String>> {
        let mut paths = Vec::new();
        for (key, node) in &self.0 {
            paths.push(vec![key.clone()]);
            let inner = match node {
                Node::Map(inner) => inner.paths(),
                Node::Merged { base, own, .. } => [base.paths(), own.paths()].concat(),
                _ => Vec::new(),
            };
            let below = |path: Vec<String>| [vec![key.clone()], path].concat();
            paths.extend(inner.into_iter().map(below));
        }
        paths
    }

    /// The text of a values file. Anchors are in `global`, which is for the user's own use.
    pub(super) fn yaml(&self) -> String {
        let mut writer = Writer::default();
        let mut body = String::new();
        writer.map(self, 0, &mut body);
        if writer.anchors.is_empty() {
            return body;
        }
        let mut text = "global:\n".to_owned();
        for (n, anchor) in writer.anchors.iter().enumerate() {
            // Writing to a String cannot fail.
            let _ = write!(text, "  base{n}: &base{n}{anchor}");
        }
        text + &body
    }
}

#[derive(Default)]
struct Writer {
    anchors: Vec<String>,
}

impl Writer {
    fn map(&mut self, map: &Map, depth: usize, out: &mut String) {
        for (key, node) in map.entries() {
            let _ = write!(out, "{}{}:", "  ".repeat(depth), key);
            self.value(node, depth, out);
        }
    }

    /// What follows a key, up to the end of the last line.
    fn value(&mut self, node: &Node, depth: usize, out: &mut String) {
        match node {
            Node::Map(map) if !map.entries().is_empty() => {
                out.push('\n');
                self.map(map, depth + 1, out);
            }
            Node::Merged { base, own, last } => {
                let mut anchor = String::new();
                self.value(&Node::Map(base.clone()), 1, &mut anchor);
                let merge = format!(
                    "{}<<: *base{}\n",
                    "  ".repeat(depth + 1),
                    self.anchors.len()
                );
                self.anchors.push(anchor);
                let mut entries = String::new();
                self.map(own, depth + 1, &mut entries);
                out.push('\n');
                out.push_str(&if *last {
                    entries + &merge
                } else {
                    merge + &entries
                });
            }
            other => {
                out.push(' ');
                flow(other, out);
                out.push('\n');
            }
        }
    }
}

/// In one line, as in JSON.
fn flow(node: &Node, out: &mut String) {
    match node {
        Node::Plain(text) => out.push_str(text),
        Node::Text(text) => out.push_str(&quoted(text)),
        Node::List(items) => {
            let items = items.iter().map(|item| {
                let mut text = String::new();
                flow(item, &mut text);
                text
            });
            let _ = write!(out, "[{}]", items.collect::<Vec<_>>().join(", "));
        }
        Node::Map(map) => braces(&[map], out),
        Node::Merged { base, own, .. } => braces(&[base, own], out),
    }
}

fn braces(maps: &[&Map], out: &mut String) {
    let entries: Map = maps.iter().flat_map(|map| map.entries()).cloned().collect();
    let entries = entries.entries().iter().map(|(key, node)| {
        let mut text = format!("{key}: ");
        flow(node, &mut text);
        text
    });
    let _ = write!(out, "{{{}}}", entries.collect::<Vec<_>>().join(", "));
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// `--set` expressions that say the same as a map.
pub(super) fn sets(map: &Map) -> Vec<(Vec<String>, String)> {
    let mut sets = Vec::new();
    for (key, node) in map.entries() {
        expressions(vec![key.clone()], &escaped(key, ".=[,\\"), node, &mut sets);
    }
    sets
}

fn expressions(
    path: Vec<String>,
    target: &str,
    node: &Node,
    sets: &mut Vec<(Vec<String>, String)>,
) {
    match node {
        Node::Map(map) | Node::Merged { own: map, .. } => {
            for (key, node) in map.entries() {
                let path = [path.clone(), vec![key.clone()]].concat();
                let target = format!("{target}.{}", escaped(key, ".=[,\\"));
                expressions(path, &target, node, sets);
            }
        }
        Node::List(items) if items.iter().all(|item| scalar(item, ",}\\").is_some()) => {
            let items = items.iter().filter_map(|item| scalar(item, ",}\\"));
            let items = items.collect::<Vec<_>>().join(",");
            sets.push((path, format!("{target}={{{items}}}")));
        }
        Node::List(items) => {
            for (n, item) in items.iter().enumerate() {
                expressions(path.clone(), &format!("{target}[{n}]"), item, sets);
            }
        }
        Node::Plain(_) | Node::Text(_) => {
            let value = scalar(node, ",\\").unwrap_or_default();
            sets.push((path, format!("{target}={value}")));
        }
    }
}

fn scalar(node: &Node, special: &str) -> Option<String> {
    match node {
        Node::Plain(text) | Node::Text(text) => Some(escaped(text, special)),
        _ => None,
    }
}

fn escaped(text: &str, special: &str) -> String {
    let mut out = String::new();
    for (n, c) in text.chars().enumerate() {
        if special.contains(c) || (n == 0 && c == '{') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
