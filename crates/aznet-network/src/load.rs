//! Values from files: the chart's, those of `networks/`, the user's.

use std::path::{Path, PathBuf};

use aznet_model::values::{self, Layer, Loaded, ValuesError};
use serde_json::{Map, Value};

/// Which values to load.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Root of the source tree: holds `helm-charts/aztec-network` and `networks`.
    pub source: &'a Path,
    /// What is laid over the chart's defaults first.
    pub base: Base<'a>,
    /// What the place where it runs implies, such as image names; weaker than the user's files.
    pub implied: Option<&'a Value>,
    /// The user's values files, the last one strongest.
    pub files: &'a [PathBuf],
    /// `--set` expressions, stronger than any file.
    pub sets: &'a [String],
}

/// What values are laid over.
#[derive(Debug, Clone, Copy)]
pub enum Base<'a> {
    /// The chart's defaults alone.
    Chart,
    /// An overlay in `networks/`, by name.
    Network(&'a str),
    /// What a release was given.
    Release(&'a Map<String, Value>),
}

/// Values that can't be had or used; every variant is the user's to mend (exit code 3).
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
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
    /// A values file where a network's name is expected.
    #[error("`{name}` is a values file, not the name of a network: use `-f {name}`")]
    FileAsNetwork {
        /// What was given.
        name: String,
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
    /// What the files or `--set` say is wrong.
    #[error(transparent)]
    Values(#[from] ValuesError),
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

/// Loads chart defaults ⊕ base ⊕ implied ⊕ files ⊕ `--set`, with Helm's rules.
///
/// # Errors
/// [`LoadError`]; unknown keys and wrong types are all reported at once.
pub fn load(request: &Request<'_>) -> Result<Loaded, LoadError> {
    let defaults = defaults(request.source)?;
    Ok(values::resolve(&defaults, layers(request)?, request.sets)?)
}

/// The chart's defaults, and the overlay in `networks/` of this name.
///
/// # Errors
/// [`LoadError`].
pub fn of_network(source: &Path, name: &str) -> Result<(Map<String, Value>, Layer), LoadError> {
    Ok((defaults(source)?, read(&overlay_path(source, name)?)?))
}

fn defaults(source: &Path) -> Result<Map<String, Value>, LoadError> {
    let chart = source.join("helm-charts/aztec-network");
    Ok(read(&chart.join("values.yaml"))?.values)
}

fn layers(request: &Request<'_>) -> Result<Vec<Layer>, LoadError> {
    let mut layers = Vec::new();
    match request.base {
        Base::Chart => {}
        Base::Network(name) => layers.push(read(&overlay_path(request.source, name)?)?),
        Base::Release(values) => layers.push(Layer {
            origin: "the running network".to_owned(),
            values: values.clone(),
        }),
    }
    if let Some(Value::Object(values)) = request.implied {
        layers.push(Layer {
            origin: "the cluster".to_owned(),
            values: values.clone(),
        });
    }
    for path in request.files {
        layers.push(read(path)?);
    }
    Ok(layers)
}

fn read(path: &Path) -> Result<Layer, LoadError> {
    let text = std::fs::read_to_string(path).map_err(|source| LoadError::Read {
        path: path.to_owned(),
        source,
    })?;
    Ok(Layer::parse(path.display().to_string(), &text)?)
}

/// Names of the overlays in `networks/`, sorted.
///
/// # Errors
/// [`LoadError::Read`] when the folder can't be read.
pub fn known_networks(source: &Path) -> Result<Vec<String>, LoadError> {
    let folder = source.join("networks");
    let unreadable = |source| LoadError::Read {
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

fn overlay_path(source: &Path, name: &str) -> Result<PathBuf, LoadError> {
    let known = known_networks(source)?;
    let folder = source.join("networks");
    if known.iter().any(|known| known == name) {
        return Ok(folder.join(format!("{name}.yaml")));
    }
    let file = Path::new(name);
    let yaml = |extension: &std::ffi::OsStr| extension == "yaml" || extension == "yml";
    if file.extension().is_some_and(yaml) || file.is_file() {
        return Err(LoadError::FileAsNetwork {
            name: name.to_owned(),
        });
    }
    let nearest = values::nearest(name, known.iter().map(String::as_str)).map(ToOwned::to_owned);
    Err(LoadError::UnknownNetwork {
        name: name.to_owned(),
        folder,
        nearest,
        known,
    })
}
