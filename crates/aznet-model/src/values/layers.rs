//! From layers of values and `--set` to [`Values`].

use super::check::Problem;
use super::{Values, always, check, merge, schema, set};
use crate::yaml::{self, YamlError};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Loaded and typed values.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// Everything, defaults included.
    pub values: Values,
    /// What was laid over the chart's defaults: to be handed to Helm as its one values file.
    pub overlay: Map<String, Value>,
    /// The same with the chart's defaults, as Helm hands it to the chart.
    pub coalesced: Map<String, Value>,
}

/// Values that can't be used; every variant is the user's to mend (exit code 3).
#[derive(Debug, thiserror::Error)]
pub enum ValuesError {
    /// A file that is no YAML.
    #[error("{origin}:{line}:{column}: {reason}")]
    Syntax {
        /// The file.
        origin: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What the parser says.
        reason: String,
    },
    /// A file that holds something else than keys and values.
    #[error("{origin}: expected keys and values, found {seen}")]
    NotAMap {
        /// The file.
        origin: String,
        /// What it holds.
        seen: &'static str,
    },
    /// A `--set` that can't be understood.
    #[error("--set {expression}: {reason}")]
    Set {
        /// As given.
        expression: String,
        /// What is wrong.
        reason: String,
    },
    /// Unknown keys and wrong types.
    #[error("{}", lines(.0))]
    Invalid(Vec<Problem>),
}

fn lines(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

/// A layer of values and where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// The file, or what else says it.
    pub origin: String,
    /// What it says.
    pub values: Map<String, Value>,
}

impl Layer {
    /// Reads the text of a values file.
    ///
    /// # Errors
    /// [`ValuesError::Syntax`], [`ValuesError::NotAMap`].
    pub fn parse(origin: String, text: &str) -> Result<Self, ValuesError> {
        let broken = |error: YamlError| ValuesError::Syntax {
            origin: origin.clone(),
            line: error.line,
            column: error.column,
            reason: error.reason,
        };
        let parsed = yaml::read(text).map_err(broken)?;
        let seen = match parsed {
            Value::Object(values) => return Ok(Self { origin, values }),
            Value::Null => {
                let values = Map::new();
                return Ok(Self { origin, values });
            }
            Value::Array(_) => "a list",
            _ => "a single value",
        };
        Err(ValuesError::NotAMap { origin, seen })
    }
}

/// Lays `layers`, the last one strongest, and `--set` expressions over the chart's defaults, with Helm's rules.
///
/// # Errors
/// [`ValuesError`]; unknown keys and wrong types are all reported at once.
pub fn resolve(
    defaults: &Map<String, Value>,
    layers: Vec<Layer>,
    sets: &[String],
) -> Result<Loaded, ValuesError> {
    let laid = Laid::of(defaults, layers, sets)?.checked(&schema::schema_value())?;
    Ok(Loaded {
        values: read(prepared(laid.merged.clone(), defaults))?,
        overlay: laid.overlay,
        coalesced: laid.merged,
    })
}

/// The same of another chart: its values, and what was laid over its defaults.
///
/// # Errors
/// [`ValuesError`].
pub(crate) fn typed<T: DeserializeOwned + JsonSchema>(
    defaults: &Map<String, Value>,
    layers: Vec<Layer>,
    sets: &[String],
) -> Result<(T, Map<String, Value>), ValuesError> {
    let schema = schema::users(schema::complete_of::<T>());
    let laid = Laid::of(defaults, layers, sets)?.checked(&schema)?;
    Ok((read(merge::without_nulls(laid.merged))?, laid.overlay))
}

fn read<T: DeserializeOwned>(values: Map<String, Value>) -> Result<T, ValuesError> {
    serde_path_to_error::deserialize(Value::Object(values))
        .map_err(|error| ValuesError::Invalid(vec![Problem::wrong_type(&error)]))
}

/// All values as Helm hands them to the chart, before anything is checked.
///
/// # Errors
/// [`ValuesError::Set`].
pub fn coalesced(
    defaults: &Map<String, Value>,
    layers: Vec<Layer>,
    sets: &[String],
) -> Result<Map<String, Value>, ValuesError> {
    Ok(Laid::of(defaults, layers, sets)?.merged)
}

/// Coalesced values as the chart's templates see them: without nulls, and with what is always there.
pub fn prepared(
    coalesced: Map<String, Value>,
    defaults: &Map<String, Value>,
) -> Map<String, Value> {
    let mut values = merge::without_nulls(coalesced);
    always::fill(&mut values, &always::always(&schema::complete(), defaults));
    values
}

/// Layers of values, laid over each other.
struct Laid {
    layers: Vec<Layer>,
    overlay: Map<String, Value>,
    merged: Map<String, Value>,
}

impl Laid {
    /// The same, if the schema allows all of it.
    fn checked(self, schema: &Value) -> Result<Self, ValuesError> {
        let origin = |key: &[String]| origin(&self.layers, key);
        let problems = check::against_schema(&self.merged, schema, origin);
        if problems.is_empty() {
            return Ok(self);
        }
        Err(ValuesError::Invalid(problems))
    }

    fn of(
        defaults: &Map<String, Value>,
        mut layers: Vec<Layer>,
        sets: &[String],
    ) -> Result<Self, ValuesError> {
        let mut overlay = Map::new();
        for layer in &layers {
            merge::overlay(&mut overlay, layer.values.clone());
        }
        let mut set_values = Map::new();
        for expression in sets {
            let refused = |reason| ValuesError::Set {
                expression: expression.clone(),
                reason,
            };
            // Into the files' values, so that an index reaches into their lists; apart as well, to tell where a value is from.
            set::apply(&mut overlay, expression, defaults).map_err(refused)?;
            set::apply(&mut set_values, expression, defaults).map_err(refused)?;
        }
        layers.push(Layer {
            origin: "--set".to_owned(),
            values: set_values,
        });
        Ok(Self {
            layers,
            merged: merge::coalesce(defaults.clone(), overlay.clone()),
            overlay,
        })
    }
}

/// The strongest layer that says something about this key.
fn origin(layers: &[Layer], key: &[String]) -> Option<String> {
    let says = |layer: &&Layer| {
        let mut at = Some(&layer.values);
        key.iter().enumerate().all(|(depth, part)| {
            let value = at.and_then(|map| map.get(part));
            at = value.and_then(Value::as_object);
            value.is_some() || (depth > 0 && at.is_none() && part.parse::<usize>().is_ok())
        })
    };
    layers
        .iter()
        .rev()
        .find(says)
        .map(|layer| layer.origin.clone())
}
