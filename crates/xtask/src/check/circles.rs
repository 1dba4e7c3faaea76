//! Import circles within a crate: files none of which can be understood without all the others.
//!
//! cargo-modules finds them as well, by the whole of rust-analyzer, which takes longer to compile than this workspace.

use super::imports::Crate;
use crate::{cargo, run};
use anyhow::{Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// File → the files it uses, with a path by which it does.
type Uses<'a> = BTreeMap<&'a Path, BTreeMap<&'a Path, String>>;

/// Fails when files of a crate of the workspace use each other in a circle, and says which by what.
pub(crate) fn verify() -> Result<()> {
    let mut found = Vec::new();
    for package in cargo::metadata()?.workspace_packages() {
        for target in package.targets.iter().filter(|t| t.is_lib() || t.is_bin()) {
            let read = Crate::read(target.src_path.as_std_path())?;
            let uses = read.uses();
            found.extend(circles(&uses).iter().map(|circle| describe(circle, &uses)));
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    bail!("import circles:\n{}", found.join("\n"));
}

/// Groups of files each of which reaches all the others.
fn circles<'a>(uses: &Uses<'a>) -> Vec<BTreeSet<&'a Path>> {
    let reached: BTreeMap<&Path, BTreeSet<&Path>> =
        uses.keys().map(|file| (*file, reach(file, uses))).collect();
    let mut found: Vec<BTreeSet<&Path>> = Vec::new();
    for (file, from_here) in &reached {
        if from_here.contains(file) && !found.iter().any(|circle| circle.contains(file)) {
            let mutual = from_here.iter().copied();
            found.push(
                mutual
                    .filter(|other| reached[other].contains(file))
                    .collect(),
            );
        }
    }
    found
}

fn reach<'a>(file: &Path, uses: &Uses<'a>) -> BTreeSet<&'a Path> {
    let mut seen = BTreeSet::new();
    let mut next: Vec<&Path> = uses
        .get(file)
        .into_iter()
        .flat_map(BTreeMap::keys)
        .copied()
        .collect();
    while let Some(file) = next.pop() {
        if seen.insert(file) {
            next.extend(uses.get(file).into_iter().flat_map(BTreeMap::keys));
        }
    }
    seen
}

fn describe(circle: &BTreeSet<&Path>, uses: &Uses<'_>) -> String {
    let root = run::root();
    let short = |path: &Path| {
        path.strip_prefix(&root)
            .unwrap_or(path)
            .display()
            .to_string()
    };
    let mut text = format!("{} files:", circle.len());
    for file in circle {
        for (used, path) in uses.get(file).into_iter().flatten() {
            if circle.contains(used) {
                let arrow = format!("\n  {} → {} by `{path}`", short(file), short(used));
                text.push_str(&arrow);
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A crate of these files; the circles among them by file names.
    fn circles_of(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, text).expect("written");
        }
        let read = Crate::read(&folder.path().join("lib.rs")).expect("a crate");
        let name = |path: &&Path| {
            let inside = path.strip_prefix(folder.path()).expect("inside");
            inside.display().to_string()
        };
        let found = circles(&read.uses());
        found
            .iter()
            .map(|circle| circle.iter().map(name).collect())
            .collect()
    }

    #[test]
    fn two_files_that_use_each_other_are_one() {
        let found = circles_of(&[
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "use crate::b::B; pub struct A(B);"),
            ("b.rs", "pub struct B; fn f() { super::a::g(); }"),
            ("c.rs", "use crate::{a::A, b};"),
        ]);
        assert_eq!(found, [["a.rs", "b.rs"]]);
    }

    #[test]
    fn a_name_passed_on_is_where_it_is_defined() {
        let found = circles_of(&[
            ("lib.rs", "mod a;"),
            (
                "a/mod.rs",
                "mod b; mod c; pub use b::B; pub(crate) use self::c::*;",
            ),
            ("a/b.rs", "pub struct B;"),
            ("a/c.rs", "use super::B; pub struct C(B);"),
        ]);
        assert_eq!(found, Vec::<Vec<String>>::new());
        let found = circles_of(&[
            ("lib.rs", "mod a;"),
            ("a.rs", "mod b; use b::B; pub struct A(B);"),
            ("a/b.rs", "use super::A; pub struct B;"),
        ]);
        assert_eq!(found, [["a/b.rs", "a.rs"]]);
    }

    #[test]
    fn tests_may_use_what_they_test() {
        let found = circles_of(&[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::B; pub struct A;"),
            (
                "b.rs",
                "pub struct B; #[cfg(test)] mod tests { use crate::a::A; }",
            ),
        ]);
        assert_eq!(found, Vec::<Vec<String>>::new());
    }
}
