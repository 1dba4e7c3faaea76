//! Values: what is accepted, what is refused, and in which words.

use crate::common::{load, source};
use aznet_model::role::Role;
use aznet_model::values::{self, ValuesError};
use aznet_network::load::{self, Base, LoadError, Request};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;

fn refusal(sets: &[&str]) -> String {
    load(&[], sets)
        .expect_err("these values are wrong")
        .to_string()
}

fn file(folder: &tempfile::TempDir, text: &str) -> PathBuf {
    let path = folder.path().join("mine.yaml");
    std::fs::write(&path, text).expect("the folder can be written to");
    path
}

#[test]
fn every_overlay_and_every_ci_file_loads() {
    let source = source();
    for name in load::known_networks(&source).expect("networks/ can be read") {
        let request = Request {
            source: &source,
            base: Base::Network(&name),
            implied: None,
            files: &[],
            sets: &[],
        };
        let loaded = load::load(&request).unwrap_or_else(|error| panic!("{name}: {error}"));
        aznet_model::plan::plan(&loaded.values)
            .unwrap_or_else(|problems| panic!("{name}: {problems:?}"));
    }
    for entry in std::fs::read_dir(crate::common::chart().join("ci")).expect("ci/ can be read") {
        let path = entry.expect("ci/ can be read").path();
        let loaded = load(std::slice::from_ref(&path), &[])
            .unwrap_or_else(|error| panic!("{path:?}: {error}"));
        aznet_model::plan::plan(&loaded.values)
            .unwrap_or_else(|problems| panic!("{path:?}: {problems:?}"));
    }
}

/// What a deployment of it says of `staging` would be worth nothing if more differed.
#[test]
fn staging_small_is_staging_in_other_numbers() {
    let read = |name: &str| -> Value {
        let path = source().join("networks").join(name);
        let text = std::fs::read_to_string(&path).expect("an overlay");
        serde_norway::from_str(&text).expect("YAML")
    };
    let (staging, small) = (read("staging.yaml"), read("staging-small.yaml"));
    let other = others("", &staging, &small);
    assert!(other.is_empty(), "{other:?}");
    assert_ne!(staging, small);
    let not_a_number = json!({"a": {"b": "64Gi", "c": "x"}, "d": 1});
    let changed = json!({"a": {"b": "2Gi", "c": "y"}, "e": 1});
    assert_eq!(others("", &not_a_number, &changed), [".a.c", ".d", ".e"]);
}

/// Keys of which more differs than a number.
fn others(at: &str, one: &Value, other: &Value) -> Vec<String> {
    if let (Value::Object(one), Value::Object(other)) = (one, other) {
        let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
        let below = keys.into_iter().flat_map(|key| {
            let (one, other) = (one.get(key), other.get(key));
            let (one, other) = (one.unwrap_or(&Value::Null), other.unwrap_or(&Value::Null));
            others(&format!("{at}.{key}"), one, other)
        });
        return below.collect();
    }
    let number = |value: &Value| {
        let quantity = value.as_str().and_then(|text| text.chars().next());
        value.is_number() || quantity.is_some_and(|first| first.is_ascii_digit())
    };
    let same = one == other || (number(one) && number(other));
    if same {
        Vec::new()
    } else {
        vec![at.to_owned()]
    }
}

#[test]
fn layers_lie_over_each_other_as_helm_lays_them() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mine = file(
        &folder,
        "validator:\n  replicas: 7\n  env: {A: '1', B: '2'}\n  tolerations: [{key: a}, {key: b}]\n",
    );
    let implied = json!({ "images": { "aztec": { "image": "localhost/aznet/aztec:1" } } });
    let source = source();
    let sets = [
        "validator.replicas=9".to_owned(),
        "validator.env.B=null".to_owned(),
    ];
    let request = Request {
        source: &source,
        base: Base::Network("small"),
        implied: Some(&implied),
        files: std::slice::from_ref(&mine),
        sets: &sets,
    };
    let loaded = load::load(&request).expect("these values are right");
    assert_eq!(loaded.values.replicas(Role::Validator), 9);
    assert_eq!(loaded.values.images.aztec.image, "localhost/aznet/aztec:1");
    let pod = loaded.values.pod(Role::Validator);
    assert_eq!(
        pod.env
            .expect("an environment")
            .into_iter()
            .collect::<Vec<_>>(),
        [("A".into(), "1".into())]
    );
    assert_eq!(pod.tolerations.expect("tolerations").len(), 2);
    assert_eq!(
        pod.service.and_then(|ports| ports.node_port),
        Some(8080),
        "defaults reach the roles"
    );
    assert!(
        loaded.overlay["validator"]["env"]["B"].is_null(),
        "Helm must see the null, too"
    );
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_one() {
    for (set, key, near) in [
        ("validator.replica=3", "validator.replica", "`replicas`"),
        ("validtor.replicas=3", "validtor", "`validator`"),
        (
            "fullNode.resources.limits.memroy=1Gi",
            "fullNode.resources.limits.memroy",
            "`memory`",
        ),
        (
            "network.slashing.flavour=none",
            "network.slashing.flavour",
            "`flavor`",
        ),
        (
            "validator.externalHost=x",
            "validator.externalHost",
            "`l1.executionUrls`",
        ),
        (
            "bot.intervalSeconds=1",
            "bot.intervalSeconds",
            "`txIntervalSeconds`",
        ),
        (
            "l1.anvil.probes.startup.period=1",
            "l1.anvil.probes.startup.period",
            "`periodSeconds`",
        ),
    ] {
        let text = refusal(&[set]);
        assert!(text.starts_with(&format!("{key}: unknown key")), "{text}");
        assert!(text.contains(near), "{text}");
        assert!(text.ends_with("(from --set)"), "{text}");
    }
}

#[test]
fn a_value_of_the_wrong_kind_is_refused_with_key_and_what_was_seen() {
    insta::assert_snapshot!(
        [
            "validator.replicas=many",
            "validator.replicas=-1",
            "validator.replicas=1.5",
            "validator.keysPerReplica=0",
            "network.realProofs=maybe",
            "network.slashing.flavor=harsh",
            "network.registryAddress=0x12",
            "images.aztec.image=",
            "images.aztec.image=aztecprotocol/aztec",
            "images.aztec.image=registry.example:5000/aztec",
            "images.aztec.image=aztecprotocol/aztec:latest",
            "images.aztec.image=aztecprotocol/aztec@sha256:12",
            "images.aztec.pullPolicy=Sometimes",
            "defaults.service.nodePort=70000",
            "fullNode.resources=none",
            "fullNode.resources.requests.memory=1GB",
            "pxe.storage.size=big",
            "l1.executionUrls=http://x",
            "l1.executionUrls={ws://x}",
            "l1.gas.maxGwei=-1",
            "network.slashing.amounts.small=1e18",
            "network.slashing.neverSlash={0x12}",
            "network.bootstrapNodes={x}",
            "bot.followChain=FINAL",
            "pxe.service.type=ExternalName",
            "chaos.scenarios[0].name=x",
            "validatorGroups.slow.replicas=1",
            "validatorGroups.Slow.replicas=1",
            "validatorGroups.default.replicas=1",
            "fullNode.image=aztec",
            "fullNode.replicas=4294967295",
            "networkPolicy.ingress.rpc.cidrs.office=192.0.2.1",
            "validator.podDisruptionBudget.maxUnavailable=half",
        ]
        .map(|set| format!("{set}\n    {}", refusal(&[set]).replace('\n', "\n    ")))
        .join("\n")
    );
}

#[test]
fn a_null_gives_back_what_is_always_there() {
    let defaults = load(&[], &[]).expect("the chart's values").values;
    for null in [
        "network=null",
        "network.slotDuration=null",
        "telemetry.grafana=null",
    ] {
        let values = load(&[], &[null]).unwrap_or_else(|error| panic!("{null}: {error}"));
        assert_eq!(values.values, defaults, "{null}");
    }
    let values = load(&[], &["defaults.resources.limits=null"]).expect("a setting less");
    let resources = values.values.defaults.resources.expect("requests");
    assert_eq!(resources.limits, None, "what may be missing goes");
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let text = refusal(&["validator.replica=3", "pxe.replicas=x"]);
    assert_eq!(text.lines().count(), 2, "{text}");
}

#[test]
fn a_broken_file_is_refused_with_line_and_column() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let broken = |text| load(&[file(&folder, text)], &[]).expect_err("the file is broken");
    let error = broken("validator:\n  replicas: 3\n   keysPerReplica: 2\n");
    let LoadError::Values(ValuesError::Syntax { line, column, .. }) = &error else {
        panic!("{error}")
    };
    assert_eq!((*line, *column), (3, 18), "{error}");
    assert!(error.to_string().contains("mine.yaml:3:18: "), "{error}");

    let error = broken("pxe: {replicas: 1}\npxe: {replicas: 2}\n");
    assert!(
        matches!(error, LoadError::Values(ValuesError::Syntax { .. })),
        "{error}"
    );
    let error = broken("- a\n");
    assert!(
        error
            .to_string()
            .ends_with("expected keys and values, found a list"),
        "{error}"
    );
    assert!(load(&[file(&folder, "# nothing\n")], &[]).is_ok());
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = load(&["/nonexistent/mine.yaml".into()], &[]).expect_err("no such file");
    assert_eq!(
        error.to_string(),
        "reading values from /nonexistent/mine.yaml"
    );
}

#[test]
fn an_unknown_network_is_refused_with_the_nearest_one() {
    let source = source();
    let request = Request {
        source: &source,
        base: Base::Network("smal"),
        implied: None,
        files: &[],
        sets: &[],
    };
    let text = load::load(&request)
        .expect_err("no such network")
        .to_string();
    assert!(
        text.contains("no network `smal`") && text.contains("did you mean `small`?"),
        "{text}"
    );
}

#[test]
fn a_set_that_is_no_assignment_is_refused() {
    assert_eq!(
        refusal(&["validator"]),
        "--set validator: expected key=value, found `validator`"
    );
}

#[test]
fn images_with_a_tag_or_a_digest_are_taken() {
    let digest = format!("sha256:{}", "0f".repeat(32));
    for image in [
        "aztecprotocol/aztec:4.1.2".to_owned(),
        "localhost:5000/aztec:c07d910d0b8b83b62008e79a7085db6c5020df4e".to_owned(),
        format!("registry.example/aztec@{digest}"),
        format!("registry.example/aztec:4.1.2@{digest}"),
    ] {
        let set = format!("images.aztec.image={image}");
        let loaded = load(&[], &[&set]).unwrap_or_else(|error| panic!("{image}: {error}"));
        assert_eq!(loaded.values.images.aztec.image, image);
    }
}

#[test]
fn the_design_documents_example_says_what_it_says_there() {
    let path = crate::common::chart().join("ci/08-design-document-values.yaml");
    let values = load(&[path], &[]).expect("the example loads").values;
    assert!(values.real_proofs(), "fakeProofs: false");
    assert_eq!(
        (values.replicas(Role::Validator), values.replicas(Role::Pxe)),
        (32, 3)
    );
    let boot_node = values.pod(Role::BootNode);
    assert_eq!(boot_node.debug.as_deref(), Some("discv5:*,aztec:*"));
    assert_eq!(boot_node.log_level.as_deref(), Some("debug"));
    let scenario = &values.chaos.scenarios[0];
    assert_eq!(
        (scenario.name.as_str(), scenario.action.as_str()),
        ("boot-node-failure", "kill")
    );
    assert_eq!(
        scenario.action_options.and_then(|options| options.force),
        Some(true)
    );
}

#[test]
fn the_schema_in_the_chart_is_current() {
    let kept = std::fs::read_to_string(crate::common::chart().join("values.schema.json"))
        .unwrap_or_default();
    assert!(
        kept == values::schema(),
        "values.schema.json is not current: run `cargo xtask generate`"
    );
}

#[test]
fn every_key_of_the_charts_values_is_explained() {
    let text = std::fs::read_to_string(crate::common::chart().join("values.yaml"))
        .expect("values.yaml can be read");
    assert!(
        text.lines().count() <= 700,
        "values.yaml has grown past 700 lines"
    );
    let lines: Vec<&str> = text.lines().collect();
    for pair in lines.windows(2) {
        let (above, line) = (pair[0].trim(), pair[1]);
        let is_value = line
            .trim_end()
            .split_once(": ")
            .is_some_and(|(key, _)| !key.contains('#'));
        let inside = ["requests", "limits"]
            .iter()
            .any(|key| line.trim_start().starts_with(key));
        let in_storage = line.trim_start().starts_with("size:")
            || line.trim_start().starts_with("startup: {periodSeconds: 1}");
        assert!(
            !is_value || inside || in_storage || above.starts_with("# -- "),
            "no `# --` above: {line}"
        );
    }
}
