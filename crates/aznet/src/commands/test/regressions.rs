//! Scenarios that failed once, a file each in `networks/regressions`: every later run has them as tests.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use aznet_cluster::source::{Origin, Source};
use aznet_kit::files::{self, Access};
use aznet_runner::{Selection, Test};
use aznet_scenarios::generate::{Drawn, Ground, REGRESSION, Seen};

use super::args::TestArgs;
use super::choice::Choice;
use super::engine::{asked, execute, options, prepared};
use super::means::Means;
use super::pool::Pool;
use crate::context::Context;
use crate::exit::Exit;

/// Below `networks`.
const FOLDER: &str = "regressions";

/// The tests of all that are kept.
pub(super) fn tests(means: &Means, context: &Context) -> anyhow::Result<Vec<Test>> {
    let files = kept(&context.source.networks().join(FOLDER))?;
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let ground = Ground::read(context.source.root())?;
    let test = |(name, path): &(String, PathBuf)| {
        let made = read(path).and_then(|drawn| {
            let again = format!("aznet test {name}::");
            means.test((&drawn, &ground), (name, REGRESSION), again)
        });
        made.with_context(|| format!("{} can't be tested", path.display()))
    };
    files.iter().map(test).collect()
}

/// Runs them, each on a network of its own.
pub(super) async fn run(
    args: &TestArgs,
    (choice, selection): (&Choice, Selection),
    means: &Means,
    context: &Context,
) -> anyhow::Result<Exit> {
    let baseline = prepared(args)?;
    let options = options(args, choice, Some(Pool::gate()), asked()?, context).await;
    let with = (baseline.as_ref(), means.bundles(args));
    let outcome = execute(args, selection, &options, with, context).await;
    means.leave(context).await?;
    Ok(outcome?.exit)
}

/// How a scenario was found.
pub(super) struct Found<'a> {
    /// The command that drew it.
    pub(super) again: &'a str,
    /// How many runs made it as small as it is.
    pub(super) runs: u32,
    /// In how many of its runs it failed, as small as it is.
    pub(super) seen: Seen,
    /// What went wrong.
    pub(super) message: &'a str,
    /// The day.
    pub(super) on: jiff::civil::Date,
}

/// Writes one that failed, where later runs find it: in the checkout, else in the working directory.
pub(super) fn keep(drawn: &Drawn, found: &Found<'_>, source: &Source) -> anyhow::Result<PathBuf> {
    let folder = match source.origin() {
        Origin::Checkout => source.networks(),
        Origin::Program => PathBuf::from("networks"),
    };
    let folder = folder.join(FOLDER);
    let folder_made = std::fs::create_dir_all(&folder);
    folder_made.with_context(|| format!("making {}", folder.display()))?;
    let path = free(&folder, &format!("seed-{}", drawn.seed));
    files::write(&path, text(drawn, found)?.as_bytes(), Access::Shared)?;
    Ok(path)
}

/// Readable by who looks for what went wrong.
fn text(drawn: &Drawn, found: &Found<'_>) -> anyhow::Result<String> {
    let Found {
        again,
        runs,
        seen,
        message,
        on,
    } = found;
    let comment = format!(
        "Drawn by `{again}` on {on}, and made smaller in {}. It failed in {seen} runs{}:\n{message}",
        aznet_model::units::count(*runs as usize, "run"),
        doubt(*seen),
    );
    let kept = Drawn {
        failed: Some(*seen),
        ..drawn.clone()
    };
    let lines = comment.lines().flat_map(|line| textwrap::wrap(line, 116));
    let comment: Vec<String> = lines.map(|line| format!("# {line}")).collect();
    Ok(comment.join("\n") + "\n" + &serde_norway::to_string(&kept)?)
}

/// What is to be said of one that was not seen to fail again.
pub(super) const fn doubt(seen: Seen) -> &'static str {
    if seen.is_sure() {
        ""
    } else {
        ", which may be chance"
    }
}

/// A file that is not there yet: the same seed may have drawn something else before.
fn free(folder: &Path, name: &str) -> PathBuf {
    let numbered = (2..).map(|n| format!("{name}-{n}"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    let path = names.find_map(|name| {
        let path = folder.join(format!("{name}.yaml"));
        (!path.exists()).then_some(path)
    });
    path.unwrap_or_else(|| folder.join(format!("{name}.yaml")))
}

/// The names and files there are, sorted.
fn kept(folder: &Path) -> anyhow::Result<Vec<(String, PathBuf)>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = entries.with_context(|| format!("looking into {}", folder.display()))?;
    let paths = entries.into_iter().map(|entry| entry.path());
    let named = paths.filter_map(|path| {
        let is_yaml = path
            .extension()
            .is_some_and(|extension| extension == "yaml");
        let name = path.file_stem()?.to_string_lossy().into_owned();
        is_yaml.then_some((name, path))
    });
    let mut named: Vec<_> = named.collect();
    named.sort();
    Ok(named)
}

fn read(path: &Path) -> anyhow::Result<Drawn> {
    Ok(Drawn::read(&files::read(path)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again_and_never_written_over() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir_all(folder.path().join("toolchain/kubernetes")).expect("a folder");
        let mark = folder.path().join("toolchain/kubernetes/go.mod");
        std::fs::write(mark, "module a").expect("a file");
        let source = Source::at(folder.path()).expect("a source tree");
        let text = "seed: 7\nset: {validator.replicas: 4}\nfaults: [{name: lossy-links, after: 0, slots: 3}]";
        let drawn = Drawn::read(text).expect("a scenario");
        let found = |seen| Found {
            again: "aznet test --generate --seed 7",
            runs: 1,
            seen,
            message: "no checkpoint\nsince slot 7",
            on: jiff::civil::date(2026, 11, 26),
        };
        let [sure, flake] = [true, false].map(|failed| Seen::ONCE.and(failed));
        let first = keep(&drawn, &found(sure), &source).expect("a file");
        let second = keep(&drawn, &found(flake), &source).expect("another file");
        let all = kept(&folder.path().join("networks/regressions")).expect("files");
        let expected = [
            ("seed-7".to_owned(), first.clone()),
            ("seed-7-2".to_owned(), second.clone()),
        ];
        assert_eq!(all, expected);
        let kept = |seen| Drawn {
            failed: Some(seen),
            ..drawn.clone()
        };
        assert_eq!(read(&first).expect("a scenario"), kept(sure));
        assert_eq!(read(&second).expect("a scenario"), kept(flake));
        let text = |file| std::fs::read_to_string(file).expect("a file");
        let doubtful = text(second);
        for words in ["It failed in 1 of 2 runs, which", "\nfailed: 1 of 2\n"] {
            assert!(doubtful.contains(words), "{doubtful}");
        }
        assert_eq!(
            text(first),
            "\
# Drawn by `aznet test --generate --seed 7` on 2026-11-26, and made smaller in 1 run. It failed in 2 of 2 runs:
# no checkpoint
# since slot 7
seed: 7
failed: 2 of 2
set:
  validator.replicas: 4
faults:
- name: lossy-links
  after: 0
  slots: 3
"
        );
    }
}
