//! Values files as people have them, which once went wrong.

use crate::common::{self, chart, documents, helm, object, render, try_render};
use crate::differential::copy;
use aznet_model::plan::plan;
use aznet_model::role::Role;
use aznet_model::workload::Workload;
use aznet_network::deploy::helm::Release;
use aznet_network::load::{self, Base, Request};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

/// Values files of these texts.
fn files(folder: &tempfile::TempDir, texts: &[&str]) -> Vec<PathBuf> {
    let numbered = texts.iter().enumerate();
    numbered
        .map(|(n, text)| {
            let path = folder.path().join(format!("{n}.yaml"));
            std::fs::write(&path, text).expect("the folder can be written to");
            path
        })
        .collect()
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// A variable of a workload's main container.
fn variable<'a>(objects: &'a [Value], workload: &str, name: &str) -> &'a Value {
    let container =
        &object(objects, "StatefulSet", workload)["spec"]["template"]["spec"]["containers"][0];
    let entries = container["env"].as_array().expect("an environment");
    let entry = entries.iter().find(|entry| entry["name"] == name);
    &entry.unwrap_or_else(|| panic!("{workload} has no {name}"))["value"]
}

#[tokio::test]
async fn c04_groups_taken_out_by_null() {
    let folder = folder();
    let on = "validatorGroups: {slow: {replicas: 1, keyOffset: 200}, next: {replicas: 1, keyOffset: 100}}";
    let loaded = common::load(&files(&folder, &[on, "validatorGroups: {slow: null}"]), &[]);
    let loaded = loaded.expect("these values load");
    let names: Vec<String> = loaded
        .values
        .validators()
        .iter()
        .map(|one| one.workload.name())
        .collect();
    assert_eq!(names, ["validator", "validator-next"]);
    let objects = render(&loaded).await;
    let sets = objects.iter().filter(|one| one["kind"] == "StatefulSet");
    let groups = sets.filter(|one| {
        one["metadata"]["name"]
            .as_str()
            .is_some_and(|name| name.starts_with("validator-"))
    });
    assert_eq!(groups.count(), 1, "the other group stays");
}

#[tokio::test]
async fn entries_of_every_map_are_taken_out_by_null() {
    let folder = folder();
    let on = "
defaults: {env: {A: b, C: d}, nodeSelector: {a: b, c: d}, podLabels: {a: b, c: d}, podAnnotations: {a: b, c: d}}
fullNode: {p2p: {exposure: NodePort, nodePortBase: 30400, annotations: {a: b, c: d}, pods: {1: {annotations: {e: f}}, 2: {announceIp: 192.0.2.1}}}}
networkPolicy: {ingress: {rpc: {cidrs: {a: 192.0.2.0/24, c: 198.51.100.0/24}, namespaces: {a: {b: c}, d: {e: f, g: h}}}}}
telemetry: {enabled: true, grafana: {expose: {annotations: {a: b, c: d}}}, prometheus: {rules: {a: {groups: []}, c: {groups: []}}}}
keys: {remoteSigner: {pods: {a: {attesters: []}, c: {attesters: []}}}}
";
    let off = "
defaults: {env: {A: null}, nodeSelector: {a: null}, podLabels: {a: null}, podAnnotations: {a: null}}
fullNode: {p2p: {annotations: {a: null}, pods: {1: null, 2: {announceIp: null}}}}
networkPolicy: {ingress: {rpc: {cidrs: {a: null}, namespaces: {a: null, d: {e: null}}}}}
telemetry: {grafana: {expose: {annotations: {a: null}}}, prometheus: {rules: {a: null}}}
keys: {remoteSigner: {pods: {a: null}}}
";
    let rest = "
defaults: {env: {C: d}, nodeSelector: {c: d}, podLabels: {c: d}, podAnnotations: {c: d}}
fullNode: {p2p: {exposure: NodePort, nodePortBase: 30400, annotations: {c: d}, pods: {2: {}}}}
networkPolicy: {ingress: {rpc: {cidrs: {c: 198.51.100.0/24}, namespaces: {d: {g: h}}}}}
telemetry: {enabled: true, grafana: {expose: {annotations: {c: d}}}, prometheus: {rules: {c: {groups: []}}}}
keys: {remoteSigner: {pods: {c: {attesters: []}}}}
";
    let both = common::load(&files(&folder, &[on, off]), &[]).expect("these values load");
    let once = common::load(&files(&folder, &[rest]), &[]).expect("these values load");
    assert_eq!(both.values, once.values);
    assert_eq!(fixed(render(&both).await), fixed(render(&once).await));
}

/// Objects without what is made by chance.
fn fixed(objects: Vec<Value>) -> Vec<Value> {
    objects
        .into_iter()
        .filter(|one| one["kind"] != "Secret")
        .collect()
}

#[tokio::test]
async fn c05_numbers_in_env_have_no_exponent() {
    let folder = folder();
    let text = "
defaults: {env: {MAP_SIZE: 134217728, INTERVAL: 1000000}}
validator: {sequencer: {maxTxsPerBlock: 1000000}}
fullNode: {env: {ROLLUP_VERSION: 2934756905, CHECK: 250.5, COLLECT: 60000, TINY: 0.0000001}}
l1: {gas: {maxGwei: 1000000}}
";
    let loaded = common::load(&files(&folder, &[text]), &[]).expect("these values load");
    let objects = render(&loaded).await;
    let planned = loaded
        .values
        .pod(Role::FullNode)
        .env
        .expect("an environment");
    for (name, value) in [
        ("MAP_SIZE", "134217728"),
        ("INTERVAL", "1000000"),
        ("ROLLUP_VERSION", "2934756905"),
        ("CHECK", "250.5"),
        ("COLLECT", "60000"),
        ("TINY", "1e-7"),
    ] {
        assert_eq!(variable(&objects, "full-node", name), value);
        assert_eq!(planned[name], value);
    }
    assert_eq!(
        variable(&objects, "validator", "SEQ_MAX_TX_PER_BLOCK"),
        "1000000"
    );
    assert_eq!(crate::render::config(&objects).l1.gas.max_gwei, "1000000");
    let lost =
        common::load(&[], &["fullNode.env.A=9007199254740993"]).expect_err("a digit would be lost");
    assert!(
        lost.to_string().contains("9007199254740991 or less"),
        "{lost}"
    );
}

#[tokio::test]
async fn c06_an_umbrella_chart_has_it_as_a_dependency() {
    for alias in [None, Some("net")] {
        let folder = folder();
        let name = alias.unwrap_or("aztec-network");
        let alias = alias.map_or(String::new(), |alias| format!("    alias: {alias}\n"));
        let umbrella = format!(
            "apiVersion: v2\nname: platform\nversion: 0.1.0\ndependencies:\n  - name: aztec-network\n    \
             version: \">=0.0.0-0\"\n    repository: file://charts/aztec-network\n    condition: {name}.enabled\n{alias}"
        );
        std::fs::write(folder.path().join("Chart.yaml"), umbrella)
            .expect("the folder can be written to");
        copy(&chart(), &folder.path().join("charts/aztec-network"));
        let overlay = |enabled: bool| {
            let ours = json!({ "enabled": enabled, "validator": { "replicas": 5 } });
            Map::from_iter([
                ("global".to_owned(), json!({ "team": "platform" })),
                (name.to_owned(), ours),
            ])
        };
        let objects = of_chart(folder.path(), &overlay(true)).await;
        assert_eq!(
            object(&objects, "StatefulSet", "validator")["spec"]["replicas"],
            5,
            "{name}"
        );
        assert_eq!(
            of_chart(folder.path(), &overlay(false)).await.len(),
            0,
            "{name}"
        );
    }
}

/// Renders another chart.
async fn of_chart(chart: &Path, overlay: &Map<String, Value>) -> Vec<Value> {
    let release = Release {
        name: "test",
        namespace: "aznet-test",
        chart,
        overlay,
    };
    let text = helm().render(&release, &CancellationToken::new()).await;
    documents(&text.expect("the chart renders"))
}

#[tokio::test]
async fn c07_pull_secrets_have_both_forms() {
    let folder = folder();
    for text in [
        "imagePullSecrets: [regcred, '123']",
        "imagePullSecrets: [{name: regcred}, {name: '123'}]",
    ] {
        let loaded = common::load(&files(&folder, &[text]), &[]).expect("these values load");
        for (name, template) in crate::render::templates(&render(&loaded).await) {
            let expected = json!([{ "name": "regcred" }, { "name": "123" }]);
            assert_eq!(template["spec"]["imagePullSecrets"], expected, "{name}");
        }
    }
}

#[test]
fn c16_the_plan_names_the_secrets_that_must_be_there() {
    let sets = [
        "keys.existingSecret=my-keys",
        "imagePullSecrets={regcred}",
        "blobStore.existingSecret=my-blobs",
        "telemetry.grafana.existingSecret=unused",
        "fullNode.envFrom[0].secretRef.name=my-env",
        "fullNode.envFrom[1].secretRef.name=may-miss,fullNode.envFrom[1].secretRef.optional=true",
    ];
    let values = common::load(&[], &sets).expect("these values load").values;
    let secrets = plan(&values).expect("these values work").secrets;
    let named: Vec<_> = secrets
        .iter()
        .map(|secret| {
            (
                secret.name.as_str(),
                secret.key.as_str(),
                secret.holds.join(" "),
            )
        })
        .collect();
    let expected = [
        ("regcred", "imagePullSecrets", ".dockerconfigjson"),
        ("my-keys", "keys.existingSecret", "mnemonic"),
        (
            "my-blobs",
            "blobStore.existingSecret",
            "accessKeyId secretAccessKey",
        ),
        ("my-env", "fullNode.envFrom", ""),
    ];
    assert_eq!(
        named,
        expected.map(|(name, key, holds)| (name, key, holds.to_owned()))
    );
}

/// With `--reuse-values` Helm takes the older chart's values for the defaults.
#[tokio::test]
async fn n29_values_of_an_older_chart_lack_what_is_new() {
    let expected = fixed(render(&common::load(&[], &[]).expect("the chart's values")).await);
    let values =
        std::fs::read_to_string(chart().join("values.yaml")).expect("the chart can be read");
    let values = aznet_model::yaml::read(&values).expect("values.yaml is YAML");
    let without = |section: &str, key: Option<&str>| {
        let mut values = values.clone();
        match key {
            None => values.as_object_mut().and_then(|map| map.remove(section)),
            Some(key) => values[section]
                .as_object_mut()
                .and_then(|map| map.remove(key)),
        }
        .unwrap_or_else(|| panic!("{section} has {key:?}"));
        values
    };
    for older in [
        json!({}),
        without("telemetry", None),
        without("bot", None),
        without("network", Some("sentinel")),
        without("keys", Some("remoteSigner")),
    ] {
        let folder = folder();
        copy(&chart(), folder.path());
        let path = folder.path().join("values.yaml");
        std::fs::write(path, older.to_string()).expect("the folder can be written to");
        assert_eq!(fixed(of_chart(folder.path(), &Map::new()).await), expected);
    }
}

#[tokio::test]
async fn n31_and_r16_yaml_is_read_as_helm_reads_it() {
    let folder = folder();
    let text = "
global: {base: &base {A: 1, B: 2}}
network: {skipWarmUp: no, sponsoredFpc: Yes}
validator:
  replicas: 4.0
  env: {<<: *base, B: 3, WORD: on, OCTAL: 0777, FLOAT: 1.0, Y: text, TIME: 12:30}
";
    let loaded = common::load(&files(&folder, &[text]), &[]).expect("these values load");
    let network = &loaded.values.network;
    assert!(!network.skip_warm_up && network.sponsored_fpc);
    let objects = render(&loaded).await;
    let workload = Workload::from(Role::Validator);
    let planned = loaded.values.pod_of(&workload).env.expect("an environment");
    for (name, value) in [
        ("A", "1"),
        ("B", "3"),
        ("WORD", "true"),
        ("OCTAL", "511"),
        ("FLOAT", "1"),
        ("true", "text"),
        ("TIME", "12:30"),
    ] {
        assert_eq!(variable(&objects, "validator", name), value);
        assert_eq!(planned[name], value);
    }
}

#[tokio::test]
async fn n40_counts_have_bounds_in_the_schema() {
    let mut loaded = common::load(&[], &[]).expect("the chart's values");
    for set in [
        "fullNode.replicas=4294967295",
        "l1.anvil.slotsInAnEpoch=0",
        "network.slotDuration=9007199254740991",
    ] {
        common::load(&[], &[set]).expect_err(set);
    }
    loaded.overlay.insert(
        "fullNode".to_owned(),
        json!({ "replicas": 4_294_967_295_u32 }),
    );
    let refused = try_render(&loaded).await.expect_err("too many").to_string();
    assert!(refused.contains("maximum"), "{refused}");
}

#[test]
fn a_file_where_a_network_is_expected_is_told_what_to_do() {
    let source = crate::common::source();
    let request = Request {
        source: &source,
        base: Base::Network("mine.yaml"),
        implied: None,
        files: &[],
        sets: &[],
    };
    let error = load::load(&request).expect_err("no name of a network");
    assert_eq!(
        error.to_string(),
        "`mine.yaml` is a values file, not the name of a network: use `-f mine.yaml`"
    );
}
