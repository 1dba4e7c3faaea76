//! What the tests of values, plan and chart share.

use aznet_model::values::Loaded;
use aznet_model::yaml;
use aznet_network::deploy::helm::{Helm, HelmError, Release};
use aznet_network::load::{self, Base, LoadError, Request};
use serde_json::Value;
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

/// Root of the source tree.
pub(crate) fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .expect("the source tree exists")
}

/// The chart's folder.
pub(crate) fn chart() -> PathBuf {
    source().join("helm-charts/aztec-network")
}

/// The chart's values with a file and `--set` expressions over them.
pub(crate) fn load(files: &[PathBuf], sets: &[&str]) -> Result<Loaded, LoadError> {
    let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
    let source = source();
    load::load(&Request {
        source: &source,
        base: Base::Chart,
        implied: None,
        files,
        sets: &sets,
    })
}

/// The template of the pods that an object makes, if it makes some.
pub(crate) fn pod_template(object: &Value) -> Option<&Value> {
    let places = ["/spec/template", "/spec/jobTemplate/spec/template"];
    places.into_iter().find_map(|place| object.pointer(place))
}

/// Helm.
pub(crate) fn helm() -> Helm {
    Helm::new(program("helm"))
}

/// A program in the folder `AZNET_TOOLS`, else of the built toolchain, else in the search path.
pub(crate) fn program(name: &str) -> PathBuf {
    let named = std::env::var_os("AZNET_TOOLS").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = named.into_iter().chain(toolchain()).collect();
    folders.extend(std::env::split_paths(&path));
    let mut programs = folders.into_iter().map(|folder| folder.join(name));
    programs.find(|program| program.is_file()).unwrap_or_else(|| {
        panic!("no {name}: run `cargo xtask test`, which builds it, or name its folder in AZNET_TOOLS")
    })
}

/// Folders with the programs of the built toolchain, the newest first.
fn toolchain() -> Vec<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    let cache = variable("AZNET_CACHE")
        .or_else(|| variable("XDG_CACHE_HOME").map(|path| path.join("aznet")))
        .or_else(|| variable("HOME").map(|path| path.join(".cache/aznet")));
    let groups = cache.and_then(|cache| std::fs::read_dir(cache.join("toolchain")).ok());
    let mut folders: Vec<PathBuf> = groups
        .into_iter()
        .flatten()
        .flatten()
        .map(|group| group.path().join("bin"))
        .collect();
    folders.sort_by_key(|folder| folder.metadata().and_then(|about| about.modified()).ok());
    folders.reverse();
    folders
}

/// Renders loaded values.
pub(crate) async fn render(loaded: &Loaded) -> Vec<Value> {
    documents(&try_render(loaded).await.expect("the chart renders"))
}

/// What helm makes of the chart, or says against it.
pub(crate) async fn try_render(loaded: &Loaded) -> Result<String, HelmError> {
    let chart = chart();
    let release = Release {
        name: "test",
        namespace: "aznet-test",
        chart: &chart,
        overlay: &loaded.overlay,
    };
    helm().render(&release, &CancellationToken::new()).await
}

/// Objects of a rendered chart.
pub(crate) fn documents(text: &str) -> Vec<Value> {
    let documents = yaml::read_all(text)
        .expect("the chart renders YAML")
        .into_iter();
    documents.filter(|document| !document.is_null()).collect()
}

/// The object of this kind and name.
pub(crate) fn object<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let is_it = |object: &&Value| object["kind"] == kind && object["metadata"]["name"] == name;
    objects
        .iter()
        .find(is_it)
        .unwrap_or_else(|| panic!("no {kind} {name} in the rendered chart"))
}
