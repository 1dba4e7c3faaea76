//! What is written here of releases, against what they publish on npm. Of 6.0 nothing can be had there; of 5.2 neither `aztec`,
//! which has the options of `start`, nor `stdlib`, `pxe` and `wallets`.

mod packages;
mod wallet;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use aznet_model::release::{Release, readers};
use aznet_model::role::Role;

use packages::{package, read};

/// The lines whose packages are there, with their versions.
const LINES: [(&str, &str); 2] = [("4.1", "4.1.2"), ("5.2", "5.2.0")];
/// Aztec's variables that are set here.
const SET_HERE: &str = include_str!("../../src/environment/set_here.txt");
/// Aztec's variables, with the releases that list them.
const LISTED: &str = include_str!("../../../aznet-model/src/release/variables.txt");
/// The arguments that the contracts are deployed with.
const DEPLOYMENT: &str = include_str!(
    "../../src/network/snapshots/aznet_node__network__deployment__tests__no_key_among_the_arguments.snap"
);

fn release(line: &str) -> &'static Release {
    Release::named(line).expect("a profile")
}

/// Whether a program's text has an option, whatever stands around it.
fn has_option(text: &str, option: &str) -> bool {
    let mut places = text.match_indices(option);
    places.any(|(at, _)| text[at + option.len()..].starts_with(['\'', ' ', ',']))
}

#[test]
fn variables_are_those_of_the_releases_own_lists() {
    for (line, version) in LINES {
        let list = read("@aztec/foundation", version, "dest/config/env_var.d.ts");
        let union = list.lines().next().expect("a type");
        // A union of texts and nothing else.
        let published: BTreeSet<&str> = union.split('\'').skip(1).step_by(2).collect();
        let ours = LISTED.lines().filter(|line| !line.starts_with('#'));
        let ours = ours.filter_map(|line| line.split(' ').next());
        let ours: BTreeSet<&str> = ours.filter(|name| release(line).lists(name)).collect();
        assert!(published.len() > 300, "{line}: {union}");
        assert_eq!(ours, published, "{line}");
    }
}

#[test]
fn every_variable_that_is_set_is_in_some_list() {
    let names = SET_HERE.lines().filter(|line| !line.starts_with('#'));
    for name in names {
        assert!(!readers(name).is_empty(), "{name}");
    }
}

#[test]
fn what_a_profile_renames_is_what_the_lists_say() {
    for (line, _) in LINES {
        let (release, oldest) = (release(line), Release::oldest());
        for renamed in release.environment.renamed {
            assert!(release.lists(renamed.to), "{line}: {}", renamed.to);
            assert!(!release.lists(renamed.from), "{line}: {}", renamed.from);
            assert!(oldest.lists(renamed.from), "{}", renamed.from);
        }
        for (_, variable) in release.offences {
            assert!(release.lists(variable), "{line}: {variable}");
        }
    }
}

/// All text of a package's programs.
fn programs(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).expect("a package").flatten() {
        let path = entry.path();
        if path.is_dir() {
            text += &programs(&path);
        } else if path.extension().is_some_and(|extension| extension == "js") {
            text += &fs::read_to_string(path).expect("a program");
        }
    }
    text
}

#[test]
fn contracts_are_deployed_with_options_that_there_are() {
    let lines = DEPLOYMENT
        .lines()
        .filter_map(|line| line.trim().strip_prefix('"'));
    let words = lines.filter(|word| word.starts_with("--"));
    let options = words.map(|word| word.split(['=', '"']).next().unwrap_or(word));
    let mut options: BTreeSet<&str> = options.collect();
    options.insert("--real-verifier");
    assert!(options.len() > 4, "{options:?}");
    for (line, version) in LINES {
        let text = programs(&package("@aztec/cli", version).join("dest"));
        assert!(text.contains("command('deploy-l1-contracts')"), "{line}");
        for option in &options {
            assert!(has_option(&text, option), "{line}: {option}");
        }
    }
}

#[test]
fn roles_of_4_1_are_started_with_options_that_there_are() {
    let known = read("@aztec/aztec", "4.1.2", "dest/cli/aztec_start_options.js");
    for role in Role::ALL {
        for broker in [true, false] {
            let arguments = release("4.1").start.of(role, broker);
            for option in arguments.iter().filter(|one| one.starts_with("--")) {
                assert!(has_option(&known, option), "{role}: {option}");
            }
        }
    }
}

/// What alerts have of 5.2 and newer.
const OF_5_2: [&str; 3] = [
    "aztec_archiver_prune_type",
    "aztec_slasher_own_validator_slashed_count",
    "aztec_slasher_own_validator_targeted_count",
];
/// And of 6.0.
const OF_6_0: [&str; 2] = [
    "aztec_l1_publisher_low_balance_count",
    "aztec_prover_node_proving_not_started_unaffordable_count",
];

/// Metrics and attributes, as Prometheus has their names.
fn told(version: &str) -> BTreeSet<String> {
    let read = |file| read("@aztec/telemetry-client", version, file);
    let text = read("dest/metrics.js") + &read("dest/attributes.js");
    let named = text.split("'aztec.").skip(1);
    let named = named.filter_map(|rest| rest.split('\'').next());
    named
        .map(|name| format!("aztec_{}", name.replace('.', "_")))
        .collect()
}

/// The chart's rules and dashboards.
fn observed() -> Vec<PathBuf> {
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../helm-charts/aztec-network");
    let folders = ["dashboards", "templates/prometheus"].map(|folder| chart.join(folder));
    let entries = folders
        .iter()
        .flat_map(|folder| fs::read_dir(folder).expect("a folder"));
    entries
        .map(|entry| entry.expect("an entry").path())
        .collect()
}

#[test]
fn what_is_observed_is_told_by_newer_releases_too() {
    for (line, version) in LINES {
        let told = told(version);
        assert!(told.len() > 300, "{line}: {}", told.len());
        // Prometheus appends units and the kind.
        let known = |name: &str| told.iter().any(|metric| name.starts_with(metric.as_str()));
        let newer = |name: &str| OF_6_0.contains(&name) || line == "4.1" && OF_5_2.contains(&name);
        for file in observed() {
            let text = fs::read_to_string(&file).expect("a file of the chart");
            let words = text.split(|letter: char| {
                !(letter.is_ascii_alphanumeric() || letter == '_' || letter == ':')
            });
            let names = words.filter(|word| word.starts_with("aztec_") && !word.contains(':'));
            for name in names.filter(|name| !newer(name)) {
                assert!(known(name), "{line}: {}: {name}", file.display());
            }
        }
    }
}
