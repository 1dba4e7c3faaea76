//! Networks of each release of Aztec: what the chart renders and the plan says, beside those of 4.1.

use std::fmt::Write as _;

use crate::common::{render, source, try_render};
use crate::render::{config, golden};
use aznet_model::plan::{Plan, plan};
use aznet_model::release::{ALL, Release};
use aznet_model::slashing::Offence;
use aznet_model::values::Loaded;
use aznet_network::load::{self, Base, Request};
use serde_json::Value;
use std::path::PathBuf;

/// What a release needs to be said beside its image: newer ones have no wallet server here, and one bot with a test account.
const NO_WALLET: [&str; 2] = ["pxe.replicas=0", "bot.replicas=0"];

const NETWORKS: [&str; 3] = ["small", "staging", "spartan"];

fn network(name: &str, sets: &[&str]) -> Loaded {
    with_files(name, &[], sets)
}

pub(crate) fn with_files(name: &str, files: &[PathBuf], sets: &[&str]) -> Loaded {
    let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
    let source = source();
    let request = Request {
        source: &source,
        base: Base::Network(name),
        implied: None,
        files,
        sets: &sets,
    };
    load::load(&request).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn of_release(name: &str, release: &Release) -> Loaded {
    let image = format!("images.aztec.image={}:{}", release.image, release.version);
    let mut sets = vec![image.as_str()];
    sets.extend(NO_WALLET);
    network(name, &sets)
}

/// The lines of all objects, with the object that each is of; nothing that is drawn at random.
fn lines(objects: &[Value]) -> Vec<String> {
    let random = |line: &&str| {
        let line = line.to_lowercase();
        ["apikey", "accesskey", "password"]
            .iter()
            .any(|word| line.contains(word))
    };
    let of = |object: &Value| {
        let (kind, name) = (&object["kind"], &object["metadata"]["name"]);
        let text = serde_json::to_string_pretty(object).expect("JSON");
        let lines = text.lines().filter(|line| !random(line));
        lines
            .map(|line| format!("{kind} {name}: {}", line.trim()))
            .collect::<Vec<_>>()
    };
    objects.iter().flat_map(of).collect()
}

/// With the next test, this is a golden file for each release of each network.
#[tokio::test]
async fn networks_render_as_before() {
    for name in NETWORKS {
        golden(name, &network(name, &[])).await;
    }
}

#[test]
fn public_and_staging_networks_are_of_the_release_that_people_run() {
    let release = |name| {
        let values = network(name, &[]).values;
        values.release().expect("a release").name
    };
    assert_eq!(NETWORKS.map(release), ["4.1", "6.0", "6.0"]);
}

#[tokio::test]
async fn the_chart_renders_the_same_but_image_and_release() {
    for name in NETWORKS {
        let oldest = render(&of_release(name, Release::oldest())).await;
        let before = lines(&oldest);
        for release in &ALL[1..] {
            let objects = render(&of_release(name, release)).await;
            let after = lines(&objects);
            let differing = after.iter().filter(|line| !before.contains(line));
            let others: Vec<&String> = differing
                .filter(|line| !line.contains("aznet.dev/config-checksum"))
                // Alerts of what only newer ones tell.
                .filter(|line| !line.starts_with("\"ConfigMap\" \"prometheus\": \"aztec.yaml\""))
                .filter(|line| !line.contains(release.image))
                .filter(|line| {
                    !line.starts_with("\"ConfigMap\" \"network-config\": \"network.json\"")
                })
                .collect();
            assert!(others.is_empty(), "{name} {release}: {others:#?}");
            let mut expected = config(&oldest);
            expected.release = release;
            assert_eq!(config(&objects), expected, "{name} {release}");
        }
    }
}

#[tokio::test]
async fn pods_are_told_the_release() {
    for release in ALL {
        let objects = render(&of_release("small", release)).await;
        assert_eq!(config(&objects).release, release);
    }
}

#[test]
fn plans_say_what_a_release_asks_for() {
    let mut text = String::new();
    for name in NETWORKS {
        for release in ALL {
            let plan = plan(&of_release(name, release).values).expect("it can be planned");
            text.push_str(&in_words(name, &plan));
        }
    }
    insta::assert_snapshot!(text);
}

/// What a plan says, but for pods one by one.
fn in_words(name: &str, plan: &Plan) -> String {
    let (release, proof) = (plan.release.name, plan.release.proof);
    let roles = plan
        .roles
        .iter()
        .map(|role| format!("{} {}", role.replicas, role.name));
    let roles = roles.collect::<Vec<_>>().join(", ");
    let mut text = format!("{name}: {release} {proof:?}: {roles}\n");
    let secrets = plan.secrets.iter().map(|secret| {
        let (name, holds, may_hold) = (&secret.name, &secret.holds, &secret.may_hold);
        format!("Secret {name}: {holds:?}, perhaps {may_hold:?}")
    });
    let paid = plan.prefund.iter().map(|prefund| {
        let (keys, holder, purpose) = (prefund.keys, &prefund.holder, prefund.purpose);
        format!("keys {keys} of {holder} {purpose}")
    });
    let needs = plan.needs.iter().filter(|need| need.is_of_l1());
    let needs = needs.map(|need| format!("{}: {need}", need.name()));
    let lines = secrets.chain(paid).chain(needs);
    for line in lines.chain(plan.notes.iter().cloned()) {
        writeln!(text, "  {line}").expect("a string takes all");
    }
    text
}

#[test]
fn what_a_release_lacks_is_named() {
    let six = "images.aztec.image=azteclabs/aztec:6.0.0";
    let mut text = String::new();
    for sets in [
        vec!["images.aztec.image=azteclabs/aztec:7.1.0"],
        vec![
            "images.aztec.image=aztec@sha256:0000000000000000000000000000000000000000000000000000000000000000",
        ],
        vec!["network.release=6.0"],
        vec![six],
        vec![six, "pxe.replicas=0", "network.slotDuration=8"],
        vec![six, "pxe.replicas=0", "network.slotDuration=4"],
        vec![
            six,
            "pxe.replicas=0",
            "validator.sequencer.blockDurationMs=5000",
        ],
        vec![
            six,
            "pxe.replicas=0",
            "network.staking.exitDelaySeconds=6000000",
        ],
        vec![six, "pxe.replicas=0", "network.slashing.flavor=empire"],
        vec![six, "pxe.replicas=0", "bot.replicas=2"],
        vec![
            six,
            "pxe.replicas=0",
            "validator.sequencer.l1PublishingSeconds=4",
        ],
        vec![six, "pxe.replicas=0", "fullNode.args={--archiver,--node}"],
        vec![
            six,
            "pxe.replicas=0",
            "fullNode.image=aztecprotocol/aztec:4.1.2",
        ],
    ] {
        let problems = plan(&network("small", &sets).values).expect_err("these can't work");
        writeln!(text, "-> {}", sets.join(",")).expect("a string takes all");
        for problem in problems {
            writeln!(text, "  {problem}").expect("a string takes all");
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_tag_that_names_no_release_is_taken_for_the_one_that_is_run_and_the_plan_says_so() {
    let sets = ["images.aztec.image=aztecprotocol/aztec:c07d910"];
    let plan = plan(&network("small", &sets).values).expect("it is some image");
    assert_eq!(plan.release.name, Release::newest_run());
    let note = "names no release: taken for 4.1; network.release can say otherwise";
    assert!(
        plan.notes.iter().any(|one| one.contains(note)),
        "{:?}",
        plan.notes
    );
}

#[test]
fn a_variable_that_a_release_does_not_read_is_noted() {
    let six = "images.aztec.image=azteclabs/aztec:6.0.0";
    let sets = [
        six,
        "pxe.replicas=0",
        "validator.env.SEQ_ENFORCE_TIME_TABLE=\"false\"",
        "fullNode.env.ENABLE_VERSION_CHECK=\"true\"",
    ];
    let plan = plan(&network("small", &sets).values).expect("a variable is the user's last word");
    let notes = plan.notes.join("\n");
    for expected in [
        "validator.env.SEQ_ENFORCE_TIME_TABLE: nothing in Aztec 6.0 reads this variable.",
        "fullNode.env.ENABLE_VERSION_CHECK: Aztec 6.0 reads ENABLE_AUTO_SHUTDOWN instead.",
    ] {
        assert!(notes.contains(expected), "{notes}");
    }
}

#[test]
fn an_unknown_version_runs_by_the_profile_that_is_named() {
    let sets = [
        "images.aztec.image=azteclabs/aztec:7.1.0",
        "network.release=6.0",
        "pxe.replicas=0",
    ];
    let plan = plan(&network("small", &sets).values).expect("someone says which");
    assert_eq!(plan.release.name.name, "6.0");
}

#[test]
fn an_offence_is_named_with_the_releases_that_know_it() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let file = dir.path().join("penalties.yaml");
    let text = "network: {slashing: {penalties: {invalidCheckpoint: \"1\"}}}";
    std::fs::write(&file, text).expect("writes");
    let values = with_files("small", &[file], &[]).values;
    let problems = plan(&values).expect_err("4.1 does not know it");
    assert_eq!(problems.len(), 1);
    assert_eq!(
        problems[0].expected,
        "nothing with Aztec 4.1: only 5.2 and 6.0 have this offence"
    );
}

#[test]
fn the_charts_own_penalties_ask_for_nothing_that_a_release_lacks() {
    for release in ALL {
        let values = of_release("small", release).values;
        let penalties = &values.network.slashing.penalties;
        for (offence, key) in Offence::NOT_IN_ALL {
            assert!(
                !penalties.asks_for(offence),
                "{key}: the constant and values.yaml differ"
            );
        }
    }
}

#[test]
fn validators_without_a_volume_are_refused_where_they_rely_on_what_they_signed() {
    let without = ["validator.storage.enabled=false", "pxe.replicas=0"];
    let six = ["images.aztec.image=azteclabs/aztec:6.0.0"];
    plan(&network("small", &without).values).expect("4.1 keeps no record");
    let sets = [&without[..], &six].concat();
    let problems = plan(&network("small", &sets).values).expect_err("6.0 does");
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].key, "validator.storage.enabled");
    let allowed = ["validator.env.VALIDATOR_ALLOW_EPHEMERAL_SIGNING_PROTECTION=true"];
    let sets = [&sets[..], &allowed].concat();
    plan(&network("small", &sets).values).expect("someone takes it upon himself");
}

#[tokio::test]
async fn a_plain_install_refuses_what_the_plan_does() {
    let six = "images.aztec.image=azteclabs/aztec:6.0.0";
    for (sets, words) in [
        (
            vec![six],
            "pxe.replicas is set with Aztec 6.0, for which there is no image of the wallet server: set it to 0",
        ),
        (
            vec!["images.aztec.image=azteclabs/aztec:7.1.0"],
            "images.aztec.image is azteclabs/aztec:7.1.0: its tag names no known release",
        ),
        (
            vec!["network.release=6.0"],
            "its tag names no known release, or not that of network.release (\"6.0\")",
        ),
        (
            vec![
                six,
                "pxe.replicas=0",
                "validator.image=aztecprotocol/aztec:5.2.0",
            ],
            "validator has image aztecprotocol/aztec:5.2.0: a network's images must be of one release, here 6.0",
        ),
    ] {
        let loaded = network("small", &sets);
        let error = try_render(&loaded).await.expect_err("the chart refuses it");
        let said = error.to_string();
        let plain = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(plain.contains(words), "{sets:?}: {error}");
        plan(&loaded.values).expect_err("and so does the plan");
    }
}
