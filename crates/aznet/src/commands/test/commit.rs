//! Which state of the source tree a run is of.

use std::time::Duration;

use aznet_cluster::source::{Origin, Source};
use aznet_kit::process::Tool;
use tokio_util::sync::CancellationToken;

/// Git looks at each file once.
const WITHIN: Duration = Duration::from_secs(10);

/// The commit of a checkout, with `-dirty` where files of it were changed since; `None` for a program's own copy, and where
/// git does not know the folder.
pub(super) async fn of(source: &Source, cancel: &CancellationToken) -> Option<String> {
    if source.origin() == Origin::Program {
        return None;
    }
    // No tag can match: the commit itself is wanted.
    let words = [
        "describe",
        "--always",
        "--dirty",
        "--abbrev=10",
        "--exclude=*",
    ];
    let git = Tool::new("git").args(words).dir(source.root());
    let told = git.output(WITHIN, cancel).await.ok()?;
    Some(told.trim().to_owned()).filter(|commit| !commit.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(folder: &std::path::Path, words: &[&str]) {
        let mut command = std::process::Command::new("git");
        let command =
            command
                .arg("-C")
                .arg(folder)
                .args(["-c", "user.name=a", "-c", "user.email=a@example"]);
        let done = command.args(words).output().expect("git");
        assert!(done.status.success(), "{done:?}");
    }

    #[tokio::test]
    async fn a_changed_file_shows() {
        let folder = tempfile::tempdir().expect("a folder");
        let module = folder.path().join("toolchain/kubernetes");
        std::fs::create_dir_all(&module).expect("a folder");
        std::fs::write(module.join("go.mod"), "module a").expect("a file");
        let source = Source::at(folder.path()).expect("a source tree");
        let cancel = CancellationToken::new();
        git(folder.path(), &["init", "--quiet"]);
        git(folder.path(), &["add", "."]);
        git(folder.path(), &["commit", "--quiet", "--message", "a"]);
        git(folder.path(), &["tag", "v1"]);
        let commit = of(&source, &cancel).await.expect("a commit");
        assert!(
            commit.len() == 10 && commit.chars().all(|one| one.is_ascii_hexdigit()),
            "{commit}"
        );
        std::fs::write(module.join("go.mod"), "module b").expect("a file");
        assert_eq!(of(&source, &cancel).await, Some(format!("{commit}-dirty")));
    }
}
