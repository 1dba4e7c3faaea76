//! How a network is observed: what the chart renders, held against the programs that read it.

use crate::common::{chart, load, object, program, render, source};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// Objects of a network that is observed, with more `--set`.
async fn observed(sets: &[&str]) -> Vec<Value> {
    let all: Vec<&str> = ["telemetry.enabled=true"]
        .iter()
        .chain(sets)
        .copied()
        .collect();
    render(&load(&[], &all).expect("well-typed values")).await
}

/// The objects of `ci/20-telemetry-values.yaml`, which has everything.
async fn everything() -> Vec<Value> {
    let file = chart().join("ci/20-telemetry-values.yaml");
    render(&load(&[file], &[]).expect("well-typed values")).await
}

fn text<'a>(objects: &'a [Value], config_map: &str, key: &str) -> &'a str {
    object(objects, "ConfigMap", config_map)["data"][key]
        .as_str()
        .unwrap_or_else(|| panic!("ConfigMap {config_map} has {key}"))
}

/// Runs a program to its end; its output if it is content.
async fn run(command: &mut Command) -> Result<String, String> {
    let run = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(Duration::from_mins(3), run)
        .await
        .expect("it ends in time")
        .expect("it starts");
    let words = [output.stdout, output.stderr].concat();
    let words = String::from_utf8_lossy(&words).into_owned();
    if output.status.success() {
        Ok(words)
    } else {
        Err(words)
    }
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("a temporary folder can be written to");
    path
}

/// Every rule, with the name of its record or alert.
fn rules(objects: &[Value]) -> Vec<(String, Value)> {
    let groups: Value =
        serde_norway::from_str(text(objects, "prometheus", "aztec.yaml")).expect("rules are YAML");
    let groups = groups["groups"].as_array().expect("groups of rules");
    let all = groups
        .iter()
        .flat_map(|group| group["rules"].as_array().expect("rules"));
    let name = |rule: &Value| {
        rule["alert"]
            .as_str()
            .or(rule["record"].as_str())
            .map(str::to_owned)
    };
    all.map(|rule| (name(rule).expect("a name"), rule.clone()))
        .collect()
}

fn dashboards() -> Vec<(String, Value)> {
    let entries = std::fs::read_dir(chart().join("dashboards")).expect("dashboards/ can be read");
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a dashboard can be read");
        let name = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        (
            name,
            serde_json::from_str(&text)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display())),
        )
    };
    entries
        .map(|entry| read(entry.expect("an entry").path()))
        .collect()
}

#[tokio::test]
async fn the_collector_takes_its_configuration() {
    for objects in [observed(&[]).await, everything().await] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = text(&objects, "otel-collector", "config.yaml");
        let path = write(folder.path(), "config.yaml", config);
        let mut command = Command::new(program("otel-collector"));
        command
            .arg("validate")
            .arg("--config")
            .arg(&path)
            .env("FORWARD_AUTHORIZATION", "x");
        run(&mut command)
            .await
            .unwrap_or_else(|words| panic!("{words}\n{config}"));
        let broken = write(
            folder.path(),
            "broken.yaml",
            &config.replace("- count", "- cuont"),
        );
        let mut command = Command::new(program("otel-collector"));
        command
            .arg("validate")
            .arg("--config")
            .arg(broken)
            .env("FORWARD_AUTHORIZATION", "x");
        run(&mut command).await.expect_err("a wrong one is refused");
    }
}

#[tokio::test]
async fn prometheus_takes_its_configuration_and_rules() {
    for objects in [observed(&[]).await, everything().await] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let here = folder.path().to_string_lossy().into_owned();
        let data = &object(&objects, "ConfigMap", "prometheus")["data"];
        std::fs::create_dir(folder.path().join("rules")).expect("a folder for rules");
        for (name, content) in data.as_object().expect("files") {
            let content = content.as_str().expect("text");
            let place = if name == "prometheus.yaml" {
                name.clone()
            } else {
                format!("rules/{name}")
            };
            write(
                folder.path(),
                &place,
                &content.replace("/etc/prometheus", &here),
            );
        }
        let mut command = Command::new(program("promtool"));
        command.args(["check", "config", "--lint=all", "--lint-fatal"]);
        let words = run(command.arg(folder.path().join("prometheus.yaml"))).await;
        let words = words.unwrap_or_else(|words| panic!("{words}"));
        assert!(words.contains("rules found"), "{words}");
    }
}

/// What promtool is told to expect: of the release that is run, and of what newer ones have besides.
const RULES_TEST: &str = include_str!("telemetry/rules-test.yaml");
const RULES_TEST_NEWER: &str = include_str!("telemetry/rules-test-newer.yaml");

/// Values of the newest release.
const NEWEST: [&str; 2] = ["images.aztec.image=azteclabs/aztec:6.0.0", "pxe.replicas=0"];

/// The rules that `sets` have the chart render, after promtool's test of them.
async fn tested(sets: &[&str], test: &str) -> Vec<(String, Value)> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let objects = observed(sets).await;
    let rendered = text(&objects, "prometheus", "aztec.yaml");
    write(folder.path(), "aztec.yaml", rendered);
    let path = write(folder.path(), "rules-test.yaml", test);
    let mut command = Command::new(program("promtool"));
    let words = run(command.args(["test", "rules"]).arg(path)).await;
    words.unwrap_or_else(|words| panic!("{words}"));
    rules(&objects)
}

#[tokio::test]
async fn alerts_fire_when_they_should_and_not_before() {
    let mut all = tested(&[], RULES_TEST).await;
    all.extend(tested(&NEWEST, RULES_TEST_NEWER).await);
    let tests = [RULES_TEST, RULES_TEST_NEWER].concat();
    for (name, rule) in all {
        let tested = tests.contains(&format!("alertname: {name}"))
            || tests.contains(&format!("alertname=\"{name}\""));
        assert!(
            rule.get("alert").is_none() || tested,
            "no test of alert {name}"
        );
    }
}

#[tokio::test]
async fn alerts_are_of_what_a_release_tells() {
    let own = ["AztecOwnValidatorAccused", "AztecOwnValidatorSlashed"];
    let poor = ["AztecPublisherTooPoor", "AztecProverTooPoor"];
    for (image, tells, expected) in [
        ("aztecprotocol/aztec:4.1.2", &own[..0], 0),
        ("aztecprotocol/aztec:5.2.0", &own[..], 2),
        ("azteclabs/aztec:6.0.0", &[own, poor].concat()[..], 4),
    ] {
        let image = format!("images.aztec.image={image}");
        let rules = rules(&observed(&[&image, "pxe.replicas=0"]).await);
        let has = |alert: &&&str| rules.iter().any(|(name, _)| name == **alert);
        assert_eq!(tells.iter().filter(has).count(), tells.len(), "{image}");
        let all = own.iter().chain(&poor).filter(has).count();
        assert_eq!(all, expected, "{image}");
    }
}

#[tokio::test]
async fn rules_follow_the_values() {
    let objects = observed(&[
        "network.slotDuration=36",
        "network.epochDuration=32",
        "validator.replicas=9",
        "validator.storage.size=1500M",
        "proverAgent.replicas=0",
        "proverNode.replicas=0",
        "proverBroker.replicas=0",
    ])
    .await;
    let rules = rules(&objects);
    let expr = |name: &str, role: &str| {
        let found = rules
            .iter()
            .find(|(n, rule)| n == name && (role.is_empty() || rule["labels"]["role"] == role));
        found.map(|(_, rule)| rule["expr"].as_str().expect("an expression").to_owned())
    };
    assert!(expr("AztecNoNewCheckpoint", "").is_some_and(|expr| expr.contains("[216s]")));
    assert!(expr("AztecNoProof", "").is_some_and(|expr| expr.contains("[1728s]")));
    assert_eq!(
        expr("network_role:aztec_nodes:expected", "validator").as_deref(),
        Some("vector(9)")
    );
    assert_eq!(
        volume(&rules, "validator").as_deref(),
        Some("vector(1500000000)")
    );
    assert_eq!(
        expr("network_role:aztec_nodes:expected", "prover-agent"),
        None
    );
    assert_eq!(expr("AztecNoProverAgents", ""), None);
}

/// The size that a workload's volumes should have.
fn volume(rules: &[(String, Value)], workload: &str) -> Option<String> {
    let found = rules.iter().find(|(name, rule)| {
        name == "network_workload:aztec_volume:bytes" && rule["labels"]["workload"] == workload
    });
    found.and_then(|(_, rule)| rule["expr"].as_str().map(str::to_owned))
}

#[tokio::test]
async fn rules_know_groups_turns_and_networks_that_rest() {
    let expr = |rules: &[(String, Value)], name: &str, role: &str| {
        let found = rules
            .iter()
            .find(|(n, rule)| n == name && (role.is_empty() || rule["labels"]["role"] == role));
        found.map(|(_, rule)| rule["expr"].as_str().expect("an expression").to_owned())
    };
    let group = [
        "validatorGroups.slow.replicas=2",
        "validatorGroups.slow.keyOffset=500",
        "validatorGroups.slow.storage.size=1500M",
    ];
    let grouped = rules(&observed(&group).await);
    let expected = expr(&grouped, "network_role:aztec_nodes:expected", "validator");
    assert_eq!(
        expected.as_deref(),
        Some("vector(6)"),
        "all groups together"
    );
    assert_eq!(
        volume(&grouped, "validator-slow").as_deref(),
        Some("vector(1500000000)")
    );
    let misses = expr(&grouped, "AztecValidatorMissesAttestations", "");
    assert!(
        misses.is_some_and(|expr| expr.contains("[1056s]")),
        "six validators take turns in a committee of four"
    );
    let rests = rules(&observed(&["validator.sequencer.minTxsPerBlock=1"]).await);
    for name in ["AztecNoNewCheckpoint", "AztecNoCheckpointSinceStart"] {
        let expr = expr(&rests, name, "").expect("the alert");
        assert!(expr.contains("aztec_mempool_tx_count"), "{name}: {expr}");
    }
    let joined = rules(
        &observed(&[
            "network.registryAddress=0x0123456789012345678901234567890123456789",
            "l1.anvil.enabled=false",
            "l1.existingSecret=mine",
        ])
        .await,
    );
    for name in [
        "AztecValidatorMissesAttestations",
        "AztecNoCheckpointSinceStart",
    ] {
        assert_eq!(
            expr(&joined, name, ""),
            None,
            "{name}: how many validators others have is not known"
        );
    }
}

#[tokio::test]
async fn dashboards_are_what_grafana_and_prometheus_can_read() {
    let objects = observed(&[]).await;
    let provisioned: Value =
        serde_norway::from_str(text(&objects, "grafana", "datasource.yaml")).expect("YAML");
    let source = &provisioned["datasources"][0]["uid"];
    let (mut uids, mut expressions) = (BTreeSet::new(), Vec::new());
    for (name, dashboard) in dashboards() {
        assert!(
            uids.insert(dashboard["uid"].to_string()),
            "{name}: its uid is taken"
        );
        assert_eq!(dashboard["uid"], format!("aztec-{name}"));
        assert_eq!(
            text(&objects, "grafana-dashboards", &format!("{name}.json"))
                .parse::<Value>()
                .expect("JSON"),
            dashboard
        );
        panels(&name, &dashboard, source, &mut expressions);
    }
    for name in ["network", "validators", "provers", "p2p", "l1", "resources"] {
        assert!(
            uids.contains(&format!("\"aztec-{name}\"")),
            "no dashboard {name}"
        );
    }
    parse(&expressions).await;
}

/// Panels have names, places of their own and queries of the one data source.
fn panels(name: &str, dashboard: &Value, source: &Value, expressions: &mut Vec<String>) {
    let (mut ids, mut cells) = (BTreeSet::new(), BTreeSet::new());
    for panel in dashboard["panels"].as_array().expect("panels") {
        let what = format!("{name}: {}", panel["title"]);
        assert!(ids.insert(panel["id"].as_u64()), "{what}: its id is taken");
        assert!(
            panel["description"]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{what}: undescribed"
        );
        let at = |key: &str| {
            panel["gridPos"][key]
                .as_u64()
                .unwrap_or_else(|| panic!("{what}: no {key}"))
        };
        assert!(at("x") + at("w") <= 24, "{what}: beyond the edge");
        for (x, y) in (at("x")..at("x") + at("w"))
            .flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y)))
        {
            assert!(cells.insert((x, y)), "{what}: overlaps another panel");
        }
        for target in panel["targets"].as_array().expect("targets") {
            assert_eq!(&target["datasource"]["uid"], source, "{what}");
            expressions.push(
                target["expr"]
                    .as_str()
                    .expect("a query")
                    .replace("$pod", ".*"),
            );
        }
    }
}

/// All expressions as rules of one file, which promtool reads with Prometheus' own parser.
async fn parse(expressions: &[String]) {
    let rules: Vec<Value> = expressions
        .iter()
        .enumerate()
        .map(|(n, expr)| serde_json::json!({"record": format!("q:{n}"), "expr": expr}))
        .collect();
    let file = serde_json::json!({"groups": [{"name": "q", "rules": rules}]});
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = write(folder.path(), "q.yaml", &file.to_string());
    let mut command = Command::new(program("promtool"));
    let words = run(command.args(["check", "rules", "--lint=none"]).arg(path)).await;
    words.unwrap_or_else(|words| panic!("{words}"));
}

#[tokio::test]
async fn dashboards_have_grafanas_own_types() {
    let ours = source().join("crates/aznet-network/tests/chart/telemetry/grafana");
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("grafana-schema");
    std::fs::create_dir_all(&place).expect("a folder of the build");
    let copy = |name: &str| std::fs::copy(ours.join(name), place.join(name)).expect("a copy");
    let (_, lock) = (
        copy("package.json"),
        std::fs::read(ours.join("package-lock.json")).expect("a lock file"),
    );
    let installed = std::fs::read(place.join("installed")).ok();
    if installed.as_ref() != Some(&lock) {
        copy("package-lock.json");
        let mut npm = Command::new("npm");
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .current_dir(&place);
        run(&mut npm)
            .await
            .unwrap_or_else(|words| panic!("npm ci: {words}"));
        std::fs::write(place.join("installed"), lock).expect("a folder of the build");
    }
    let typed: Vec<String> = dashboards()
        .iter()
        .map(|(name, dashboard)| format!("export const {name}: Dashboard = {dashboard};"))
        .collect();
    let check = |words: String| {
        write(
            &place,
            "dashboards.ts",
            &format!("import type {{ Dashboard }} from '@grafana/schema';\n{words}\n"),
        )
    };
    let tsc = || {
        let mut node = Command::new("node");
        node.args([
            "node_modules/typescript/bin/tsc",
            "--noEmit",
            "--strict",
            "--skipLibCheck",
        ]);
        node.args([
            "--target",
            "es2022",
            "--module",
            "nodenext",
            "dashboards.ts",
        ])
        .current_dir(&place);
        node
    };
    check(typed.join("\n"));
    run(&mut tsc())
        .await
        .unwrap_or_else(|words| panic!("{words}"));
    check(typed[0].replacen("\"panels\"", "\"panles\"", 1));
    run(&mut tsc())
        .await
        .expect_err("a misspelt key is refused");
}

#[tokio::test]
async fn nodes_push_only_where_telemetry_is_on() {
    let names = |objects: &[Value], kind: &str, name: &str| -> BTreeSet<String> {
        let pod = &object(objects, kind, name)["spec"]["template"]["spec"];
        let env = pod["containers"][0]["env"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        env.iter()
            .filter_map(|entry| Some(entry["name"].as_str()?.to_owned()))
            .filter(|name| name.starts_with("OTEL_"))
            .collect()
    };
    let off = render(&load(&[], &[]).expect("values")).await;
    assert!(names(&off, "StatefulSet", "validator").is_empty());
    assert!(off.iter().all(|one| {
        !["otel-collector", "prometheus", "grafana"]
            .contains(&one["metadata"]["name"].as_str().unwrap_or_default())
    }));
    let on = observed(&["telemetry.traces=false"]).await;
    for (kind, name) in [
        ("StatefulSet", "validator"),
        ("StatefulSet", "pxe"),
        ("Deployment", "prover-agent"),
    ] {
        let names = names(&on, kind, name);
        assert!(
            names.contains("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT")
                && names.contains("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"),
            "{names:?}"
        );
        assert!(
            !names.contains("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
            "{names:?}"
        );
    }
    assert!(names(&on, "Deployment", "anvil").is_empty());
}

#[tokio::test]
async fn grafanas_password_is_made_up_or_referenced() {
    let secret =
        |objects: &[Value]| object(objects, "Secret", "grafana")["data"]["password"].to_string();
    let (one, other) = (secret(&observed(&[]).await), secret(&observed(&[]).await));
    assert!(one != other && one.len() > 40, "{one} and {other}");
    let named = observed(&["telemetry.grafana.existingSecret=mine"]).await;
    assert!(
        !named
            .iter()
            .any(|one| one["kind"] == "Secret" && one["metadata"]["name"] == "grafana")
    );
    let env = object(&named, "Deployment", "grafana")["spec"]["template"]["spec"]["containers"][0]
        ["env"]
        .to_string();
    assert!(
        env.contains(r#""secretKeyRef":{"key":"password","name":"mine"}"#),
        "{env}"
    );
    assert_eq!(
        object(&named, "Service", "grafana")["spec"]["type"],
        "ClusterIP"
    );
}
