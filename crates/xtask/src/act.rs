//! `cargo xtask act`: a job of the workflow `network-e2e`, or one that uses this project's action, on this machine, by act, with
//! stand-ins for what only GitHub has: its caches and artifacts.

mod example;
mod job;

use self::job::Job;
use crate::check::GoProgram;
use crate::{cargo, cells, run};
use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) const PROGRAM: GoProgram = GoProgram {
    name: "act",
    module: ".ci/act",
    package: "github.com/nektos/act",
};
const WORKFLOW: &str = ".github/workflows/network-e2e.yml";
/// What its jobs are made of.
const DEFINITIONS: [&str; 2] = [WORKFLOW, ".github/actions/setup/action.yml"];
/// The name of the job that uses the action; no cell has it.
const EXAMPLE: &str = "action";
const STAND_INS: &str = ".ci/act/actions";
/// act does this by itself: it copies the working tree.
const CHECKOUT: &str = "actions/checkout";
/// For machines where root has none.
const SUDO: &str = "#!/bin/sh\nwhile [ \"$1\" = --preserve-env ]; do shift; done\nexec \"$@\"\n";
/// No test is done so soon: each fails by its deadline.
const FAILING: &str = r#"
[profile.default]
slow-timeout = { period = "5s", terminate-after = 1 }
[profile.pr]
slow-timeout = { period = "5s", terminate-after = 1 }
"#;

impl Job {
    fn cell(name: &str) -> Result<Self> {
        let root = run::root();
        let workflow = fs::read_to_string(root.join(WORKFLOW))?;
        cells::expect(name, &workflow)?;
        Ok(Self {
            workflow: PathBuf::from(WORKFLOW),
            // What passed before is known to GitHub alone.
            arguments: [
                "--matrix",
                &format!("name:{name}"),
                "--input",
                "no-cache=true",
            ]
            .map(str::to_owned)
            .to_vec(),
            definitions: DEFINITIONS.map(|file| root.join(file)).to_vec(),
            local: BTreeMap::new(),
            compiled_here: true,
            report: format!("report-{name}"),
            repository: root,
        })
    }
}

/// Runs a job, its network on a cluster that nothing else has, and looks at what it leaves: a report, with a bundle if it
/// was to fail, and no cluster.
pub(crate) fn run(name: &str, fail: bool) -> Result<()> {
    let here = tempfile::tempdir()?;
    let job = match name {
        EXAMPLE => example::job(here.path())?,
        cell => Job::cell(cell)?,
    };
    let mut command = command(&job)?;
    surround(&mut command, &job, here.path(), fail)?;
    let status = command.status().context("act could not be started")?;
    let kept = cargo::target_directory()?.join("act");
    keep(&here.path().join("artifacts"), &kept)?;
    println!("what it uploaded: {}", kept.display());
    let left = entries(&here.path().join("state/clusters"))?;
    if !left.is_empty() {
        bail!("clusters were left: {}", left.join(", "));
    }
    judge(status.success(), fail, &entries(&kept.join(&job.report))?)
}

fn command(job: &Job) -> Result<Command> {
    let mut command = run::command(PROGRAM.ensure()?, &["workflow_dispatch", "--workflows"]);
    command.arg(&job.workflow).args(&job.arguments);
    command.current_dir(&job.repository);
    command.args(["--platform", "ubuntu-24.04=-self-hosted"]);
    // Neither serves anything here, and neither shall be found from elsewhere.
    command.args(["--cache-server-addr", "127.0.0.1"]);
    command.args(["--artifact-server-addr", "127.0.0.1"]);
    let mut local = BTreeMap::new();
    for action in used(&job.definitions)? {
        let stand_in = run::root().join(STAND_INS).join(&action.name);
        local.insert(action.repository, stand_in);
    }
    local.extend(job.local.clone());
    for (repository, folder) in local {
        command.arg("--local-repository");
        command.arg(format!("{repository}={}", folder.display()));
    }
    Ok(command)
}

/// Its folders and programs.
fn surround(command: &mut Command, job: &Job, here: &Path, fail: bool) -> Result<()> {
    let folder = |name: &str| -> Result<_> {
        let path = here.join(name);
        fs::create_dir(&path).with_context(|| format!("creating {}", path.display()))?;
        Ok(path)
    };
    command.env("AZNET_ACT_TARGET", cargo::target_directory()?);
    command.env("AZNET_ACT_ARTIFACTS", folder("artifacts")?);
    command.env("AZNET_STATE", folder("state")?);
    command.env("AZNET_RUN", folder("run")?);
    let settings = fail.then(|| here.join("aznet.toml"));
    if let Some(file) = &settings {
        fs::write(file, FAILING)?;
    }
    command.env("AZNET_ACT_SETTINGS", settings.unwrap_or_default());
    let programs = folder("bin")?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    if job.compiled_here {
        program(&programs.join("cargo"), &cargo_here(&folders)?)?;
    }
    if !folders.iter().any(|folder| folder.join("sudo").is_file()) {
        program(&programs.join("sudo"), SUDO)?;
        command.env("USER", "root");
    }
    folders.insert(0, programs);
    command.env("PATH", std::env::join_paths(folders)?);
    Ok(())
}

/// A script that runs cargo in the workspace.
fn cargo_here(folders: &[PathBuf]) -> Result<String> {
    // By its place: the script of this name would find itself.
    let found = || {
        let mut programs = folders.iter().map(|folder| folder.join("cargo"));
        programs.find(|program| program.is_file())
    };
    let cargo = std::env::var_os("CARGO").map(PathBuf::from).or_else(found);
    let cargo = cargo.context("there is no cargo on the PATH")?;
    let (root, cargo) = (run::root(), cargo.display().to_string());
    Ok(format!(
        "#!/bin/sh\ncd '{}' && exec '{cargo}' \"$@\"\n",
        root.display()
    ))
}

fn program(file: &Path, script: &str) -> Result<()> {
    fs::write(file, script).with_context(|| format!("writing {}", file.display()))?;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// An action from elsewhere.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Action {
    /// `owner/name@commit`.
    repository: String,
    /// The name alone.
    name: String,
    /// The folder in the repository; its own if empty.
    folder: String,
}

impl Action {
    /// Of `owner/name@commit` or `owner/name/folder@commit`.
    fn parse(uses: &str) -> Option<Self> {
        let (path, commit) = uses.split_once('@')?;
        let (owner, rest) = path.split_once('/')?;
        let (name, folder) = rest.split_once('/').unwrap_or((rest, ""));
        Some(Self {
            repository: format!("{owner}/{name}@{commit}"),
            name: name.to_owned(),
            folder: folder.to_owned(),
        })
    }
}

/// Actions from elsewhere in what a job is made of.
fn used(definitions: &[PathBuf]) -> Result<BTreeSet<Action>> {
    let mut found = BTreeSet::new();
    for file in definitions {
        let text =
            fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
        let uses = text
            .lines()
            .filter_map(|line| line.trim_start_matches([' ', '-']).strip_prefix("uses: "))
            .filter_map(|action| action.split_whitespace().next());
        let others = uses.filter(|action| !action.starts_with(CHECKOUT));
        found.extend(others.filter_map(Action::parse));
    }
    Ok(found)
}

/// In the place of what an earlier run uploaded. The program itself is no news.
fn keep(artifacts: &Path, kept: &Path) -> Result<()> {
    if kept.exists() {
        fs::remove_dir_all(kept).with_context(|| format!("removing {}", kept.display()))?;
    }
    for file in aznet_kit::files::list(artifacts)? {
        let inside = file.strip_prefix(artifacts)?;
        if inside.starts_with("aznet") {
            continue;
        }
        let to = kept.join(inside);
        fs::create_dir_all(to.parent().unwrap_or(kept))?;
        fs::copy(&file, &to).with_context(|| format!("copying {}", file.display()))?;
    }
    Ok(())
}

fn judge(passed: bool, fail: bool, report: &[String]) -> Result<()> {
    if passed == fail {
        let (was, meant) = if fail {
            ("green", "red")
        } else {
            ("red", "green")
        };
        bail!("the run was {was} and was to be {meant}");
    }
    if report.is_empty() {
        bail!("the job left no report: `cargo xtask cells` lists the jobs that there are");
    }
    let has = |start: &str| report.iter().any(|name| name.starts_with(start));
    let wanted = ["junit.xml", "report.html"].into_iter();
    for start in wanted.chain(fail.then_some("bundle-")) {
        if !has(start) {
            bail!("the report has no {start}…, but {}", report.join(", "));
        }
    }
    Ok(())
}

/// The names in a folder; none if it is not there.
fn entries(folder: &Path) -> Result<Vec<String>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_a_stand_in() {
        let definitions = [&DEFINITIONS[..], &[example::ACTION]].concat();
        let definitions: Vec<PathBuf> = definitions
            .iter()
            .map(|file| run::root().join(file))
            .collect();
        let used = used(&definitions).expect("workflows");
        assert!(used.len() > 5, "{used:?}");
        for action in used {
            let file = run::root()
                .join(STAND_INS)
                .join(&action.name)
                .join(&action.folder)
                .join("action.yml");
            assert!(file.is_file(), "no {} for {action:?}", file.display());
        }
    }

    #[test]
    fn a_run_is_judged_by_what_it_leaves() {
        let report = |names: &[&str]| {
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>()
        };
        let (bare, whole) = (
            report(&["junit.xml", "report.html"]),
            report(&["bundle-transfer.tar.gz", "junit.xml", "report.html"]),
        );
        assert!(judge(true, false, &bare).is_ok());
        assert!(judge(false, true, &whole).is_ok());
        let error = |outcome: Result<()>| outcome.unwrap_err().to_string();
        assert!(error(judge(false, true, &bare)).contains("bundle-"));
        assert!(error(judge(true, false, &whole[..1])).contains("junit.xml"));
        assert!(error(judge(true, false, &[])).contains("cargo xtask cells"));
        assert!(error(judge(true, true, &whole)).contains("was to be red"));
    }
}
