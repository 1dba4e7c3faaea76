//! What Helm makes of files and `--set`, with the chart as it is.

use super::draw::Draw;
use crate::common::{chart, documents, program};
use serde_json::Value;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// Prints all values as templates see them.
const PROBE: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: helm-values}\n\
                     data: {values: {{ .Values | toJson | quote }}}\n";
/// Longest time that a render may take.
const DEADLINE: Duration = Duration::from_secs(30);
/// Memory that it may take, in KiB: values that make Helm take a machine's are a finding, not the end of the test.
const MEMORY: u32 = 4 << 20;

/// Charts in a folder of their own.
pub(super) struct Charts {
    folder: tempfile::TempDir,
}

/// A rendered chart.
pub(super) struct Rendered {
    /// Its values, as its templates see them.
    pub(super) values: Value,
    /// Its objects.
    pub(super) objects: Vec<Value>,
}

impl Charts {
    /// The chart, with a template that prints its values; and one that does nothing else, for values that the chart refuses.
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (whole, values) = (folder.path().join("whole"), folder.path().join("values"));
        copy(&chart(), &whole);
        std::fs::create_dir_all(values.join("templates")).expect("the folder can be written to");
        for file in ["Chart.yaml", "values.yaml"] {
            std::fs::copy(whole.join(file), values.join(file)).expect("the chart can be copied");
        }
        for one in [&whole, &values] {
            std::fs::write(one.join("templates/probe.yaml"), PROBE).expect("a template");
        }
        Self { folder }
    }

    /// Renders the chart; an error is what Helm says.
    pub(super) async fn render(&self, draw: &Draw, sets: &[String]) -> Result<Rendered, String> {
        let mut objects = documents(&self.template("whole", draw, sets).await?);
        let probe = objects
            .iter()
            .position(|one| one["metadata"]["name"] == "helm-values")
            .expect("the probe is rendered");
        let mut values = probed(&objects.remove(probe));
        if let Value::Object(values) = &mut values {
            values.remove("prepared");
        }
        Ok(Rendered { values, objects })
    }

    /// The values alone: files and `--set` that Helm can read, whatever the chart says of them.
    pub(super) async fn values(&self, draw: &Draw, sets: &[String]) -> Result<Value, String> {
        let objects = documents(&self.template("values", draw, sets).await?);
        Ok(probed(&objects[0]))
    }

    async fn template(&self, chart: &str, draw: &Draw, sets: &[String]) -> Result<String, String> {
        let work = tempfile::tempdir().expect("a temporary folder");
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("ulimit -v {MEMORY}; exec \"$@\""), "sh"])
            .arg(program("helm"))
            .args(["template", "test"])
            .arg(self.folder.path().join(chart));
        for (n, text) in draw.files.iter().enumerate() {
            let file = work.path().join(format!("{n}.yaml"));
            std::fs::write(&file, text).expect("the folder can be written to");
            command.arg("--values").arg(file);
        }
        command.args(sets).stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(DEADLINE, command.output()).await;
        let output = output
            .map_err(|_| format!("no end within {DEADLINE:?}"))?
            .expect("sh can be run");
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(said(&String::from_utf8_lossy(&output.stderr)))
    }
}

fn probed(object: &Value) -> Value {
    let text = object["data"]["values"].as_str().expect("the probe's text");
    serde_json::from_str(text).expect("the probe's text is JSON")
}

/// The first lines of what Helm says, without its advice: a crash has a thousand more.
fn said(stderr: &str) -> String {
    let advice = |line: &&str| line.trim().is_empty() || line.starts_with("Use --debug flag");
    let lines = stderr.lines().filter(|line| !advice(line));
    lines.take(12).collect::<Vec<_>>().join("\n")
}

pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("the folder can be written to");
    for entry in std::fs::read_dir(from).expect("the chart can be read") {
        let path = entry.expect("the chart can be read").path();
        let to = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            std::fs::copy(&path, &to).expect("the chart can be copied");
        }
    }
}
