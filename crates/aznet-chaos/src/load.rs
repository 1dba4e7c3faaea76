//! From a preset's name and files to typed experiments.

use std::path::{Path, PathBuf};

use aznet_model::chaos::{self, Loaded};
use aznet_model::values::{Layer, ValuesError, nearest};

/// Where experiments come from.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The chart's folder.
    pub chart: &'a Path,
    /// A preset, by name.
    pub preset: Option<&'a str>,
    /// Values that are in no file, stronger than the preset.
    pub inline: &'a [Layer],
    /// Values files, the last one strongest.
    pub files: &'a [PathBuf],
    /// `--set` expressions, stronger than any file.
    pub sets: &'a [String],
}

/// Experiments that can't be had or used; every variant is the user's to mend (exit code 3).
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// No preset of this name.
    #[error("no preset `{name}`{}: there are {}", near.as_deref().map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default(), known.join(", "))]
    UnknownPreset {
        /// The name asked for.
        name: String,
        /// The known name that is most like it.
        near: Option<String>,
        /// All known names.
        known: Vec<String>,
    },
    /// Neither a preset nor a file says anything.
    #[error("no experiment is given: name a preset or a values file; presets are {}", known.join(", "))]
    Nothing {
        /// The presets.
        known: Vec<String>,
    },
    /// A file that can't be read.
    #[error("reading experiments from {}", path.display())]
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

/// Loads chart defaults ⊕ preset ⊕ inline ⊕ files ⊕ `--set`, with Helm's rules.
///
/// # Errors
/// [`LoadError`]; all problems are reported at once.
pub fn load(request: &Request<'_>) -> Result<Loaded, LoadError> {
    let defaults = read(&request.chart.join("values.yaml"))?.values;
    let mut layers = Vec::new();
    if let Some(name) = request.preset {
        layers.push(preset(request.chart, name)?);
    }
    layers.extend_from_slice(request.inline);
    for file in request.files {
        layers.push(read(file)?);
    }
    let loaded = chaos::resolve(&defaults, layers, request.sets)?;
    if loaded.experiments.is_empty() {
        let known = presets(request.chart)?;
        return Err(LoadError::Nothing { known });
    }
    Ok(loaded)
}

/// Names of the presets, sorted.
///
/// # Errors
/// [`LoadError::Read`].
pub fn presets(chart: &Path) -> Result<Vec<String>, LoadError> {
    let folder = chart.join("presets");
    let unreadable = |source| LoadError::Read {
        path: folder.clone(),
        source,
    };
    let entries = std::fs::read_dir(&folder).map_err(unreadable)?;
    let paths: Vec<PathBuf> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(unreadable)?;
    let stems = paths.iter().filter_map(|path| path.file_stem());
    let mut names: Vec<String> = stems
        .map(|stem| stem.to_string_lossy().into_owned())
        .collect();
    names.sort();
    Ok(names)
}

fn preset(chart: &Path, name: &str) -> Result<Layer, LoadError> {
    let known = presets(chart)?;
    if known.iter().any(|known| known == name) {
        return read(&chart.join("presets").join(format!("{name}.yaml")));
    }
    Err(LoadError::UnknownPreset {
        near: nearest(name, known.iter().map(String::as_str)).map(str::to_owned),
        name: name.to_owned(),
        known,
    })
}

fn read(path: &Path) -> Result<Layer, LoadError> {
    let text = std::fs::read_to_string(path).map_err(|source| LoadError::Read {
        path: path.to_owned(),
        source,
    })?;
    Ok(Layer::parse(path.display().to_string(), &text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request<'a>(chart: &'a Path, preset: Option<&'a str>) -> Request<'a> {
        Request {
            chart,
            preset,
            inline: &[],
            files: &[],
            sets: &[],
        }
    }

    #[test]
    fn every_preset_is_valid_and_is_told_from_others() {
        let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../helm-charts/aztec-chaos");
        let known = presets(&chart).expect("presets");
        assert!(known.iter().any(|name| name == "boot-node-failure"));
        for name in &known {
            let loaded = load(&request(&chart, Some(name)));
            loaded.unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        let error = load(&request(&chart, Some("bootnode-failure"))).expect_err("unknown");
        let words = error.to_string();
        assert!(
            words.contains("did you mean `boot-node-failure`?"),
            "{words}"
        );
        let nothing = load(&request(&chart, None));
        assert!(matches!(nothing, Err(LoadError::Nothing { .. })));
    }
}
