//! The example of docs/guide/ci.md, in a repository of somebody else's.

use super::job::Job;
use crate::run;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

const GUIDE: &str = "docs/guide/ci.md";
pub(super) const ACTION: &str = "action.yml";
const REPOSITORY: &str = ".ci/act/repository";
/// What the guide has for the place of this project, and a name that it could have.
const PLACE: (&str, &str) = ("<owner>/aznet@<commit>", "somebody/aznet@0123456");

/// The job of the example, in a repository that it makes below `here`.
pub(super) fn job(here: &Path) -> Result<Job> {
    let repository = here.join("repository");
    copy(&run::root().join(REPOSITORY), &repository)?;
    let guide = fs::read_to_string(run::root().join(GUIDE))?;
    let workflow = workflow(&guide).with_context(|| format!("{GUIDE} has no example"))?;
    let file = repository.join(".github/workflows/e2e.yml");
    write(&file, workflow.as_bytes())?;
    let anybody = [
        "-c",
        "user.name=somebody",
        "-c",
        "user.email=somebody@example.org",
    ];
    for words in [
        &["init", "--quiet", "--initial-branch=main"][..],
        &["add", "--all"],
        &[&anybody[..], &["commit", "--quiet", "--message", "a"]].concat(),
    ] {
        let mut git = run::command("git", words);
        git.current_dir(&repository);
        run::finish(git)?;
    }
    let sources = here.join("aznet");
    copy(&run::root(), &sources)?;
    Ok(Job {
        repository,
        workflow: PathBuf::from(".github/workflows/e2e.yml"),
        arguments: Vec::new(),
        definitions: vec![file, run::root().join(ACTION)],
        local: BTreeMap::from([(PLACE.1.to_owned(), sources)]),
        compiled_here: false,
        // act gives a job without a matrix no index.
        report: "aznet-e2e-".to_owned(),
    })
}

/// The first block of YAML in the guide, as a whole workflow.
fn workflow(guide: &str) -> Option<String> {
    let (_, rest) = guide.split_once("```yaml\n")?;
    let (jobs, _) = rest.split_once("```")?;
    let jobs = jobs.replace(PLACE.0, PLACE.1);
    Some(format!(
        "on: workflow_dispatch\n{}",
        jobs.replace("<commit>", "0123456")
    ))
}

/// Copies what git would have of a folder, committed or not yet.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let words = [
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ];
    let mut list = run::command("git", &words);
    let listed = list
        .current_dir(from)
        .output()
        .context("git could not be started")?;
    anyhow::ensure!(listed.status.success(), "`{}` failed", run::words(&list));
    let names = listed.stdout.split(|byte| *byte == 0);
    for name in names.filter(|name| !name.is_empty()) {
        let name = Path::new(std::ffi::OsStr::from_bytes(name));
        let source = from.join(name);
        // One that was removed is still listed until it is committed.
        if source.is_file() {
            let target = to.join(name);
            fs::create_dir_all(target.parent().unwrap_or(to))?;
            fs::copy(&source, &target).with_context(|| format!("copying {}", source.display()))?;
        }
    }
    Ok(())
}

fn write(file: &Path, text: &[u8]) -> Result<()> {
    fs::create_dir_all(file.parent().unwrap_or(file))?;
    fs::write(file, text).with_context(|| format!("writing {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guides_example_is_a_workflow_that_uses_the_action() {
        let guide = fs::read_to_string(run::root().join(GUIDE)).unwrap();
        let workflow = workflow(&guide).unwrap();
        assert!(
            workflow.contains(&format!("uses: {}\n", PLACE.1)),
            "{workflow}"
        );
        assert!(!workflow.contains('<'), "{workflow}");
    }
}
