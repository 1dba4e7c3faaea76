//! From files and `--set` to [`Values`].

use super::check::Problem;
use super::{Values, check, merge, set};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// Which values to load.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Root of the source tree: holds `helm-charts/aztec-network` and `networks`.
    pub source: &'a Path,
    /// Name of an overlay in `networks/`; `None`: the chart's defaults.
    pub network: Option<&'a str>,
    /// What the place where it runs implies, such as image names; weaker than the user's files.
    pub implied: Option<&'a Value>,
    /// The user's values files, the last one strongest.
    pub files: &'a [PathBuf],
    /// `--set` expressions, stronger than any file.
    pub sets: &'a [String],
}

/// Loaded and typed values.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// Everything, defaults included.
    pub values: Values,
    /// What was laid over the chart's defaults: to be handed to Helm as its one values file.
    pub overlay: Map<String, Value>,
}

/// Values that can't be used; every variant is the user's to mend (exit code 3).
#[derive(Debug, thiserror::Error)]
pub enum ValuesError {
    /// No overlay of this name.
    #[error("no network `{name}` in {}{}: there {}", folder.display(), hint(nearest.as_deref()), list(known))]
    UnknownNetwork {
        /// The name asked for.
        name: String,
        /// Where it was looked for.
        folder: PathBuf,
        /// The known name that is most like it.
        nearest: Option<String>,
        /// All known names.
        known: Vec<String>,
    },
    /// A file that can't be read.
    #[error("reading values from {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file that is no YAML.
    #[error("{}:{line}:{column}: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, from 1; 0 where the parser knows none.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What the parser says.
        reason: String,
    },
    /// A file that holds something else than keys and values.
    #[error("{}: expected keys and values, found {seen}", path.display())]
    NotAMap {
        /// The file.
        path: PathBuf,
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

fn hint(nearest: Option<&str>) -> String {
    nearest
        .map(|name| format!(" (did you mean `{name}`?)"))
        .unwrap_or_default()
}

fn list(known: &[String]) -> String {
    if known.is_empty() {
        "are none".to_owned()
    } else {
        format!("are {}", known.join(", "))
    }
}

fn lines(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

/// A layer of values and where it came from.
struct Layer {
    origin: String,
    values: Map<String, Value>,
}

/// Loads chart defaults ⊕ `networks/<name>.yaml` ⊕ implied ⊕ files ⊕ `--set`, with Helm's rules.
///
/// # Errors
/// [`ValuesError`]; unknown keys and wrong types are all reported at once.
pub fn load(request: &Request<'_>) -> Result<Loaded, ValuesError> {
    let mut merged = read(&chart(request.source).join("values.yaml"))?;
    let mut layers = layers(request)?;
    let mut overlay = Map::new();
    for layer in &layers {
        merge::overlay(&mut overlay, layer.values.clone());
    }
    let mut set_values = Map::new();
    for expression in request.sets {
        let refused = |reason| ValuesError::Set {
            expression: expression.clone(),
            reason,
        };
        // Into the files' values, so that an index reaches into their lists; apart as well, to tell where a value is from.
        set::apply(&mut overlay, expression).map_err(refused)?;
        set::apply(&mut set_values, expression).map_err(refused)?;
    }
    set::keep_text(&merged, &set_values, &mut overlay);
    layers.push(Layer {
        origin: "--set".to_owned(),
        values: set_values,
    });
    merge::coalesce(&mut merged, &overlay);
    let values = typed(merged, |key| origin(&layers, key))?;
    Ok(Loaded { values, overlay })
}

/// The folder of the chart in a source tree.
pub(crate) fn chart(source: &Path) -> PathBuf {
    source.join("helm-charts/aztec-network")
}

fn layers(request: &Request<'_>) -> Result<Vec<Layer>, ValuesError> {
    let mut layers = Vec::new();
    if let Some(name) = request.network {
        let path = overlay_path(request.source, name)?;
        layers.push(Layer {
            origin: path.display().to_string(),
            values: read(&path)?,
        });
    }
    if let Some(Value::Object(values)) = request.implied {
        layers.push(Layer {
            origin: "the cluster".to_owned(),
            values: values.clone(),
        });
    }
    for path in request.files {
        layers.push(Layer {
            origin: path.display().to_string(),
            values: read(path)?,
        });
    }
    Ok(layers)
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

fn typed(
    merged: Map<String, Value>,
    origin: impl Fn(&[String]) -> Option<String>,
) -> Result<Values, ValuesError> {
    let merged = Value::Object(merged);
    let problems = check::against_schema(&merged, origin);
    if !problems.is_empty() {
        return Err(ValuesError::Invalid(problems));
    }
    serde_path_to_error::deserialize(merged)
        .map_err(|error| ValuesError::Invalid(vec![check::Problem::wrong_type(&error)]))
}

/// Names of the overlays in `networks/`, sorted.
///
/// # Errors
/// [`ValuesError::Read`] when the folder can't be read.
pub fn known_networks(source: &Path) -> Result<Vec<String>, ValuesError> {
    let folder = source.join("networks");
    let unreadable = |source| ValuesError::Read {
        path: folder.clone(),
        source,
    };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            names.extend(
                path.file_stem()
                    .map(|stem| stem.to_string_lossy().into_owned()),
            );
        }
    }
    names.sort();
    Ok(names)
}

fn overlay_path(source: &Path, name: &str) -> Result<PathBuf, ValuesError> {
    let known = known_networks(source)?;
    let folder = source.join("networks");
    if known.iter().any(|known| known == name) {
        return Ok(folder.join(format!("{name}.yaml")));
    }
    let nearest = check::nearest(name, known.iter().map(String::as_str)).map(ToOwned::to_owned);
    Err(ValuesError::UnknownNetwork {
        name: name.to_owned(),
        folder,
        nearest,
        known,
    })
}

fn read(path: &Path) -> Result<Map<String, Value>, ValuesError> {
    let text = std::fs::read_to_string(path).map_err(|source| ValuesError::Read {
        path: path.to_owned(),
        source,
    })?;
    parse(&text, path)
}

fn parse(text: &str, path: &Path) -> Result<Map<String, Value>, ValuesError> {
    let broken = |error: serde_norway::Error| {
        let at = error.location();
        ValuesError::Syntax {
            path: path.to_owned(),
            line: at.as_ref().map_or(0, serde_norway::Location::line),
            column: at.as_ref().map_or(0, serde_norway::Location::column),
            reason: error.to_string(),
        }
    };
    // A JSON map would take a key given twice in silence; YAML's own does not.
    serde_norway::from_str::<serde_norway::Value>(text).map_err(broken)?;
    let parsed: Value = serde_norway::from_str(text).map_err(broken)?;
    let seen = match parsed {
        Value::Object(map) => return Ok(map),
        Value::Null => return Ok(Map::new()),
        Value::Array(_) => "a list",
        _ => "a single value",
    };
    Err(ValuesError::NotAMap {
        path: path.to_owned(),
        seen,
    })
}
