//! Values drawn from the chart's schema: whatever it allows, and now and then what it doesn't.

use super::tree::{Map, Node, sets};
use aznet_model::values;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::Value;

/// Keys of maps whose keys are the user's to choose, as they stand in the file.
const NAMES: [&str; 10] = [
    "a", "slow", "LOG", "a-1", "a.b/c", "0", "no", "Y", "1.0", "0777",
];
/// Text that says the same in quotes and without.
const WORDS: [&str; 5] = ["a", "slow", "info; debug", "a.b/c", "é"];
/// Text that is something else without quotes, or hard to hand on.
const TRICKY: [&str; 15] = [
    "", "no", "1.0", "0777", "null", "1e6", "12:30", "a\nb", "a\n", " ", "{a}", "a\\b", "x}y",
    "a,b", "a=b",
];
const BOOLEANS: [&str; 2] = ["true", "false"];
const YES_AND_NO: [&str; 6] = ["yes", "no", "On", "off", "y", "N"];
const SPELLED: [&str; 12] = [
    "0o10", "010", "0777", "08", "0x10", "0b101", "1_000", "1.0", "1e1", "1e6", "+3", "-0",
];
const LARGE: [&str; 4] = ["1000000", "134217728", "2934756905", "2147483647"];
const HUGE: [&str; 6] = [
    "4294967295",
    "4294967296",
    "9007199254740991",
    "9007199254740993",
    "18446744073709551615",
    "18446744073709551616",
];
const FRACTIONS: [&str; 7] = ["0.5", "250.5", ".5", "1.", "1e-7", "1e21", "-0.5"];

/// Values as a user gives them.
#[derive(Debug, Clone)]
pub(super) struct Draw {
    /// Texts of values files, the last one strongest.
    pub(super) files: Vec<String>,
    /// `--set` expressions, with the path of what each sets.
    pub(super) sets: Vec<(Vec<String>, String)>,
}

/// What a stronger layer says of a value that a weaker one has.
#[derive(Debug, Clone)]
struct Retraction {
    of: Index,
    by: Node,
}

/// Draws from the chart's schema.
pub(super) fn draws() -> impl Strategy<Value = Draw> {
    let schema: Value = serde_json::from_str(&values::schema()).expect("the schema is JSON");
    let walk = Walk { schema: &schema };
    let file = |most| walk.values(most);
    let retractions = || vec(retraction(), 0..=2);
    let layers = (file(3), file(2), retractions(), file(1), retractions());
    layers.prop_map(|(first, second, file_takes, set, set_takes)| {
        let second = retracted(&first, second, &file_takes);
        let set = retracted(&first, set, &set_takes);
        let files = [&first, &second].into_iter();
        Draw {
            files: files
                .filter(|file| !file.entries().is_empty())
                .map(Map::yaml)
                .collect(),
            sets: sets(&set),
        }
    })
}

fn retraction() -> impl Strategy<Value = Retraction> {
    let by = prop_oneof![
        6 => Just(Node::Plain("null".to_owned())),
        1 => Just(Node::Map(Map::default())),
        1 => Just(Node::List(Vec::new())),
        1 => Just(Node::Plain("1".to_owned())),
    ];
    (any::<Index>(), by).prop_map(|(of, by)| Retraction { of, by })
}

fn retracted(weaker: &Map, mut stronger: Map, takes: &[Retraction]) -> Map {
    let mut paths = weaker.paths();
    // Names of the user's own are in no defaults: that is where versions of Helm, charts and planners differ.
    let own = |path: &&Vec<String>| path.last().is_some_and(|last| NAMES.contains(&&**last));
    let named: Vec<_> = paths.iter().filter(own).cloned().collect();
    paths.extend((0..3).flat_map(|_| named.clone()));
    for take in takes.iter().filter(|_| !paths.is_empty()) {
        let path: &Vec<String> = take.of.get(&paths);
        stronger.put(path, take.by.clone());
    }
    stronger
}

/// A walk through a schema.
struct Walk<'a> {
    schema: &'a Value,
}

impl Walk<'_> {
    /// Some of the chart's values, at most so many.
    fn values(&self, most: usize) -> BoxedStrategy<Map> {
        let mut entries = self.properties(self.schema, |name| name != "global");
        entries.push((1, entry("unknownKey", word())));
        vec(union(entries), 0..=most)
            .prop_map(|entries| entries.into_iter().collect())
            .boxed()
    }

    fn properties(
        &self,
        object: &Value,
        wanted: impl Fn(&str) -> bool,
    ) -> Vec<(u32, BoxedStrategy<(String, Node)>)> {
        // Where names and values are the user's own, schemas say least.
        let weight = |schema: &Value| {
            if self.resolved(schema)["additionalProperties"].is_object() {
                48
            } else {
                16
            }
        };
        let properties = object["properties"].as_object().into_iter().flatten();
        properties
            .filter(|(name, _)| wanted(name))
            .map(|(name, schema)| (weight(schema), entry(name, self.maybe(schema, false))))
            .collect()
    }

    /// A value, or null, or something of another kind. `alone`: nothing weaker has the rest of it.
    fn maybe(&self, schema: &Value, alone: bool) -> BoxedStrategy<Node> {
        prop_oneof![
            100 => self.node(schema, alone),
            5 => plain(&["null", "~"]),
            1 => word(),
            1 => Just(Node::List(Vec::new())),
        ]
        .boxed()
    }

    fn node(&self, schema: &Value, alone: bool) -> BoxedStrategy<Node> {
        let schema = self.resolved(schema);
        if let Some(constants) = constants(schema) {
            return select(constants).prop_map(Node::Plain).boxed();
        }
        let kinds = kinds(schema).into_iter().filter_map(|kind| match kind {
            "object" => Some(self.object(schema, alone)),
            "array" => Some(self.list(schema)),
            "string" => Some(text(schema["pattern"].as_str())),
            "boolean" => Some(prop_oneof![6 => plain(&BOOLEANS), 1 => plain(&YES_AND_NO)].boxed()),
            "integer" => Some(integer(schema)),
            "number" => Some(number(schema)),
            _ => None,
        });
        union(kinds.map(|strategy| (1, strategy)).collect())
    }

    fn resolved<'s>(&'s self, schema: &'s Value) -> &'s Value {
        let inner = schema.get("allOf").map_or(schema, |all| &all[0]);
        let pointer = inner["$ref"]
            .as_str()
            .map(|name| name.trim_start_matches('#'));
        pointer
            .and_then(|pointer| self.schema.pointer(pointer))
            .unwrap_or(inner)
    }

    fn list(&self, schema: &Value) -> BoxedStrategy<Node> {
        vec(self.node(&schema["items"], true), 0..=2)
            .prop_map(Node::List)
            .boxed()
    }

    fn object(&self, schema: &Value, alone: bool) -> BoxedStrategy<Node> {
        let required: Vec<&str> = schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let optional = self.properties(schema, |_| true);
        let chosen = if optional.is_empty() {
            self.named(schema)
        } else {
            union(optional)
        };
        let some = vec(chosen, 0..=3).prop_map(|entries| entries.into_iter().collect::<Map>());
        let needed: Vec<_> = required
            .iter()
            .map(|name| entry(name, self.node(&schema["properties"][name], alone)))
            .collect();
        let complete = proptest::bool::weighted(if alone { 0.9 } else { 0.02 });
        let map = (needed, some, complete).prop_map(|(needed, some, complete)| {
            let needed = needed.into_iter().filter(|_| complete);
            needed
                .chain(some.entries().iter().cloned())
                .collect::<Map>()
        });
        merged(map.boxed())
    }

    /// Entries whose names are the user's to choose.
    fn named(&self, schema: &Value) -> BoxedStrategy<(String, Node)> {
        let patterns = schema["patternProperties"]
            .as_object()
            .into_iter()
            .flatten();
        let inner = match patterns.map(|(_, inner)| inner).next() {
            Some(inner) => inner,
            None => &schema["additionalProperties"],
        };
        let value = if inner.is_object() {
            self.maybe(inner, true)
        } else {
            prop_oneof![word(), plain(&["1", "null", "yes", "1.0"])].boxed()
        };
        (select(&NAMES[..]), value)
            .prop_map(|(name, node)| (name.to_owned(), node))
            .boxed()
    }
}

/// The map, or the same by a merge key: some of its entries are an anchor's, and some are in both.
fn merged(map: BoxedStrategy<Map>) -> BoxedStrategy<Node> {
    let by_key = (map.clone(), map.clone(), any::<bool>());
    prop_oneof![
        24 => map.prop_map(Node::Map),
        1 => by_key.prop_map(|(base, own, last)| Node::Merged { base, own, last }),
    ]
    .boxed()
}

fn constants(schema: &Value) -> Option<Vec<String>> {
    let one_of = schema["oneOf"].as_array().or(schema["enum"].as_array())?;
    let constants = one_of
        .iter()
        .filter_map(|one| one.get("const").unwrap_or(one).as_str());
    Some(constants.map(str::to_owned).collect())
}

fn kinds(schema: &Value) -> Vec<&str> {
    match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => vec!["object"],
    }
}

fn text(pattern: Option<&str>) -> BoxedStrategy<Node> {
    let free = prop_oneof![6 => word(), 1 => tricky()];
    let Some(pattern) = pattern else {
        return free.boxed();
    };
    let whole = pattern.trim_start_matches('^').trim_end_matches('$');
    let matching = proptest::string::string_regex(whole).expect("patterns are plain expressions");
    prop_oneof![
        12 => matching.prop_map(|text| Node::Text(readable(&text))),
        1 => free,
    ]
    .boxed()
}

/// Without what nobody would write: `[^,]` is any character at all.
fn readable(text: &str) -> String {
    let known = |c: char| if c.is_ascii_graphic() { c } else { 'x' };
    text.chars().map(known).collect()
}

fn word() -> BoxedStrategy<Node> {
    select(&WORDS[..])
        .prop_map(|text| Node::Text(text.to_owned()))
        .boxed()
}

fn tricky() -> BoxedStrategy<Node> {
    let quoted = select(&TRICKY[..]).prop_map(|text| Node::Text(text.to_owned()));
    prop_oneof![2 => quoted, 1 => plain(&SPELLED), 1 => plain(&YES_AND_NO)].boxed()
}

fn plain(texts: &'static [&'static str]) -> BoxedStrategy<Node> {
    select(texts)
        .prop_map(|text| Node::Plain(text.to_owned()))
        .boxed()
}

fn integer(schema: &Value) -> BoxedStrategy<Node> {
    let least = schema["minimum"].as_i64().unwrap_or_default().max(0);
    let most = schema["maximum"].as_i64().unwrap_or(i64::from(u32::MAX));
    let number = |n: i64| Node::Plain(n.to_string());
    prop_oneof![
        30 => (least..least.saturating_add(9)).prop_map(number),
        6 => select(vec![12, 30, 100, 1000]).prop_map(number),
        1 => plain(&SPELLED),
        2 => plain(&LARGE),
        1 => plain(&HUGE),
        1 => select(vec![least - 1, most, most.saturating_add(1)]).prop_map(number),
    ]
    .boxed()
}

fn number(schema: &Value) -> BoxedStrategy<Node> {
    prop_oneof![2 => integer(schema), 1 => plain(&LARGE), 1 => plain(&FRACTIONS)].boxed()
}

fn entry(name: &str, node: BoxedStrategy<Node>) -> BoxedStrategy<(String, Node)> {
    let name = name.to_owned();
    node.prop_map(move |node| (name.clone(), node)).boxed()
}

fn union<T: std::fmt::Debug + 'static>(options: Vec<(u32, BoxedStrategy<T>)>) -> BoxedStrategy<T> {
    proptest::strategy::Union::new_weighted(options).boxed()
}
