//! Chromium without a screen.

mod reader;

use std::{
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use aznet_kit::process::{Tool, on_path};
use tokio_util::sync::CancellationToken;

/// A page opens in seconds; a machine at work may take longer.
const DEADLINE: Duration = Duration::from_mins(2);

/// Nothing but the page, in a window of a size that is known.
const ALONE: [&str; 6] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--window-size=1280,900",
];

/// The one that is installed.
pub(crate) struct Browser {
    program: PathBuf,
}

/// What it made of a page.
pub(crate) struct Seen {
    /// The document after its scripts have run.
    pub(crate) dom: String,
    /// What the page, or the browser about it, said on the console.
    pub(crate) errors: Vec<String>,
}

impl Browser {
    pub(crate) fn find() -> Option<Self> {
        let names = ["chromium", "chromium-browser", "google-chrome"];
        let program = names.into_iter().find_map(on_path)?;
        Some(Self { program })
    }

    /// Opens a file at the place that `fragment` names.
    pub(crate) async fn open(&self, page: &Path, fragment: &str) -> Seen {
        let profile = tempfile::tempdir().unwrap();
        let log = profile.path().join("log");
        let dom = Tool::new(&self.program)
            .args(ALONE)
            .args(["--dump-dom", "--enable-logging"])
            .arg(format!("--log-file={}", log.display()))
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(format!("file://{}#{fragment}", page.display()))
            .output(DEADLINE, &CancellationToken::new())
            .await
            .unwrap();
        let log = std::fs::read_to_string(log).unwrap();
        let said = |line: &&str| line.contains(":CONSOLE");
        Seen {
            dom,
            errors: log.lines().filter(said).map(str::to_owned).collect(),
        }
    }
}

impl Seen {
    pub(crate) fn has(&self, text: &str) -> bool {
        self.dom.contains(text)
    }

    pub(crate) fn count(&self, text: &str) -> usize {
        self.dom.matches(text).count()
    }

    /// Milliseconds from opening the page to when it was drawn.
    pub(crate) fn drawn(&self) -> Option<u64> {
        let (_, from) = self.dom.split_once("data-drawn=\"")?;
        from.split_once('"')?.0.parse().ok()
    }
}

/// libtest knows no skip at run time: `cargo xtask test` counts the lines of this file.
pub(crate) fn skip() {
    let reason = "no chromium is installed";
    eprintln!("skipped: {reason}");
    if let Some(file) = std::env::var_os("AZNET_TEST_SKIPS") {
        let file = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(file);
        writeln!(file.unwrap(), "HTML pages: {reason}").unwrap();
    }
}
