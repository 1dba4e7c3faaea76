//! Runs the real program in a scrubbed environment and shows what came of it as one text.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use tempfile::TempDir;

/// An environment of its own: no cluster, nothing cached, plenty of memory.
pub(crate) struct Sandbox {
    folder: TempDir,
    memory: &'static str,
    path: OsString,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            memory: "64GiB",
            path: std::env::var_os("PATH").unwrap_or_default(),
        }
    }

    /// The same without any other program.
    pub(crate) fn alone(self) -> Self {
        Self {
            path: self.folder.path().into(),
            ..self
        }
    }

    /// The same with as much memory as given.
    pub(crate) fn with_memory(memory: &'static str) -> Self {
        Self {
            memory,
            ..Self::new()
        }
    }

    /// Writes a file into the folder the program runs in.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        let folder = path.parent().expect("a folder");
        std::fs::create_dir_all(folder).expect("a folder in the temporary folder");
        std::fs::write(&path, text).expect("a file in the temporary folder");
        path
    }

    /// What is in a file of the folder the program runs in.
    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).expect("a file in the folder")
    }

    /// Runs `aznet` and returns exit code, stdout and stderr as one text.
    pub(crate) fn run(&self, args: &[&str]) -> String {
        let folder = self.folder.path();
        let output = Command::cargo_bin("aznet")
            .expect("the program")
            .args(args)
            .current_dir(folder)
            .env_clear()
            .env("PATH", &self.path)
            .env("HOME", folder)
            .env("KUBECONFIG", folder.join("kubeconfig"))
            .env("AZNET_SOURCE", source())
            .env("AZNET_CACHE", folder.join("cache"))
            .env("AZNET_STATE", folder.join("state"))
            .env("AZNET_RUN", folder.join("run"))
            .env("AZNET_MEMORY", self.memory)
            .env("AZNET_CPU", "64")
            // Should something begin that must not: it fails at once.
            .env("AZNET_TOOLCHAIN", "download")
            .env("AZNET_TOOLCHAIN_MIRROR", "http://127.0.0.1:1")
            .output()
            .expect("the program runs");
        let text = format!(
            "$ aznet {}\nexit code: {}\n----- stdout -----\n{}----- stderr -----\n{}",
            args.join(" "),
            output
                .status
                .code()
                .map_or("none".to_owned(), |code| code.to_string()),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        self.assert_nothing_left();
        self.scrub(&text)
    }

    /// What failed before it began must leave nothing behind.
    fn assert_nothing_left(&self) {
        for name in ["state", "run"] {
            let left = self.folder.path().join(name);
            assert!(
                !left.exists(),
                "{name} was made: {:?}",
                std::fs::read_dir(left).map(Iterator::count)
            );
        }
    }

    fn scrub(&self, text: &str) -> String {
        text.replace(&self.folder.path().display().to_string(), "[FOLDER]")
            .replace(&source().display().to_string(), "[SOURCE]")
    }
}

/// The root of the source tree.
pub(crate) fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the workspace")
        .to_owned()
}
