//! Where programs are.

use std::env;
use std::path::{Path, PathBuf};

/// Where a program is, by its name on the PATH or by its path.
pub fn on_path(program: impl AsRef<Path>) -> Option<PathBuf> {
    let program = program.as_ref();
    let folders = env::var_os("PATH").unwrap_or_default();
    find_in(program, env::split_paths(&folders))
}

/// Where a program is: at its path, or in the first of `folders` that has it.
pub fn find_in(program: &Path, folders: impl IntoIterator<Item = PathBuf>) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return program.is_file().then(|| program.to_owned());
    }
    folders
        .into_iter()
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}
