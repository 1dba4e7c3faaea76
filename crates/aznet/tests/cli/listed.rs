//! What can be listed without a cluster.

use super::support::Sandbox;

/// Names, classes and tags are relied on in the filters and partitions of CI jobs.
#[test]
fn tests_are_listed() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!("test-list", sandbox.run(&["test", "--list"]));
    let json = sandbox.run(&["test", "--list", "-o", "json"]);
    insta::assert_snapshot!("test-list-json", json);
    let selected = sandbox.run(&["test", "--list", "-E", "test(=transfer) & class(observe)"]);
    insta::assert_snapshot!("test-list-expression", selected);
}

/// What is possible follows from the plans of the topologies, and is shown before anything starts.
#[test]
fn the_matrix_is_listed() {
    let sandbox = Sandbox::new();
    let grid = sandbox.run(&["test", "--matrix", "--list"]);
    insta::assert_snapshot!("test-matrix", grid);
    let one = ["test", "--matrix", "--list", "-o", "json"];
    let cell = ["--topology", "one", "--condition", "validator-offline"];
    insta::assert_snapshot!("test-matrix-json", sandbox.run(&[&one[..], &cell].concat()));
    let selected = ["--network", "tiny", "-E", "class(own) | tag(=calm)"];
    let args = [&["test", "--matrix", "--list"][..], &selected].concat();
    insta::assert_snapshot!("test-matrix-network", sandbox.run(&args));
}

/// A seed draws the same everywhere, and what it draws is shown before anything starts.
#[test]
fn scenarios_by_chance_are_listed() {
    let sandbox = Sandbox::new();
    let list = [
        "test",
        "--generate",
        "--seed",
        "6",
        "--count",
        "2",
        "--list",
    ];
    insta::assert_snapshot!("test-generate", sandbox.run(&list));
    let one = ["test", "--generate", "--seed", "7", "--list", "-o", "json"];
    insta::assert_snapshot!("test-generate-json", sandbox.run(&one));
}

/// The file is found from below, too; what it says goes before what is built in, and the command line before both.
#[test]
fn settings_of_a_file_are_applied() {
    let sandbox = Sandbox::new();
    let settings = "
        [profile.pr]
        retries = 2
        [[profile.pr.overrides]]
        filter = 'test(transfer)'
        weight = 3
        slow-timeout = { period = '1m', terminate-after = 7 }
    ";
    sandbox.write(".config/aznet.toml", settings);
    let listed = |more: &[&str]| {
        let base = ["test", "--list", "--profile", "pr", "-o", "json"];
        sandbox.run(&[&base, more].concat())
    };
    let own = listed(&[]);
    let said = [
        "\"weight\": 3",
        "\"retries\": 2",
        "\"deadline_seconds\": 420",
    ];
    assert!(said.iter().all(|part| own.contains(part)), "{own}");
    let told = listed(&["--retries", "5"]);
    assert!(told.contains("\"retries\": 5"), "{told}");
}
