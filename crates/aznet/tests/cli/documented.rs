//! Every `aznet …` of the documentation is a command of this program.

use std::path::{Path, PathBuf};

use clap::error::ErrorKind;

use super::support::source;
use crate::shown::shown;

/// What a name in capitals or angle brackets stands for: it fits where a network, a file, a number or a pod is asked for.
const SOMETHING: &str = "1";

#[test]
fn every_command_of_the_documentation_is_understood() {
    let mut seen = 0;
    let mut wrong = Vec::new();
    for page in pages() {
        let text = std::fs::read_to_string(&page).expect("a page");
        let place = page.strip_prefix(source()).unwrap_or(&page).display();
        let (mut blocks, prose) = (in_blocks(&text), in_prose(&text));
        if page.ends_with("docs/reference/cli.md") {
            blocks.extend(in_examples(&text));
        }
        seen += blocks.len() + prose.len();
        for (line, words) in blocks {
            if let Err(error) = understood(&words, false) {
                wrong.push(format!("{place}:{line}: `{}`: {error}", words.join(" ")));
            }
        }
        for (line, words) in prose {
            if let Err(error) = understood(&words, true) {
                wrong.push(format!("{place}:{line}: `{}`: {error}", words.join(" ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        seen > 50,
        "only {seen} commands were found: is the documentation elsewhere?"
    );
}

/// An alert without a section sends whoever is woken by it nowhere; that its commands parse is tested above.
#[test]
fn each_alert_has_a_section_of_the_runbook_and_names_it() {
    let folder = source().join("helm-charts/aztec-network/templates/prometheus");
    let rules = ["_alerts.tpl", "_rules.tpl"].map(|file| {
        let path = folder.join(file);
        std::fs::read_to_string(&path).expect("the rules")
    });
    let rules = rules.concat();
    let alerts: Vec<&str> = of_lines(&rules, "- alert: ").collect();
    let links: Vec<&str> = of_lines(&rules, "runbook_url: ").collect();
    assert!(alerts.len() > 10, "{alerts:?}");
    let page = std::fs::read_to_string(source().join("docs/guide/runbook.md")).expect("a page");
    let mut sections: Vec<&str> = of_lines(&page, "## ").collect();
    let anchor = |alert: &&str| format!("docs/guide/runbook.md#{}", alert.to_lowercase());
    let expected: Vec<String> = alerts.iter().map(anchor).collect();
    assert_eq!(links, expected, "each alert links to its own section");
    let mut alerts = alerts;
    alerts.sort_unstable();
    sections.sort_unstable();
    assert_eq!(sections, alerts, "a section for each alert, and no other");
    let parts = page.split("\n## ").skip(1);
    for part in parts {
        let shows = in_blocks(part).len();
        assert!(
            shows > 0,
            "no command in {}",
            part.lines().next().unwrap_or_default()
        );
    }
}

/// What follows `begin` in lines that begin with it.
fn of_lines<'a>(text: &'a str, begin: &'a str) -> impl Iterator<Item = &'a str> {
    let lines = text.lines().map(str::trim_start);
    lines.filter_map(move |line| line.strip_prefix(begin))
}

#[test]
fn what_no_longer_works_is_found() {
    let words = |text: &str| in_blocks(text).remove(0).1;
    let not_in_block = |text: &str| understood(&words(text), false).is_err();
    assert!(not_in_block("    aznet test --name mine"));
    assert!(not_in_block(
        "    aznet plan my-network.yaml --diff my-network"
    ));
    assert!(not_in_block(
        "    eval \"$(cargo run --release -- environment)\""
    ));
    assert!(not_in_block(
        "```sh\naznet up small \\\n  --no-such-flag\n```"
    ));
    assert!(not_in_block("    aznet validators      # which of them?"));
    assert!(understood(&in_prose("see `aznet validators`").remove(0).1, true).is_ok());
    assert!(understood(&words("    A=b cargo run -- up NAME -f <FILE>"), false).is_ok());
    assert!(in_blocks("```yaml\naznet: 1\n```\n    aznet ──▶ aznet-cluster").is_empty());
}

/// Whether the program takes these arguments; in prose a command may be named without what it needs.
fn understood(words: &[String], prose: bool) -> Result<(), String> {
    let line = std::iter::once("aznet".to_owned()).chain(words.iter().map(|word| filled(word)));
    match aznet::cli().try_get_matches_from(line) {
        Ok(matches) => known_network(&matches).and_then(|()| expressions(&matches)),
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Ok(()),
            ErrorKind::MissingRequiredArgument
            | ErrorKind::MissingSubcommand
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
                if prose =>
            {
                Ok(())
            }
            _ => Err(error.to_string()),
        },
    }
}

/// The network named is one of `networks/`: the command line itself takes any word.
fn known_network(matches: &clap::ArgMatches) -> Result<(), String> {
    let Some((_, verb)) = matches.subcommand() else {
        return Ok(());
    };
    let Ok(Some(name)) = verb.try_get_one::<String>("network") else {
        return Ok(());
    };
    let file = source().join("networks").join(format!("{name}.yaml"));
    if name == SOMETHING || file.is_file() {
        return Ok(());
    }
    Err(format!("no network {name} in networks/"))
}

/// Expressions that select tests: the command line itself takes any text.
fn expressions(matches: &clap::ArgMatches) -> Result<(), String> {
    let Some(("test", verb)) = matches.subcommand() else {
        return Ok(());
    };
    let texts = verb.get_many::<String>("expressions").into_iter().flatten();
    let mut read = texts.map(|text| text.parse::<aznet_runner::Filter>());
    read.try_for_each(|filter| filter.map(drop).map_err(|error| error.to_string()))
}

/// With something in the place of `NAME`, `<name>` and of what follows `context:` or `=` likewise.
fn filled(word: &str) -> String {
    let stands_for = |part: &str| {
        let capitals = part
            .chars()
            .all(|c| c.is_ascii_uppercase() || matches!(c, '_' | '|'));
        (capitals && !part.is_empty()) || (part.starts_with('<') && part.ends_with('>'))
    };
    let parts = word.split_inclusive([':', '=']).map(|part| {
        let name = part.trim_end_matches([':', '=']);
        if stands_for(name) {
            part.replacen(name, something(name), 1)
        } else {
            part.to_owned()
        }
    });
    parts.collect()
}

/// Names begin with a letter; everything else may be a number.
fn something(stands_for: &str) -> &'static str {
    if stands_for.contains("NAME") || stands_for.contains("name") {
        "small"
    } else {
        SOMETHING
    }
}

/// README, guides, references, the charts' pages and the comments of their values.
fn pages() -> Vec<PathBuf> {
    let mut pages = vec![source().join("README.md"), source().join("CONTRIBUTING.md")];
    for folder in ["docs", "helm-charts", "pxe"] {
        collect(&source().join(folder), &mut pages);
    }
    pages
}

fn collect(folder: &Path, pages: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() && name != "node_modules" {
            collect(&path, pages);
        } else if path.extension().is_some_and(|end| end == "md") || name == "values.yaml" {
            pages.push(path);
        }
    }
}

/// Line and arguments of each command of the program in blocks of code.
fn in_blocks(page: &str) -> Vec<(usize, Vec<String>)> {
    let commands = shown(page).into_iter();
    commands
        .flat_map(|shown| {
            arguments(&shown.text)
                .into_iter()
                .map(move |words| (shown.line, words))
        })
        .collect()
}

/// The same below `Examples:` of the command-line reference, where two spaces part a command from what it does.
fn in_examples(page: &str) -> Vec<(usize, Vec<String>)> {
    let lines = page.lines().enumerate();
    lines
        .filter_map(|(index, line)| Some((index + 1, line.strip_prefix("  ")?)))
        .filter(|(_, line)| line.starts_with("aznet ") || line.starts_with("eval "))
        .flat_map(|(line, text)| {
            let command = text.split("  ").next().unwrap_or(text);
            arguments(command)
                .into_iter()
                .map(move |words| (line, words))
        })
        .collect()
}

/// The same between backquotes, outside of blocks.
fn in_prose(page: &str) -> Vec<(usize, Vec<String>)> {
    let lines = page
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.starts_with("    "));
    lines
        .flat_map(|(index, line)| {
            let spans = line.split('`').skip(1).step_by(2);
            spans
                .filter(|span| span.starts_with("aznet ") || span.starts_with("cargo run"))
                .flat_map(arguments)
                .map(move |words| (index + 1, words))
        })
        .collect()
}

/// The arguments of each `aznet` or `cargo run --` in a line of shell: after an assignment, in a pipe, in `$(…)`.
fn arguments(line: &str) -> Vec<Vec<String>> {
    let inner = line
        .split("$(")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    let outer = line.split("&&").flat_map(|part| part.split([';', '|']));
    outer
        .chain(inner)
        .filter_map(|command| {
            let words = shlex::split(command)?;
            let mut words: Vec<String> = words
                .into_iter()
                .skip_while(|word| word == "sudo" || word.contains('='))
                .filter(|word| word != "…" && word != "...")
                .collect();
            let start = match words.first().map(String::as_str) {
                Some("aznet") => 1,
                Some("cargo") if words.get(1).is_some_and(|word| word == "run") => {
                    words.iter().position(|word| word == "--")? + 1
                }
                _ => return None,
            };
            let mut words = words.split_off(start);
            words.truncate(
                words
                    .iter()
                    .position(|word| word.starts_with('>'))
                    .unwrap_or(words.len()),
            );
            // A drawing of the crates is no command.
            words
                .iter()
                .all(|word| !word.contains('▶'))
                .then_some(words)
        })
        .collect()
}
