//! What the module files pin.

use std::path::PathBuf;

use aznet_kit::files::{self, FileError};

use super::programs::{Group, goarch};
use crate::parts::content::ContentHash;
use crate::parts::kubernetes::Minor;
use crate::source::Source;

/// Why a pin cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// The module file requires something else.
    #[error("{} does not pin {module}", path.display())]
    Missing {
        /// The module file.
        path: PathBuf,
        /// The module that should be required there.
        module: &'static str,
    },
    /// A file is out of reach.
    #[error(transparent)]
    File(#[from] FileError),
}

/// A pinned version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// The folder under `toolchain/`.
    pub name: &'static str,
    /// As its makers call the release, without a `v`.
    pub release: String,
}

/// All that is pinned under `toolchain/`, every Kubernetes included.
pub fn pinned(source: &Source) -> Result<Vec<Pinned>, PinError> {
    let newest = Group::all().map(|group| (group, Minor::default()));
    let older = Minor::ALL.into_iter().skip(1);
    let older = older.map(|minor| (Group::Kubernetes, minor));
    let pins = newest
        .chain(older)
        .map(|(group, kubernetes)| Pin::read(group, kubernetes, source));
    pins.map(|pin| {
        let pin = pin?;
        Ok(Pinned {
            release: pin.group.release(&pin.version),
            name: pin.name,
        })
    })
    .collect()
}

/// What a group's module file pins.
#[derive(Debug)]
pub(super) struct Pin {
    pub(super) group: Group,
    /// The name of the module's folder.
    pub(super) name: &'static str,
    /// The module's folder.
    pub(super) folder: PathBuf,
    /// Version of the group's main module, with its `v`.
    pub(super) version: String,
    /// The `go` line: the oldest Go that builds it.
    pub(super) go: String,
    /// Linker flags of the build.
    pub(super) ldflags: String,
    /// A name for all that the built programs depend on.
    pub(super) hash: String,
}

impl Pin {
    pub(super) fn read(group: Group, kubernetes: Minor, source: &Source) -> Result<Self, PinError> {
        let name = group.folder(kubernetes);
        let folder = source.toolchain().join(name);
        let path = folder.join("go.mod");
        let text = files::read(&path)?;
        let version = version_of(&text, group.module()).ok_or(PinError::Missing {
            path,
            module: group.module(),
        })?;
        let ldflags = group.ldflags(&version);
        let mut hash = ContentHash::new("go build 1")
            .with("go.mod", &text)
            .with("go.sum", files::read(&folder.join("go.sum"))?)
            .with("ldflags", &ldflags)
            .with("arch", goarch());
        if !group.tags().is_empty() {
            hash = hash.with("tags", group.tags());
        }
        let main = folder.join("main.go");
        if main.is_file() {
            hash = hash.with("main.go", files::read(&main)?);
        }
        Ok(Self {
            group,
            name,
            go: value_after(&text, "go").unwrap_or_default().to_owned(),
            folder,
            version,
            ldflags,
            hash: hash.short(),
        })
    }
}

/// The version that a module file requires of `module`. One that is required by its commit, since Go can't name its
/// releases, says in a comment which release that is.
fn version_of(text: &str, module: &str) -> Option<String> {
    let required = rest_after(text, module)?;
    let (version, comment) = required.split_once("//").unwrap_or((required, ""));
    let is_release = |word: &&str| word.starts_with('v') && word.contains('.');
    let release = comment.split_whitespace().find(is_release);
    Some(release.unwrap_or(version.trim()).to_owned())
}

/// The word after `name` on the line of a module file that requires it.
fn value_after<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    rest_after(text, name)?.split_whitespace().next()
}

fn rest_after<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .map(|line| line.trim().trim_start_matches("require "))
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
        .find(|rest| !rest.contains("=>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_module_files() {
        let text = "module x\n\ngo 1.25.0\n\nrequire (\n\ta.b/c/v2 v2.0.1 // indirect\n\ta.b/c v1.0.0\n)\n\nrequire d v0.1.0\nreplace a.b/e => a.b/e v9\n";
        assert_eq!(value_after(text, "go"), Some("1.25.0"));
        assert_eq!(version_of(text, "a.b/c").as_deref(), Some("v1.0.0"));
        assert_eq!(version_of(text, "a.b/c/v2").as_deref(), Some("v2.0.1"));
        assert_eq!(version_of(text, "d").as_deref(), Some("v0.1.0"));
        assert_eq!(version_of(text, "a.b/e"), None);
        let by_commit = "require a.b/f v0.0.0-2025-b1f3 // indirect; v3.31.0\n";
        assert_eq!(version_of(by_commit, "a.b/f").as_deref(), Some("v3.31.0"));
    }

    #[test]
    fn every_group_of_this_checkout_is_pinned() {
        let source = Source::at(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).unwrap();
        for (group, kubernetes) in Group::all()
            .map(|group| (group, Minor::default()))
            .chain(Minor::ALL.map(|minor| (Group::Kubernetes, minor)))
        {
            let pin = Pin::read(group, kubernetes, &source).unwrap();
            assert!(pin.version.starts_with('v'), "{pin:?}");
            assert!(!pin.go.is_empty(), "{pin:?}");
        }
    }

    #[test]
    fn each_kubernetes_is_of_its_minor() {
        let source = Source::at(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).unwrap();
        for minor in Minor::ALL {
            let pin = Pin::read(Group::Kubernetes, minor, &source).unwrap();
            assert_eq!(crate::parts::kubernetes::line(&pin.version), minor.name());
        }
    }
}
