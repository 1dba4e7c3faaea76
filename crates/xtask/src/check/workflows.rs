//! Workflows and actions of GitHub: that they are understood as they are meant, and give nothing away.

use super::tools::Tools;
use crate::run;
use anyhow::{Context, Result};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

const WORKFLOWS: &str = ".github/workflows";
const ACTIONS: &str = ".github/actions";
/// The action that other repositories use.
const ACTION: &str = "action.yml";

/// Fails when actionlint or zizmor has something to say.
pub(super) fn verify(tools: &Tools) -> Result<()> {
    lint(tools, &run::root())
}

fn lint(tools: &Tools, root: &Path) -> Result<()> {
    let workflows = below(root, WORKFLOWS)?;
    // What is found must not depend on which other checkers a machine has.
    let mut actionlint = run::command(tools.actionlint(), &["-shellcheck=", "-pyflakes="]);
    actionlint.args(&workflows).current_dir(root);
    run::finish(actionlint)?;
    let words = [
        "--quiet",
        "--offline",
        "--no-progress",
        "--strict-collection",
    ];
    let mut zizmor = run::command(tools.zizmor(), &words);
    zizmor.args(&workflows).args(below(root, ACTIONS)?);
    zizmor.args(Some(ACTION).filter(|file| root.join(file).is_file()));
    zizmor.current_dir(root);
    run::finish(zizmor)
}

/// The YAML files below a folder of `root`, relative to it; none if there is no such folder.
fn below(root: &Path, folder: &str) -> Result<Vec<PathBuf>> {
    let folder = root.join(folder);
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let is_yaml = |path: &PathBuf| {
        let end = path.extension().and_then(OsStr::to_str);
        end.is_some_and(|end| ["yaml", "yml"].contains(&end))
    };
    let files = aznet_kit::files::list(&folder)?.into_iter().filter(is_yaml);
    files
        .map(|file| {
            let inside = file.strip_prefix(root).map(Path::to_path_buf);
            inside.with_context(|| format!("{} is not below {}", file.display(), root.display()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "
name: x
on: push
permissions: {}
jobs:
  one:
    runs-on: ubuntu-24.04
    outputs:
      it: ${{ steps.a.outputs.it }}
    steps:
      - id: a
        run: echo it=1 >> \"$GITHUB_OUTPUT\"
  two:
    needs: one
    runs-on: ubuntu-24.04
    steps:
      - run: echo \"$IT\"
        env:
          IT: ${{ needs.one.outputs.it }}
";

    /// What becomes of a repository with this workflow and, if there is one, this action.
    fn linted(workflow: &str, action: Option<&str>) -> Result<()> {
        let tools = Tools::ensure().expect("the checkers");
        let root = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, text).expect("written");
        };
        write(".github/workflows/x.yaml", workflow);
        if let Some(action) = action {
            write(ACTION, action);
        }
        lint(&tools, root.path())
    }

    /// The program that refused it.
    fn refused(workflow: &str, action: Option<&str>) -> String {
        let error = linted(workflow, action).expect_err("a mistake passed");
        error.to_string()
    }

    #[test]
    fn what_is_in_order_passes() {
        linted(GOOD, None).expect("a good workflow");
    }

    #[test]
    fn an_output_that_no_job_has_is_found() {
        let wrong = GOOD.replace("needs.one.outputs.it", "needs.one.outputs.that");
        assert!(refused(&wrong, None).contains("/actionlint "));
    }

    #[test]
    fn an_action_that_is_not_pinned_is_found() {
        let wrong = format!("{GOOD}      - uses: someone/something@v1\n");
        assert!(refused(&wrong, None).contains("/zizmor "));
    }

    #[test]
    fn an_input_that_becomes_shell_is_found_in_an_action() {
        let action = "
name: x
description: x
inputs:
  what:
    description: x
runs:
  using: composite
  steps:
    - shell: bash
      run: echo ${{ inputs.what }}
";
        assert!(refused(GOOD, Some(action)).contains("/zizmor "));
    }
}
