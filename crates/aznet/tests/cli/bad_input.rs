//! Bad input: a clear error with the right exit code, found before anything is built or started.

use super::support::Sandbox;

/// One snapshot per command line.
fn check(cases: &[(&str, &[&str])]) {
    let sandbox = Sandbox::new();
    for (name, args) in cases {
        insta::assert_snapshot!(*name, sandbox.run(args));
    }
}

#[test]
fn the_command_line() {
    check(&[
        ("usage-unknown-verb", &["stauts"]),
        ("usage-unknown-flag", &["up", "--clutser", "embedded"]),
        ("usage-unknown-shell", &["completions", "bsh"]),
        ("usage-unknown-format", &["status", "-o", "yaml"]),
        (
            "usage-kind-workers",
            &["up", "--cluster", "kind:ci,workers=many"],
        ),
        (
            "usage-cluster-up-context",
            &["cluster", "up", "--cluster", "context:mine"],
        ),
        (
            "usage-cluster-up-twice-named",
            &["cluster", "up", "ci", "--cluster", "kind:ci"],
        ),
        (
            "usage-kubernetes-of-kind",
            &["up", "--cluster", "kind", "--kubernetes", "1.35"],
        ),
        (
            "usage-policies-of-kind",
            &["cluster", "up", "--cluster", "kind", "--network-policy"],
        ),
        ("usage-bad-cluster-name", &["cluster", "up", "My_Cluster"]),
        (
            "usage-bad-network-name",
            &["up", "small", "--name", "My_Net"],
        ),
        (
            "usage-unknown-kubernetes",
            &["cluster", "up", "--kubernetes", "1.34"],
        ),
        (
            "usage-kubernetes-of-a-context",
            &["up", "--cluster", "context:mine", "--kubernetes", "1.35"],
        ),
        ("usage-bad-ttl", &["up", "small", "--ttl", "soon"]),
        ("usage-zero-ttl", &["up", "small", "--ttl", "0s"]),
        ("usage-bad-port-base", &["up", "small", "--port-base", "80"]),
        ("usage-bad-regex", &["logs", "--grep", "("]),
        ("usage-bad-age", &["logs", "--since", "10"]),
        ("usage-bad-tail", &["logs", "--tail", "-1"]),
        ("usage-bad-count", &["validators", "add", "--count", "0"]),
        (
            "usage-set-without-value",
            &["plan", "small", "--set", "validator.replicas"],
        ),
        ("usage-down-name-and-all", &["down", "small", "--all"]),
        ("usage-down-everyone-alone", &["down", "--everyone"]),
        ("usage-plan-reset-alone", &["plan", "small", "--reset"]),
        (
            "usage-unknown-instance-type",
            &["plan", "spartan", "--instance-type", "r7a.4xlrge"],
        ),
        (
            "usage-test-network-and-attach",
            &["test", "--network", "small", "--attach", "small"],
        ),
        (
            "usage-test-unknown-condition",
            &["test", "--matrix", "--condition", "no-qourum"],
        ),
        (
            "usage-test-matrix-topology",
            &["test", "--matrix", "--topology", "two-pod"],
        ),
        (
            "usage-test-condition-alone",
            &["test", "--condition", "calm"],
        ),
        (
            "usage-test-generate-and-attach",
            &["test", "--generate", "--attach", "small"],
        ),
        ("usage-test-count-alone", &["test", "--count", "2"]),
        (
            "usage-bundle-explain-and-name",
            &["bundle", "small", "--explain", "b.tar.gz"],
        ),
        (
            "usage-bundle-explain-no-file",
            &["bundle", "--explain", "nosuch.tar.gz"],
        ),
        ("usage-dashboards-no-time", &["dashboards", "--since", "0s"]),
        (
            "usage-dashboards-no-duration",
            &["dashboards", "--since", "yesterday"],
        ),
        (
            "usage-bad-partition",
            &["test", "--partition", "3/2", "--list"],
        ),
    ]);
}

/// The flag is hidden: only the variable's name says where the value comes from.
#[test]
fn clusters_of_kind_without_docker() {
    let sandbox = Sandbox::new().alone();
    for (name, args) in [
        (
            "kind-no-engine-down",
            &["cluster", "down", "--cluster", "kind:ci"][..],
        ),
        (
            "kind-none-made-load",
            &["images", "load", "a.tar", "--cluster", "kind:ci"],
        ),
        ("kind-none-made-list", &["cluster", "list"]),
        ("kind-none-made-status", &["status", "--cluster", "kind:ci"]),
    ] {
        insta::assert_snapshot!(name, sandbox.run(args));
    }
}

#[test]
fn the_environment() {
    let sandbox = Sandbox::with_memory("lots");
    insta::assert_snapshot!("usage-bad-memory-variable", sandbox.run(&["plan"]));
}

#[test]
fn names_and_keys() {
    check(&[
        ("values-unknown-network", &["up", "smal"]),
        (
            "values-unknown-network-json",
            &["plan", "smal", "-o", "json"],
        ),
        (
            "values-unknown-key",
            &["up", "small", "--set", "validator.replica=3"],
        ),
        (
            "values-unknown-top-level-key",
            &["plan", "small", "--set", "validators.replicas=3"],
        ),
    ]);
}

#[test]
fn types_and_counts() {
    check(&[
        (
            "values-wrong-type",
            &["up", "small", "--set", "validator.replicas=many"],
        ),
        (
            "values-negative",
            &["up", "small", "--set", "validator.replicas=-1"],
        ),
        (
            "values-no-validators",
            &["up", "small", "--set", "validator.replicas=0"],
        ),
        (
            "values-no-boot-node",
            &["up", "small", "--set", "bootNode.replicas=0"],
        ),
        (
            "values-zero-slot",
            &["up", "small", "--set", "network.slotDuration=0"],
        ),
        (
            "values-several-at-once",
            &[
                "up",
                "small",
                "--set",
                "pxe.replicas=x",
                "--set",
                "fullNode.replica=1",
            ],
        ),
    ]);
}

#[test]
fn impossible_combinations() {
    check(&[
        (
            "values-committee-too-large",
            &["up", "small", "--set", "network.committeeSize=5"],
        ),
        (
            "values-overlapping-keys",
            &["up", "small", "--set", "keys.publisherIndexStart=1002"],
        ),
        (
            "values-slot-and-l1-block",
            &["up", "small", "--set", "network.slotDuration=10"],
        ),
    ]);
}

#[test]
fn files() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "broken.yaml",
        "validator:\n  replicas: 4\n   logLevel: debug\n",
    );
    sandbox.write("list.yaml", "- 1\n- 2\n");
    sandbox.write("typo.yaml", "validator:\n  replcas: 4\n");
    for (name, file) in [
        ("broken", "broken.yaml"),
        ("list", "list.yaml"),
        ("typo", "typo.yaml"),
        ("missing", "nosuch.yaml"),
    ] {
        insta::assert_snapshot!(
            format!("values-file-{name}"),
            sandbox.run(&["up", "small", "-f", file])
        );
    }
}

#[test]
fn memory() {
    let sandbox = Sandbox::with_memory("2GiB");
    insta::assert_snapshot!("values-too-large", sandbox.run(&["up", "small"]));
    insta::assert_snapshot!(
        "values-far-too-large",
        sandbox.run(&["up", "small", "--set", "validator.replicas=1000"])
    );
}

#[test]
fn no_network() {
    check(&[
        ("no-network-status", &["status"]),
        ("no-network-status-named", &["status", "small"]),
        ("no-network-logs", &["logs"]),
        ("no-network-env", &["env"]),
        ("no-network-bundle", &["bundle"]),
        ("no-network-dashboards", &["dashboards", "small"]),
        (
            "no-folder-for-dashboards",
            &["dashboards", "--output", "nosuch/d.html"],
        ),
        ("no-network-join", &["join", "smal"]),
        (
            "usage-unknown-role",
            &["join", "small", "--role", "validater"],
        ),
        (
            "no-folder-for-bundle",
            &["bundle", "--output", "nosuch/b.tar.gz"],
        ),
        ("no-network-validators", &["validators", "list"]),
        ("no-network-validators-add", &["validators", "add", "small"]),
        (
            "validators-bad-target",
            &["validators", "remove", "full-node-0"],
        ),
        (
            "validators-bad-address",
            &["validators", "remove", "0x1234"],
        ),
        ("no-network-down", &["down", "small"]),
        ("no-network-down-all", &["down", "--all"]),
        ("no-network-list", &["list"]),
        ("no-network-list-json", &["list", "-o", "json"]),
        ("no-network-test", &["test", "transfer"]),
        (
            "no-network-test-attach",
            &["test", "transfer", "--attach", "small"],
        ),
        ("no-cluster-list", &["cluster", "list"]),
        ("no-cluster-list-json", &["cluster", "list", "-o", "json"]),
        ("no-cluster-down", &["cluster", "down", "nosuch"]),
        ("no-test-selected", &["test", "nosuch", "--list"]),
        ("no-test-that-looks-on", &["test", "attack"]),
        (
            "no-test-can-run",
            &[
                "test",
                "--network",
                "tiny",
                "-E",
                "test(=transfer) | test(=attack-invalid-block)",
            ],
        ),
        ("no-cluster-images-load", &["images", "load", "a:1"]),
    ]);
}

#[test]
fn tests_that_there_are_not() {
    check(&[
        ("test-nearest-name", &["test", "tranfser", "--list"]),
        (
            "test-empty-part",
            &["test", "transfer", "--partition", "1/2", "--list"],
        ),
        (
            "usage-test-expression",
            &["test", "-E", "test(transfer) & (tag(tokens) class(own)"],
        ),
        ("usage-test-unknown-set", &["test", "-E", "tests(transfer)"]),
        (
            "usage-test-unknown-tag",
            &["test", "-E", "test(transfer) & !tag(tokns)"],
        ),
        (
            "usage-test-unknown-topology",
            &["test", "-E", "topology(=smal)"],
        ),
        (
            "usage-test-unknown-profile",
            &["test", "--profile", "nigthly"],
        ),
        (
            "usage-test-two-limits",
            &["test", "--fail-fast", "--max-fail", "2"],
        ),
    ]);
}

#[test]
fn faults() {
    let sandbox = Sandbox::new();
    let file = |name: &str, experiment: &str| {
        let text = format!("experiments: {{x: {{{experiment}}}}}");
        sandbox.write(&format!("{name}.yaml"), &text);
    };
    let pods = "pods: {roles: [validator]}, duration: 30s";
    for (name, experiment) in [
        (
            "fault-unknown",
            format!("{pods}, netwrok: {{action: delay}}"),
        ),
        (
            "fault-unknown-action",
            format!("{pods}, protocol: {{action: fake-attestation}}"),
        ),
        (
            "fault-unknown-role",
            "pods: {roles: [validater]}, duration: 30s, pod: {action: kill}".to_owned(),
        ),
        (
            "fault-negative-duration",
            "pods: {}, duration: -30s, pod: {action: kill}".to_owned(),
        ),
        (
            "fault-absurd-duration",
            "pods: {}, duration: 999h, pod: {action: kill}".to_owned(),
        ),
        (
            "fault-absurd-rate",
            format!("{pods}, network: {{action: loss, percent: 140}}"),
        ),
        (
            "fault-of-everyone",
            "pods: {namespaces: [default]}, duration: 30s, pod: {action: kill}".to_owned(),
        ),
        (
            "fault-of-two-kinds",
            format!("{pods}, pod: {{action: kill}}, stress: {{cpu: {{workers: 1}}}}"),
        ),
    ] {
        file(name, &experiment);
        let path = format!("{name}.yaml");
        insta::assert_snapshot!(name, sandbox.run(&["chaos", "apply", "small", "-f", &path]));
    }
    for (name, args) in [
        (
            "fault-unknown-preset",
            &["chaos", "apply", "small", "bootnode-failure"][..],
        ),
        ("fault-none", &["chaos", "apply", "small"]),
        (
            "fault-bad-seed",
            &["chaos", "apply", "small", "mild", "--seed", "x"],
        ),
    ] {
        insta::assert_snapshot!(name, sandbox.run(args));
    }
}

#[test]
fn settings_of_tests() {
    let files = [
        ("unknown-key", "[profile.pr]\nretries = 1\nretrys = 2\n"),
        ("expression", "[profile.pr]\nfilter = 'tag(tokens) &'\n"),
        (
            "circle",
            "[profile.pr]\ninherits = 'nightly'\n[profile.nightly]\ninherits = 'pr'\n",
        ),
        ("nothing", "[profile.pr]\nfilter = 'class(own)'\n"),
    ];
    for (name, text) in files {
        let sandbox = Sandbox::new();
        sandbox.write(".config/aznet.toml", text);
        insta::assert_snapshot!(
            format!("test-settings-{name}"),
            sandbox.run(&["test", "--profile", "pr"])
        );
    }
}

/// Nothing is looked for, let alone started, for a report that could not be written.
#[test]
fn folders_for_reports() {
    let sandbox = Sandbox::new();
    sandbox.write("out/events.jsonl", "");
    sandbox.write("taken", "");
    for (name, args) in [
        ("usage-report-there", &["test", "--report", "out"][..]),
        ("usage-report-unwritable", &["test", "--report", "taken"]),
        ("usage-no-baseline", &["test", "--baseline", "out"]),
        (
            "no-network-test-force",
            &["test", "--report", "out", "--force"],
        ),
    ] {
        insta::assert_snapshot!(name, sandbox.run(args));
    }
    assert_eq!(sandbox.read("out/events.jsonl"), "");
}

#[test]
fn clusters_that_cannot_be_reached() {
    let sandbox = Sandbox::new();
    let none = sandbox.run(&["status", "--cluster", "context:nosuch"]);
    insta::assert_snapshot!("cluster-no-kubeconfig", none);
    sandbox.write("kubeconfig", &kubeconfig("https://127.0.0.1:1"));
    insta::assert_snapshot!(
        "cluster-no-such-context",
        sandbox.run(&["status", "--cluster", "context:nosuch"])
    );
    insta::assert_snapshot!(
        "cluster-unreachable",
        sandbox.run(&["list", "--cluster", "context:there"])
    );
    insta::assert_snapshot!(
        "cluster-unreachable-up",
        sandbox.run(&["up", "small", "--cluster", "context:there"])
    );
}

/// A kubeconfig whose one context, `there`, leads to `server`.
fn kubeconfig(server: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: there\n\
         clusters: [{{name: c, cluster: {{server: '{server}', insecure-skip-tls-verify: true}}}}]\n\
         contexts: [{{name: there, context: {{cluster: c, user: u}}}}]\n\
         users: [{{name: u, user: {{token: x}}}}]\n"
    )
}
