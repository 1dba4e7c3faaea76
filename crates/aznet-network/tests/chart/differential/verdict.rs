//! One draw, judged by both.

use super::draw::Draw;
use super::helm::Charts;
use super::{lenient, rendered};
use aznet_model::plan::{Plan, plan};
use aznet_model::values::{self, Layer, Loaded, Problem, ValuesError};
use serde_json::{Map, Value};
use std::fmt;

/// Where the two differ.
#[derive(Debug, Clone)]
pub(super) enum Difference {
    /// The planner accepts, and Helm or the chart refuses.
    ChartRefuses(String),
    /// The planner refuses, and the chart renders.
    ChartLetsThrough(String),
    /// Helm hands other values to the templates.
    Values(String),
    /// The chart renders something else than what the planner says.
    Renders(String),
}

impl Difference {
    /// What it is about, without the values of this draw.
    pub(super) fn kind(&self) -> String {
        let (what, text) = match self {
            Self::ChartRefuses(text) => ("the chart refuses what the planner accepts", text),
            Self::ChartLetsThrough(text) => {
                ("the chart lets through what the planner refuses", text)
            }
            Self::Values(text) => ("Helm merges otherwise", text),
            Self::Renders(text) => ("the chart renders otherwise than planned", text),
        };
        let last = text.lines().next_back().unwrap_or_default();
        let known = |c: char| if c.is_ascii_digit() { '0' } else { c };
        let about: String = last.chars().map(known).take(90).collect();
        format!("{what}: {about}")
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::ChartRefuses(text)
        | Self::ChartLetsThrough(text)
        | Self::Values(text)
        | Self::Renders(text)) = self;
        f.write_str(text)
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
    CannotRead(ValuesError),
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
        let values = match &theirs {
            Ok(rendered) => Ok(rendered.values.clone()),
            Err(_) => self.charts.values(&draw, &for_helm).await,
        };
        let mut differences = self.merged(&draw, values);
        let accepted = theirs.is_ok() && matches!(ours, Ours::Accepts(..));
        match (ours, theirs) {
            (Ours::Accepts(loaded, plan), Ok(rendered)) => {
                let found = rendered::disagreements(&loaded.values, &plan, &rendered.objects);
                differences.extend(found.into_iter().map(Difference::Renders));
            }
            (Ours::Accepts(..), Err(said)) => differences.push(Difference::ChartRefuses(said)),
            (Ours::Refuses(problems), Ok(_)) => {
                let silent = problems.iter().filter(|one| !lenient::may_pass(one));
                let silent = silent.map(|one| Difference::ChartLetsThrough(one.to_string()));
                differences.extend(silent);
            }
            (Ours::CannotRead(error), Ok(_)) => {
                differences.push(Difference::ChartLetsThrough(error.to_string()));
            }
            (Ours::Refuses(_) | Ours::CannotRead(_), Err(_)) => {}
        }
        Verdict {
            accepted,
            differences,
        }
    }

    fn judged(&self, draw: &Draw) -> Ours {
        let loaded = layers(draw)
            .and_then(|layers| values::resolve(self.defaults.clone(), layers, &expressions(draw)));
        match loaded {
            Ok(loaded) => match plan(&loaded.values) {
                Ok(plan) => Ours::Accepts(Box::new(loaded), Box::new(plan)),
                Err(problems) => Ours::Refuses(problems),
            },
            Err(ValuesError::Invalid(problems)) => Ours::Refuses(problems),
            Err(error) => Ours::CannotRead(error),
        }
    }

    /// Whether files and `--set` come out as Helm has them.
    fn merged(&self, draw: &Draw, theirs: Result<Value, String>) -> Vec<Difference> {
        let ours = layers(draw)
            .and_then(|layers| values::coalesced(self.defaults.clone(), layers, &expressions(draw)))
            .map(Value::Object);
        let difference = match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => {
                first_difference("", &without_nulls(&ours), &without_nulls(&theirs))
            }
            (Ok(_), Err(said)) => Some(format!("Helm can't read it:\n{said}")),
            (Err(error), Ok(_)) => Some(format!("we can't read it:\n{error}")),
            (Err(_), Err(_)) => None,
        };
        difference.map(Difference::Values).into_iter().collect()
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
        let looks_like_null = |expression: &str| expression.to_lowercase().ends_with("=null");
        let sets = draw.sets.iter().flat_map(|(path, expression)| {
            let verb = if is_text(path) && !looks_like_null(expression) {
                "--set-string"
            } else {
                "--set"
            };
            [verb.to_owned(), expression.clone()]
        });
        sets.collect()
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

fn first_difference(key: &str, ours: &Value, theirs: &Value) -> Option<String> {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
            keys.filter_map(|name| {
                let of = |map: &serde_json::Map<String, Value>| {
                    map.get(name).cloned().unwrap_or_default()
                };
                let below = format!("{key}.{name}");
                first_difference(&below, &of(a), &of(b))
            })
            .next()
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let pairs = a.iter().zip(b).enumerate();
            pairs
                .filter_map(|(n, (a, b))| first_difference(&format!("{key}[{n}]"), a, b))
                .next()
        }
        (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64() => None,
        (a, b) if a == b => None,
        (a, b) => Some(format!(
            "{}: ours {a}, Helm's {b}",
            key.trim_start_matches('.')
        )),
    }
}
