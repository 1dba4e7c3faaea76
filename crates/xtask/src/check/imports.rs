//! Which file of a crate uses which other, read from its syntax.
//!
//! A name that a module passes on (`pub use`) counts as use of the file that defines it, and passing it on counts as no
//! use: a folder's `mod.rs` may present what is in the folder.

use anyhow::{Context, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use syn::visit::Visit;
use syn::{Attribute, Item, UseTree, Visibility};

/// A path of modules, from the crate's root.
type Names = Vec<String>;
/// How many re-exports of re-exports are followed.
const DEPTH: usize = 16;

/// The modules of one crate.
#[derive(Default)]
pub(crate) struct Crate {
    modules: BTreeMap<Names, Module>,
}

#[derive(Default)]
struct Module {
    file: PathBuf,
    /// What `use` brings in: the name here and the path as written.
    aliases: BTreeMap<String, Names>,
    globs: Vec<Names>,
    items: BTreeSet<String>,
    /// Paths that make this module need another.
    uses: BTreeSet<Names>,
}

impl Crate {
    /// Reads the crate whose root is this file, and every module file below it but those for tests.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let mut read = Self::default();
        let folder = root.parent().unwrap_or(root).to_owned();
        read.file(root, &folder, Vec::new())?;
        Ok(read)
    }

    fn file(&mut self, file: &Path, folder: &Path, names: Names) -> Result<()> {
        let text =
            std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
        let parsed =
            syn::parse_file(&text).with_context(|| format!("parsing {}", file.display()))?;
        self.module(file, folder, names, &parsed.items)
    }

    /// `folder` is where this module's own modules are.
    fn module(&mut self, file: &Path, folder: &Path, names: Names, items: &[Item]) -> Result<()> {
        let mut module = Module {
            file: file.to_owned(),
            ..Module::default()
        };
        for item in items.iter().filter(|item| !for_tests(attributes(item))) {
            match item {
                Item::Mod(inner) => {
                    let name = inner.ident.to_string();
                    let path = [names.as_slice(), std::slice::from_ref(&name)].concat();
                    let below = folder.join(&name);
                    if let Some((_, items)) = &inner.content {
                        self.module(file, &below, path, items)?;
                    } else {
                        let flat = folder.join(format!("{name}.rs"));
                        let nested = below.join("mod.rs");
                        let file = if flat.is_file() { flat } else { nested };
                        self.file(&file, &below, path)?;
                    }
                }
                Item::Use(item) => {
                    let passed_on = !matches!(item.vis, Visibility::Inherited);
                    module.bring_in(&item.tree, &Vec::new(), passed_on);
                }
                other => {
                    module.items.extend(name_of(other));
                    Paths(&mut module.uses).visit_item(other);
                }
            }
        }
        self.modules.insert(names, module);
        Ok(())
    }

    /// File → the other files of the crate that it uses, with a path by which it does.
    pub(crate) fn uses(&self) -> BTreeMap<&Path, BTreeMap<&Path, String>> {
        let mut found: BTreeMap<&Path, BTreeMap<&Path, String>> = BTreeMap::new();
        for (names, module) in &self.modules {
            let used = found.entry(&module.file).or_default();
            for path in &module.uses {
                let target = self.defining(names, path, DEPTH);
                if let Some(target) = target.and_then(|names| self.modules.get(&names))
                    && target.file != module.file
                {
                    used.entry(&target.file).or_insert_with(|| path.join("::"));
                }
            }
        }
        found
    }

    /// The module in which what `path` names is defined, if it is in this crate.
    fn defining(&self, here: &[String], path: &[String], depth: usize) -> Option<Names> {
        let depth = depth.checked_sub(1)?;
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.descend(Vec::new(), rest, depth),
            "self" => self.descend(here.to_vec(), rest, depth),
            "super" => {
                let (_, parent) = here.split_last()?;
                let again = [&["self".to_owned()], rest].concat();
                if rest.first().is_some_and(|next| next == "super") {
                    self.defining(parent, rest, depth)
                } else {
                    self.defining(parent, &again, depth)
                }
            }
            _ => self
                .known(here, first)
                .then(|| self.descend(here.to_vec(), path, depth))?,
        }
    }

    fn known(&self, here: &[String], name: &str) -> bool {
        self.modules.get(here).is_some_and(|module| {
            module.aliases.contains_key(name)
                || module.items.contains(name)
                || !module.globs.is_empty()
        }) || self.modules.contains_key(&child(here, name))
    }

    fn descend(&self, mut here: Names, path: &[String], depth: usize) -> Option<Names> {
        for (index, name) in path.iter().enumerate() {
            let inner = child(&here, name);
            if self.modules.contains_key(&inner) {
                here = inner;
                continue;
            }
            let module = self.modules.get(&here)?;
            if module.items.contains(name) {
                return Some(here);
            }
            let rest = &path[index + 1..];
            if let Some(alias) = module.aliases.get(name) {
                // `use x::x;` names the module or crate x, not itself.
                let path = [alias.as_slice(), rest].concat();
                return (path != [name.clone()])
                    .then(|| self.defining(&here, &path, depth))
                    .flatten();
            }
            let passed_on = module.globs.iter().find_map(|glob| {
                let path = [glob.as_slice(), &path[index..]].concat();
                self.defining(&here, &path, depth)
            });
            // What a macro makes is in no list.
            return passed_on.or(Some(here));
        }
        Some(here)
    }
}

impl Module {
    fn bring_in(&mut self, tree: &UseTree, before: &Names, passed_on: bool) {
        match tree {
            UseTree::Path(path) => {
                let names = child(before, &path.ident.to_string());
                self.bring_in(&path.tree, &names, passed_on);
            }
            UseTree::Name(name) => {
                self.alias(name.ident.to_string(), &name.ident, before, passed_on);
            }
            UseTree::Rename(name) => {
                self.alias(name.rename.to_string(), &name.ident, before, passed_on);
            }
            UseTree::Glob(_) => {
                self.globs.push(before.clone());
                if !passed_on {
                    self.uses.insert(before.clone());
                }
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.bring_in(tree, before, passed_on);
                }
            }
        }
    }

    fn alias(&mut self, here: String, name: &syn::Ident, before: &Names, passed_on: bool) {
        let (here, path) = if name == "self" {
            (before.last().cloned().unwrap_or_default(), before.clone())
        } else {
            (here, child(before, &name.to_string()))
        };
        if !passed_on {
            self.uses.insert(path.clone());
        }
        self.aliases.insert(here, path);
    }
}

/// Collects the paths of more than one part.
struct Paths<'a>(&'a mut BTreeSet<Names>);

impl<'ast> Visit<'ast> for Paths<'_> {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() && path.segments.len() > 1 {
            let names = path.segments.iter().map(|part| part.ident.to_string());
            self.0.insert(names.collect());
        }
        syn::visit::visit_path(self, path);
    }

    fn visit_visibility(&mut self, _: &'ast Visibility) {
        // `pub(in path)` says who may use, and uses nothing.
    }
}

fn child(names: &[String], name: &str) -> Names {
    [names, &[name.to_owned()]].concat()
}

fn for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<syn::Ident>()
                .is_ok_and(|what| what == "test")
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Mod(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        _ => &[],
    }
}

fn name_of(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        _ => return None,
    };
    Some(name.to_string())
}
