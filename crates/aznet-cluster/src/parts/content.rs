//! Names for content: what a result depends on, in one short hash.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use aznet_kit::files::FileError;
use sha2::{Digest, Sha256};

/// Collects what a result depends on into one short name.
#[derive(Debug, Clone)]
pub(crate) struct ContentHash(Sha256);

impl ContentHash {
    /// A hash of nothing but `recipe`, the version of the steps that lead to the result.
    pub(crate) fn new(recipe: &str) -> Self {
        Self(Sha256::new()).with("recipe", recipe)
    }

    /// Adds a named input.
    pub(crate) fn with(mut self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.add(name, content.as_ref());
        self
    }

    fn add(&mut self, name: &str, content: &[u8]) {
        for part in [name.as_bytes(), content] {
            self.0.update((part.len() as u64).to_be_bytes());
            self.0.update(part);
        }
    }

    /// Adds a file, or a folder with all that is in it except what `skip` names.
    pub(crate) fn with_tree(mut self, path: &Path, skip: &[&str]) -> Result<Self, FileError> {
        self.add_tree(path, "", skip)?;
        Ok(self)
    }

    fn add_tree(&mut self, path: &Path, name: &str, skip: &[&str]) -> Result<(), FileError> {
        let meta = fs::symlink_metadata(path).map_err(FileError::of("read", path))?;
        if meta.is_symlink() {
            let target = fs::read_link(path).map_err(FileError::of("read", path))?;
            self.add(name, target.as_os_str().as_encoded_bytes());
            return Ok(());
        }
        if !meta.is_dir() {
            let content = fs::read(path).map_err(FileError::of("read", path))?;
            let executable = meta.mode() & 0o111 != 0;
            self.add(name, &[u8::from(executable)]);
            self.add(name, &content);
            return Ok(());
        }
        let mut names: Vec<String> = fs::read_dir(path)
            .map_err(FileError::of("list", path))?
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|entry| !skip.contains(&entry.as_str()))
            .collect();
        names.sort();
        names.iter().try_for_each(|entry| {
            self.add_tree(&path.join(entry), &format!("{name}/{entry}"), skip)
        })
    }

    /// The first 12 hexadecimal digits: enough to tell apart what one machine holds.
    pub(crate) fn short(&self) -> String {
        let mut digits = hex(&self.0.clone().finalize());
        digits.truncate(12);
        digits
    }
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _infallible = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        dir
    }

    fn hash(dir: &tempfile::TempDir) -> String {
        ContentHash::new("1")
            .with_tree(dir.path(), &["node_modules"])
            .unwrap()
            .short()
    }

    #[test]
    fn equal_trees_hash_alike_wherever_they_are() {
        let files = [("a", "1"), ("b/c", "2")];
        assert_eq!(hash(&tree(&files)), hash(&tree(&files)));
    }

    #[test]
    fn content_name_and_mode_count_and_skipped_folders_do_not() {
        let plain = tree(&[("a", "1")]);
        assert_ne!(hash(&plain), hash(&tree(&[("a", "2")])));
        assert_ne!(hash(&plain), hash(&tree(&[("b", "1")])));
        let skipped = tree(&[("a", "1"), ("node_modules/x", "y")]);
        assert_eq!(hash(&plain), hash(&skipped));
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(skipped.path().join("a"), mode).unwrap();
        assert_ne!(hash(&plain), hash(&skipped));
    }
}
