//! The chart aztec-chaos, rendered: golden files for each of `ci/`, and what must hold for presets, too.

use crate::common::{documents, helm, source};
use aznet_model::chaos::{self, Experiment, Loaded};
use aznet_model::values::Layer;
use aznet_network::deploy::helm::Release;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

const NAMESPACE: &str = "aznet-test";

fn chart() -> PathBuf {
    source().join("helm-charts/aztec-chaos")
}

fn files(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(chart().join(folder)).expect("the folder can be read");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("the folder can be read").path())
        .collect();
    files.sort();
    files
}

fn values(file: &Path) -> Map<String, Value> {
    let text = std::fs::read_to_string(file).expect("the file can be read");
    let layer = Layer::parse(file.display().to_string(), &text);
    layer.expect("YAML").values
}

fn load(file: &Path) -> Loaded {
    let layer = Layer {
        origin: file.display().to_string(),
        values: values(file),
    };
    let defaults = values(&chart().join("values.yaml"));
    chaos::resolve(&defaults, vec![layer], &[])
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

async fn render(overlay: &Map<String, Value>) -> Result<String, String> {
    let chart = chart();
    let release = Release {
        name: "test",
        namespace: NAMESPACE,
        chart: &chart,
        overlay,
    };
    let rendered = helm().render(&release, &CancellationToken::new()).await;
    rendered.map_err(|error| error.to_string())
}

#[tokio::test]
async fn each_fault_renders_as_before() {
    for file in files("ci") {
        let text = render(&load(&file).overlay).await.expect("it renders");
        let name = file.file_stem().expect("a file name").to_string_lossy();
        insta::assert_snapshot!(format!("chaos-{name}"), text);
    }
}

#[tokio::test]
async fn lint_is_content_with_each_fault_and_preset() {
    for file in files("ci").iter().chain(&files("presets")) {
        let overlay = load(file).overlay;
        let report = helm()
            .lint(&chart(), &overlay, &CancellationToken::new())
            .await;
        report.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
}

#[tokio::test]
async fn the_chart_makes_the_experiments_that_the_types_know_and_stays_in_its_namespace() {
    for file in files("ci").iter().chain(&files("presets")) {
        let loaded = load(file);
        let objects = documents(&render(&loaded.overlay).await.expect("it renders"));
        let known = loaded.experiments.iter();
        let of_mesh = known.filter(|(_, experiment)| !experiment.needs_aznet());
        let known: BTreeSet<_> = of_mesh
            .map(|(name, experiment)| {
                let kind = experiment.fault().and_then(|fault| fault.kind());
                (
                    kind.expect("a kind of Chaos Mesh").to_owned(),
                    name.clone(),
                    experiment.duration.to_string(),
                )
            })
            .collect();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (maps, objects): (Vec<Value>, Vec<Value>) = objects
            .into_iter()
            .partition(|object| object["kind"] == "ConfigMap");
        let made = objects.iter().map(|object| {
            let name = &object["metadata"]["name"];
            (
                text(&object["kind"]),
                text(name),
                text(&object["spec"]["duration"]),
            )
        });
        assert_eq!(made.collect::<BTreeSet<_>>(), known, "{}", file.display());
        let noted = maps.iter().flat_map(|map| {
            let noted = map["data"]["experiments"].as_str().expect("experiments");
            let noted: BTreeMap<String, Experiment> = serde_json::from_str(noted).expect("typed");
            noted
        });
        let left = loaded.experiments.iter();
        let left = left.filter(|(_, experiment)| experiment.needs_aznet());
        let left: BTreeMap<_, _> = left
            .map(|(name, one)| (name.clone(), one.clone()))
            .collect();
        assert_eq!(
            noted.collect::<BTreeMap<_, _>>(),
            left,
            "{}",
            file.display()
        );
        for object in &objects {
            assert!(object["metadata"].get("namespace").is_none(), "{object}");
            for pods in [&object["spec"], &object["spec"]["target"]] {
                if pods.is_object() {
                    let selector = &pods["selector"];
                    assert_eq!(selector["namespaces"], serde_json::json!([NAMESPACE]));
                    let name = &selector["labelSelectors"]["app.kubernetes.io/name"];
                    assert_eq!(name, "aztec-network", "{object}");
                }
            }
        }
    }
}

#[tokio::test]
async fn plain_helm_refuses_what_the_types_refuse() {
    let experiment = |yaml: &str| {
        let text = format!("experiments: {{x: {yaml}}}");
        Layer::parse("test".to_owned(), &text).expect("YAML").values
    };
    for (yaml, words) in [
        (
            "{pods: {}, duration: 30s}",
            "expected one of pod, network, stress, protocol, l1",
        ),
        ("{pods: {}, pod: {action: kill}}", "duration"),
        ("{pods: {}, duration: -3s, pod: {action: kill}}", "duration"),
        (
            "{pods: {}, duration: 30s, network: {action: loss, percent: 5, direction: both}}",
            "needs a target",
        ),
        (
            "{pods: {namespaces: [kube-system]}, duration: 30s, pod: {action: kill}}",
            "namespaces",
        ),
    ] {
        let error = render(&experiment(yaml)).await.expect_err(yaml);
        assert!(error.contains(words), "{yaml}: {error}");
    }
}
