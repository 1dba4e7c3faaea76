//! One draw, judged by both.

use super::draw::Draw;
use super::helm::{Charts, Rendered};
use super::{lenient, rendered};
use aznet_model::plan::{Plan, plan};
use aznet_model::values::{self, Layer, Loaded, Problem, ValuesError};
use serde_json::{Map, Value};
use std::fmt;

/// Where the two differ.
#[derive(Debug, Clone)]
pub(super) struct Difference {
    /// What it is about, without the values of this draw.
    pub(super) kind: String,
    /// All about it.
    pub(super) detail: String,
}

impl Difference {
    fn new(what: &str, about: &str, detail: impl Into<String>) -> Self {
        let known = |c: char| if c.is_ascii_digit() { '0' } else { c };
        let about: String = about.chars().map(known).take(100).collect();
        Self {
            kind: format!("{what}: {about}"),
            detail: detail.into(),
        }
    }

    /// The planner accepts, and Helm or the chart refuses.
    fn refused(said: &str) -> Self {
        let last = said.lines().next_back().unwrap_or_default();
        let about = last.split_once("': ").map_or(last, |(_, about)| about);
        Self::new("the chart refuses what the planner accepts", about, said)
    }

    /// The planner refuses, and the chart renders.
    fn let_through(problem: &Problem) -> Self {
        let what = "the chart lets through what the planner refuses";
        Self::new(what, &problem.expected, problem.to_string())
    }

    /// Helm hands other values to the templates.
    fn of_values(key: &str, ours: &Value, theirs: &Value) -> Self {
        let about = format!("ours {}, Helm's {}", kind(ours), kind(theirs));
        let key = key.trim_start_matches('.');
        let about = if key.ends_with("<<") {
            "a merge key"
        } else {
            &about
        };
        let detail = format!("{key}: ours {ours}, Helm's {theirs}");
        Self::new("Helm merges otherwise", about, detail)
    }

    /// The chart renders something else than what the planner says.
    fn rendered(detail: String) -> Self {
        let about = detail
            .split(" planned")
            .next()
            .unwrap_or_default()
            .to_owned();
        Self::new("the chart renders otherwise than planned", &about, detail)
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

impl fmt::Display for Draw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, file) in self.files.iter().enumerate() {
            write!(f, "# file {n}\n{file}")?;
        }
        for (_, expression) in &self.sets {
            writeln!(f, "--set {expression:?}")?;
        }
        Ok(())
    }
}

/// What came of a draw.
pub(super) struct Verdict {
    /// Both accept it.
    pub(super) accepted: bool,
    /// Where they differ.
    pub(super) differences: Vec<Difference>,
}

/// Both sides.
pub(super) struct Judge {
    charts: Charts,
    defaults: Map<String, Value>,
}

/// What our side says.
enum Ours {
    Accepts(Box<Loaded>, Box<Plan>),
    Refuses(Vec<Problem>),
    CannotRead,
}

impl Judge {
    pub(super) fn new() -> Self {
        let text = std::fs::read_to_string(crate::common::chart().join("values.yaml"));
        let text = text.expect("values.yaml can be read");
        Self {
            charts: Charts::new(),
            defaults: read("values.yaml", &text).expect("values.yaml is YAML"),
        }
    }

    /// Judges a draw.
    pub(super) async fn judge(&self, draw: Draw) -> Verdict {
        let for_helm = self.for_helm(&draw);
        let theirs = self.charts.render(&draw, &for_helm).await;
        let ours = self.judged(&draw);
        let merged = self.merged(&draw, &for_helm, &theirs).await;
        let mut differences: Vec<_> = merged.into_iter().collect();
        let accepted = theirs.is_ok() && matches!(ours, Ours::Accepts(..));
        match (ours, theirs) {
            (Ours::Accepts(loaded, plan), Ok(rendered)) => {
                let found = rendered::disagreements(&loaded.values, &plan, &rendered.objects);
                differences.extend(found.into_iter().map(Difference::rendered));
            }
            (Ours::Accepts(..), Err(said)) => differences.push(Difference::refused(&said)),
            (Ours::Refuses(problems), Ok(_)) => {
                let silent = problems.iter().filter(|one| !lenient::may_pass(one));
                differences.extend(silent.map(Difference::let_through));
            }
            // What only one can read is a difference of values.
            (Ours::CannotRead, Ok(_)) | (Ours::Refuses(_) | Ours::CannotRead, Err(_)) => {}
        }
        Verdict {
            accepted,
            differences,
        }
    }

    /// Arguments for Helm. What the chart's defaults have as text is text for us without saying so; Helm must be told.
    fn for_helm(&self, draw: &Draw) -> Vec<String> {
        let is_text = |path: &[String]| {
            let (last, above) = path.split_last().expect("a key");
            let map = above
                .iter()
                .try_fold(&self.defaults, |at, key| at.get(key)?.as_object());
            map.and_then(|map| map.get(last))
                .is_some_and(Value::is_string)
        };
        let sets = draw.sets.iter().flat_map(|(path, expression)| {
            let null = expression.to_lowercase().ends_with("=null");
            let list = expression.contains("={");
            let text = is_text(path) && !null && !list;
            let verb = if text { "--set-string" } else { "--set" };
            [verb.to_owned(), expression.clone()]
        });
        sets.collect()
    }

    fn judged(&self, draw: &Draw) -> Ours {
        let loaded = layers(draw)
            .and_then(|layers| values::resolve(&self.defaults, layers, &expressions(draw)));
        match loaded {
            Ok(loaded) => match plan(&loaded.values) {
                Ok(plan) => Ours::Accepts(Box::new(loaded), Box::new(plan)),
                Err(problems) => Ours::Refuses(problems),
            },
            Err(ValuesError::Invalid(problems)) => Ours::Refuses(problems),
            Err(_) => Ours::CannotRead,
        }
    }

    /// Whether files and `--set` come out as Helm has them, and as templates see them.
    async fn merged(
        &self,
        draw: &Draw,
        sets: &[String],
        rendered: &Result<Rendered, String>,
    ) -> Option<Difference> {
        let ours = layers(draw)
            .and_then(|layers| values::coalesced(&self.defaults, layers, &expressions(draw)));
        let what = "Helm merges otherwise";
        let theirs = match (&ours, rendered) {
            (Ok(ours), Ok(rendered)) => {
                let ours = values::prepared(ours.clone(), &self.defaults);
                return first_difference("", &ours.into(), &rendered.values);
            }
            _ => self.charts.values(draw, sets).await,
        };
        match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => {
                first_difference("", &without_nulls(&ours.into()), &without_nulls(&theirs))
            }
            (Ok(_), Err(said)) => Some(Difference::new(what, &said, &*said)),
            (Err(error), Ok(_)) => {
                let reason = error.to_string();
                let about = reason.rsplit(": ").next().unwrap_or_default();
                Some(Difference::new(what, about, &*reason))
            }
            (Err(_), Err(_)) => None,
        }
    }
}

fn layers(draw: &Draw) -> Result<Vec<Layer>, ValuesError> {
    let numbered = draw.files.iter().enumerate();
    numbered
        .map(|(n, text)| Layer::parse(format!("{n}.yaml"), text))
        .collect()
}

fn read(name: &str, text: &str) -> Result<Map<String, Value>, ValuesError> {
    Ok(Layer::parse(name.to_owned(), text)?.values)
}

fn expressions(draw: &Draw) -> Vec<String> {
    draw.sets.iter().map(|(_, set)| set.clone()).collect()
}

/// Versions of Helm differ in which nulls they keep, and a null says as much as nothing.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|(_, value)| !value.is_null());
            kept.map(|(key, value)| (key.clone(), without_nulls(value)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        }
        other => other.clone(),
    }
}

fn first_difference(key: &str, ours: &Value, theirs: &Value) -> Option<Difference> {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            let mut keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
            keys.find_map(|name| {
                let of = |map: &serde_json::Map<String, Value>| {
                    map.get(name).cloned().unwrap_or_default()
                };
                let below = format!("{key}.{name}");
                first_difference(&below, &of(a), &of(b))
            })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let mut pairs = a.iter().zip(b).enumerate();
            pairs.find_map(|(n, (a, b))| first_difference(&format!("{key}[{n}]"), a, b))
        }
        (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64() => None,
        (a, b) if a == b => None,
        (a, b) => Some(Difference::of_values(key, a, b)),
    }
}
