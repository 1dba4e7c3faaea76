//! What the network's own Prometheus knows: every node, and every series that a dashboard or an alert asks for.

use super::machine::{CLUSTER, Checked, Machine, NETWORK, json, pause};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Time for series that come with the first epoch proven, and for windows that need two samples.
const PATIENCE: Duration = Duration::from_secs(150);
/// A metric and a log line of each node arrived, and the report names each.
pub(super) fn arrivals(report: &Value) -> Checked {
    let arrived = report["telemetry"]
        .as_array()
        .ok_or("no telemetry in the report of `up`")?;
    let complete = |one: &&Value| one["metrics"] == true && one["logs"].as_u64() > Some(0);
    let names: BTreeSet<&str> = arrived
        .iter()
        .filter(complete)
        .filter_map(|one| one["pod"].as_str())
        .collect();
    for pod in [
        "boot-node-0",
        "full-node-0",
        "validator-0",
        "validator-3",
        "prover-node-0",
        "prover-broker-0",
        "pxe-0",
    ] {
        if !names.contains(pod) {
            return Err(format!(
                "expected metrics and logs of {pod}, saw {arrived:?}"
            ));
        }
    }
    let agents = names
        .iter()
        .filter(|name| name.starts_with("prover-agent-"))
        .count();
    if agents == 1 && names.len() == 10 {
        Ok(())
    } else {
        Err(format!(
            "expected ten nodes, one a prover agent, saw {names:?}"
        ))
    }
}

/// Executes what every panel asks, and what every alert looks at, until all of it has an answer.
pub(super) fn queries(_: &Machine) -> Checked {
    let prometheus = Prometheus::of_network()?;
    let mut open = panels()?;
    open.extend(prometheus.alerts()?);
    let count = open.len();
    if count < 60 {
        return Err(format!(
            "expected the queries of all panels and alerts, saw {count}"
        ));
    }
    let started = Instant::now();
    loop {
        open.retain(|(_, query)| !matches!(prometheus.has_data(query), Ok(true)));
        if open.is_empty() {
            return Ok(());
        }
        if started.elapsed() > PATIENCE {
            let answers: Vec<String> = open
                .iter()
                .map(|(place, query)| format!("{place}: {query}: {:?}", prometheus.has_data(query)))
                .collect();
            return Err(format!(
                "of {count} queries these have no data:\n{}",
                answers.join("\n")
            ));
        }
        pause();
    }
}

/// The page of the dashboards has what their queries, which have an answer by now, were answered.
pub(super) fn page(_: &Machine) -> Checked {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let file = folder.path().join("dashboards.html");
    let written = file.to_string_lossy();
    let all = json(&[
        "dashboards",
        NETWORK,
        "--cluster",
        CLUSTER,
        "--output",
        &written,
    ])?;
    let page = std::fs::read_to_string(&file).map_err(|error| format!("{written}: {error}"))?;
    let dashboards = all["dashboards"].as_array().into_iter().flatten();
    let panels: Vec<&Value> = dashboards
        .flat_map(|one| one["panels"].as_array().into_iter().flatten())
        .collect();
    let empty: Vec<_> = panels
        .iter()
        .filter(|panel| values(panel).is_empty())
        .collect();
    if panels.len() < 60 || !empty.is_empty() || page.contains(">no data<") {
        let count = panels.len();
        return Err(format!(
            "expected data in each of {count} panels, saw none in {empty:?}"
        ));
    }
    let is_height = |panel: &&&Value| panel["title"] == "Checkpoint";
    let heights = panels.iter().find(is_height).map(|panel| values(panel));
    let heights = heights.unwrap_or_default();
    match (heights.first(), heights.last()) {
        (Some(first), Some(last)) if first < last => Ok(()),
        _ => Err(format!("expected a chain that grows, saw {heights:?}")),
    }
}

/// The values of all series of a panel.
fn values(panel: &Value) -> Vec<f64> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let queries = list(&panel["queries"]);
    let series = queries.iter().flat_map(|query| list(&query["series"]));
    let pairs = series.flat_map(|series| list(&series["values"]));
    pairs.filter_map(|pair| pair[1].as_f64()).collect()
}

/// `(place, query)` of every target of every dashboard, and of what its variable lists.
fn panels() -> Result<Vec<(String, String)>, String> {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../helm-charts/aztec-network/dashboards");
    let files =
        std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut found = Vec::new();
    for path in files.flatten().map(|entry| entry.path()) {
        found.extend(of_dashboard(&path)?);
    }
    Ok(found)
}

fn of_dashboard(path: &PathBuf) -> Result<Vec<(String, String)>, String> {
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let dashboard: Value =
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut found = Vec::new();
    for panel in dashboard["panels"].as_array().into_iter().flatten() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let place = format!("{} / {}", dashboard["title"], panel["title"]);
            let query = target["expr"].as_str().unwrap_or_default();
            found.push((
                place,
                query
                    .replace("$pod", ".*")
                    .replace("$__rate_interval", "1m"),
            ));
        }
    }
    for variable in dashboard["templating"]["list"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let query = variable["query"]["query"].as_str().unwrap_or_default();
        let listed = query
            .strip_prefix("label_values(")
            .and_then(|rest| rest.rsplit_once(", "));
        let (series, _) =
            listed.ok_or_else(|| format!("{query} is no label_values(series, label)"))?;
        found.push((
            format!("{} / variable {}", dashboard["title"], variable["name"]),
            series.to_owned(),
        ));
    }
    Ok(found)
}

pub(super) struct Prometheus(String);

impl Prometheus {
    /// That of the tier's network.
    pub(super) fn of_network() -> Result<Self, String> {
        let urls = json(&["env", NETWORK, "--cluster", CLUSTER])?;
        let url = urls["PROMETHEUS_URL"].as_str();
        url.map(|url| Self(url.to_owned()))
            .ok_or_else(|| format!("no PROMETHEUS_URL in {urls}"))
    }

    /// Alerts that fire, each with the pod or role that it is about.
    pub(super) fn firing(&self) -> Result<BTreeSet<String>, String> {
        let answer = self.ask("alerts", "")?;
        let alerts = answer["alerts"]
            .as_array()
            .ok_or_else(|| format!("no list of alerts in {answer}"))?;
        let named = |alert: &Value| {
            let label = |key: &str| alert["labels"][key].as_str();
            let about = label("pod").or(label("role")).unwrap_or_default();
            format!("{} {about}", label("alertname").unwrap_or_default())
        };
        let firing = alerts.iter().filter(|alert| alert["state"] == "firing");
        Ok(firing.map(named).collect())
    }

    pub(super) fn ask(&self, path: &str, query: &str) -> Result<Value, String> {
        let url = format!("{}/api/v1/{path}", self.0);
        let request = ureq::get(&url).config().http_status_as_error(false).build();
        let request = if query.is_empty() {
            request
        } else {
            request.query("query", query)
        };
        let answer = request
            .call()
            .and_then(|mut answer| answer.body_mut().read_to_string());
        let text = answer.map_err(|error| format!("{url}: {error}"))?;
        let answer: Value =
            serde_json::from_str(&text).map_err(|error| format!("{url}: {error}: {text}"))?;
        if answer["status"] == "success" {
            Ok(answer["data"].clone())
        } else {
            Err(text)
        }
    }

    /// Whether a series has a value that is a number.
    fn has_data(&self, query: &str) -> Result<bool, String> {
        let answer = self.ask("query", query)?;
        let values = answer["result"].as_array().into_iter().flatten();
        let mut numbers = values.filter_map(|one| one["value"][1].as_str());
        Ok(numbers.any(|number| number != "NaN"))
    }

    /// `(alert, selector)` of every series that an alert looks at: at rest an alert's own expression has no value.
    fn alerts(&self) -> Result<Vec<(String, String)>, String> {
        let rules = self.ask("rules", "")?;
        let groups = rules["groups"].as_array().into_iter().flatten();
        let mut found = Vec::new();
        for rule in groups.flat_map(|group| group["rules"].as_array().into_iter().flatten()) {
            let name = rule["name"].as_str().unwrap_or_default();
            if !matches!(rule["health"].as_str(), Some("ok" | "unknown")) {
                return Err(format!("rule {name}: {}", rule["lastError"]));
            }
            let tree = self.ask("parse_query", rule["query"].as_str().unwrap_or_default())?;
            let mut selectors = BTreeSet::new();
            collect(&tree, &mut selectors);
            found.extend(
                selectors
                    .into_iter()
                    .map(|selector| (format!("rule {name}"), selector)),
            );
        }
        Ok(found)
    }
}

/// The selectors in a parsed query.
fn collect(tree: &Value, found: &mut BTreeSet<String>) {
    match tree {
        Value::Array(parts) => parts.iter().for_each(|part| collect(part, found)),
        Value::Object(node) => {
            if let (Some(name), Some(matchers)) = (
                node.get("name"),
                node.get("matchers").and_then(Value::as_array),
            ) {
                let matcher = |one: &Value| {
                    let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
                    format!("{}{}{}", text("name"), text("type"), one["value"])
                };
                let matchers: Vec<String> = matchers
                    .iter()
                    .filter(|one| one["name"] != "__name__")
                    .map(matcher)
                    .collect();
                found.insert(format!(
                    "{}{{{}}}",
                    name.as_str().unwrap_or_default(),
                    matchers.join(",")
                ));
            }
            node.values().for_each(|part| collect(part, found));
        }
        _ => {}
    }
}
