//! Which version of Aztec an image has, by the files that Aztec itself tells it from (`stdlib/update-checker`): known before
//! anything is started, and before anything is paid for.

use std::path::{Path, PathBuf};

use aznet_kit::files;
use aznet_model::release::{self, Release};
use serde_json::Value;
use thiserror::Error;

use crate::console::say;

/// The image is of another release than it is said to be.
#[derive(Debug, PartialEq, Eq, Error)]
#[error(
    "the image has Aztec {version}, and this network is of release {expected}: give images.aztec.image the tag of its version, or say in network.release what it is"
)]
pub(crate) struct VersionError {
    /// What the image says.
    version: String,
    /// What the network is of.
    expected: &'static Release,
}

/// What the sources of a package say, which has no version yet.
const UNRELEASED: &str = "0.1.0";

/// Compares the version of the image with what the pod is told. A version of which nothing is known here is let pass: someone
/// says that it goes by this release.
pub(crate) fn check(root: &Path, expected: &'static Release) -> Result<(), VersionError> {
    let Some(version) = of_image(root) else {
        return Ok(());
    };
    match Release::of_version(&version) {
        Some(release) if release != expected => return Err(VersionError { version, expected }),
        Some(_) => {}
        None => say(format_args!(
            "Aztec {version} has no profile and runs by that of {expected}"
        )),
    }
    Ok(())
}

/// The version; `None` where no file tells it.
pub(crate) fn of_image(root: &Path) -> Option<String> {
    let manifest = read(&root.join(".release-please-manifest.json"));
    let manifest = manifest.and_then(|manifest| Some(manifest.get(".")?.as_str()?.to_owned()));
    manifest.or_else(|| packages(root).find_map(|package| of_package(&package)))
}

fn packages(root: &Path) -> impl Iterator<Item = PathBuf> {
    let scopes = release::ALL.iter().flat_map(|release| release.scopes);
    let installed = scopes.map(|scope| root.join("node_modules").join(scope).join("stdlib"));
    std::iter::once(root.join("yarn-project/stdlib")).chain(installed.collect::<Vec<_>>())
}

fn of_package(package: &Path) -> Option<String> {
    let package = read(&package.join("package.json"))?;
    let version = package.get("version")?.as_str()?;
    (version != UNRELEASED).then(|| version.to_owned())
}

fn read(path: &Path) -> Option<Value> {
    let text = files::read_text_if_there(path).ok()??;
    serde_json::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("temporary directory");
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a directory")).expect("makes");
            std::fs::write(path, text).expect("writes");
        }
        dir
    }

    fn checked(files: &[(&str, &str)], expected: &str) -> Result<(), String> {
        let expected = Release::named(expected).expect("a profile");
        check(image(files).path(), expected).map_err(|error| error.version)
    }

    const OURS: &str = "node_modules/@aztec/stdlib/package.json";
    const PUBLIC: &str = ".release-please-manifest.json";

    #[test]
    fn an_image_of_another_release_is_refused() {
        let npm = [(OURS, r#"{"version": "4.1.2"}"#)];
        assert_eq!(checked(&npm, "4.1"), Ok(()));
        assert_eq!(checked(&npm, "6.0"), Err("4.1.2".into()));
        let public = [
            (PUBLIC, r#"{".": "6.0.0"}"#),
            (
                "yarn-project/stdlib/package.json",
                r#"{"version": "0.1.0"}"#,
            ),
        ];
        assert_eq!(checked(&public, "6.0"), Ok(()));
        assert_eq!(checked(&public, "5.2"), Err("6.0.0".into()));
    }

    #[test]
    fn what_is_not_known_is_let_pass() {
        assert_eq!(checked(&[(PUBLIC, r#"{".": "7.0.0"}"#)], "6.0"), Ok(()));
        assert_eq!(checked(&[], "6.0"), Ok(()));
        let sources = [(
            "yarn-project/stdlib/package.json",
            r#"{"version": "0.1.0"}"#,
        )];
        assert_eq!(checked(&sources, "6.0"), Ok(()));
    }
}
