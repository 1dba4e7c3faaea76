//! `--help` of every verb: complete, and with examples.

use super::support::Sandbox;

const VERBS: [&[&str]; 40] = [
    &[],
    &["up"],
    &["down"],
    &["status"],
    &["list"],
    &["logs"],
    &["plan"],
    &["test"],
    &["report"],
    &["adopt"],
    &["env"],
    &["bundle"],
    &["dashboards"],
    &["join"],
    &["chaos"],
    &["chaos", "apply"],
    &["chaos", "list"],
    &["chaos", "clear"],
    &["chaos", "install"],
    &["chaos", "uninstall"],
    &["validators"],
    &["validators", "list"],
    &["validators", "add"],
    &["validators", "remove"],
    &["cluster"],
    &["cluster", "up"],
    &["cluster", "down"],
    &["cluster", "list"],
    &["images"],
    &["images", "build"],
    &["images", "list"],
    &["images", "load"],
    &["images", "push"],
    &["images", "export"],
    &["charts"],
    &["charts", "export"],
    &["doctor"],
    &["completions"],
    &["deploy"],
    &["preflight"],
];

#[test]
fn every_verb_explains_itself() {
    let sandbox = Sandbox::new();
    for verb in VERBS {
        let name = if verb.is_empty() {
            "aznet".to_owned()
        } else {
            verb.join("-")
        };
        insta::assert_snapshot!(
            format!("help-{name}"),
            sandbox.run(&[verb, &["--help"]].concat())
        );
    }
}

#[test]
fn no_visible_verb_is_forgotten_here() {
    let mut known: Vec<String> = VERBS.iter().map(|verb| verb.join(" ")).collect();
    let mut found = vec![String::new()];
    for verb in aznet::cli()
        .get_subcommands()
        .filter(|verb| !verb.is_hide_set())
    {
        found.push(verb.get_name().to_owned());
        let inner = verb.get_subcommands().filter(|inner| !inner.is_hide_set());
        found.extend(inner.map(|inner| format!("{} {}", verb.get_name(), inner.get_name())));
    }
    known.sort();
    found.sort();
    assert_eq!(known, found);
}

#[test]
fn every_help_has_examples() {
    let sandbox = Sandbox::new();
    for verb in VERBS {
        let help = sandbox.run(&[verb, &["--help"]].concat());
        assert!(help.contains("Examples:"), "{help}");
    }
}

#[test]
fn completions_are_printed_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = Sandbox::new().run(&["completions", shell]);
        assert!(
            script.contains("exit code: 0") && script.contains("supervise"),
            "{shell}: {script}"
        );
    }
}
