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
        let steps: BTreeSet<&String> = loaded
            .sequences
            .values()
            .flat_map(|one| &one.steps)
            .collect();
        let of_aznet = |name: &String| {
            let sequence = loaded
                .sequences
                .values()
                .find(|one| one.steps.contains(name));
            let together = sequence.map_or(vec![name], |one| one.steps.iter().collect());
            together
                .iter()
                .any(|name| loaded.experiments[*name].needs_aznet())
        };
        let known = loaded.experiments.iter();
        let of_mesh = known.filter(|(name, _)| !of_aznet(name));
        let known: BTreeSet<_> = of_mesh
            .map(|(name, experiment)| {
                let kind = experiment.fault().and_then(|fault| fault.kind());
                let (kind, lasts) = (kind.expect("a kind"), experiment.duration.to_string());
                let within = match (&experiment.repeat, steps.contains(name)) {
                    (Some(_), _) => "Schedule",
                    (None, true) => "Workflow",
                    (None, false) => kind,
                };
                (within.to_owned(), kind.to_owned(), name.clone(), lasts)
            })
            .collect();
        let (maps, objects): (Vec<Value>, Vec<Value>) = objects
            .into_iter()
            .partition(|object| object["kind"] == "ConfigMap");
        let made: BTreeSet<_> = objects.iter().flat_map(made).collect();
        assert_eq!(made, known, "{}", file.display());
        let noted = maps.iter().flat_map(|map| {
            let noted = map["data"]["experiments"].as_str().expect("experiments");
            let noted: BTreeMap<String, Experiment> = serde_json::from_str(noted).expect("typed");
            noted
        });
        let left = loaded.experiments.iter();
        let left = left.filter(|(name, _)| of_aznet(name));
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
            let selectors = selectors(&object["spec"]);
            assert!(!selectors.is_empty(), "{object}");
            for selector in selectors {
                assert_eq!(selector["namespaces"], serde_json::json!([NAMESPACE]));
                let name = &selector["labelSelectors"]["app.kubernetes.io/name"];
                assert_eq!(name, "aztec-network", "{object}");
            }
        }
    }
}

/// What an object does: its own kind, that of each fault, its name and duration.
fn made(object: &Value) -> Vec<(String, String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (kind, name, spec) = (
        &object["kind"],
        &object["metadata"]["name"],
        &object["spec"],
    );
    match kind.as_str() {
        Some("Schedule") => {
            let fault = spec.as_object().into_iter().flatten();
            let fault = fault.filter_map(|(_, fault)| fault.get("duration"));
            let each =
                fault.map(|lasts| (text(kind), text(&spec["type"]), text(name), text(lasts)));
            each.collect()
        }
        Some("Workflow") => {
            let steps = spec["templates"].as_array().into_iter().flatten();
            let steps = steps.filter(|one| one["templateType"] != "Serial");
            let each = steps.map(|one| {
                let (of, lasts) = (&one["templateType"], &one["deadline"]);
                (text(kind), text(of), text(&one["name"]), text(lasts))
            });
            each.collect()
        }
        _ => vec![(text(kind), text(kind), text(name), text(&spec["duration"]))],
    }
}

/// Every selector of pods, wherever it is.
fn selectors(value: &Value) -> Vec<&Value> {
    let below: Vec<&Value> = match value {
        Value::Object(map) => map.values().collect(),
        Value::Array(list) => list.iter().collect(),
        _ => Vec::new(),
    };
    let own = value.get("selector");
    own.into_iter()
        .chain(below.into_iter().flat_map(selectors))
        .collect()
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
            "expected one of pod, network, stress, clock,",
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
