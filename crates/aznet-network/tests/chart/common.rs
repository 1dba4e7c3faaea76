//! What the tests of values, plan and chart share.

use aznet_network::helm::{Helm, Release};
use aznet_network::values::{self, Loaded, Request};
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
pub(crate) fn load(files: &[PathBuf], sets: &[&str]) -> Result<Loaded, values::ValuesError> {
    let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
    let source = source();
    values::load(&Request {
        source: &source,
        network: None,
        implied: None,
        files,
        sets: &sets,
    })
}

/// Helm as named by `AZNET_HELM`, else as found in the search path, else the toolchain's.
pub(crate) fn helm() -> Helm {
    let named = std::env::var_os("AZNET_HELM").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = || {
        std::env::split_paths(&path)
            .map(|folder| folder.join("helm"))
            .find(|program| program.is_file())
    };
    let helm = named.or_else(found).or_else(toolchain_helm);
    Helm::new(helm.expect(
        "these tests render the chart with Helm: name it in AZNET_HELM, or put it into PATH",
    ))
}

fn toolchain_helm() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    let cache = variable("AZNET_CACHE")
        .or_else(|| variable("XDG_CACHE_HOME").map(|path| path.join("aznet")))
        .or_else(|| variable("HOME").map(|path| path.join(".cache/aznet")))?;
    let groups = std::fs::read_dir(cache.join("toolchain")).ok()?;
    groups
        .flatten()
        .map(|group| group.path().join("bin/helm"))
        .find(|program| program.is_file())
}

/// Renders loaded values.
pub(crate) async fn render(loaded: &Loaded) -> Vec<Value> {
    let chart = chart();
    let release = Release {
        name: "test",
        namespace: "aznet-test",
        chart: &chart,
        overlay: &loaded.overlay,
    };
    let text = helm()
        .render(&release, &CancellationToken::new())
        .await
        .expect("the chart renders");
    documents(&text)
}

/// Objects of a rendered chart.
pub(crate) fn documents(text: &str) -> Vec<Value> {
    use serde::Deserialize;
    serde_norway::Deserializer::from_str(text)
        .map(|document| Value::deserialize(document).expect("the chart renders YAML"))
        .filter(|document| !document.is_null())
        .collect()
}

/// The object of this kind and name.
pub(crate) fn object<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let is_it = |object: &&Value| object["kind"] == kind && object["metadata"]["name"] == name;
    objects
        .iter()
        .find(is_it)
        .unwrap_or_else(|| panic!("no {kind} {name} in the rendered chart"))
}
