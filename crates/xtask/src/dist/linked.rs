//! Of which packages the program is linked.

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata, PackageId};
use std::collections::BTreeSet;

/// `aznet` and what it depends on when it runs: neither build scripts' nor tests' dependencies.
pub(super) fn linked(metadata: &Metadata) -> Result<BTreeSet<&PackageId>> {
    let resolve = metadata
        .resolve
        .as_ref()
        .context("cargo resolved nothing")?;
    let program = metadata
        .workspace_packages()
        .into_iter()
        .find(|package| package.name == "aznet")
        .context("no package aznet")?;
    let mut found = BTreeSet::new();
    let mut next = vec![&program.id];
    while let Some(id) = next.pop() {
        if !found.insert(id) {
            continue;
        }
        let node = resolve.nodes.iter().find(|node| node.id == *id);
        let dependencies = node.into_iter().flat_map(|node| &node.deps);
        next.extend(
            dependencies
                .filter(|dep| {
                    dep.dep_kinds
                        .iter()
                        .any(|kind| kind.kind == DependencyKind::Normal)
                })
                .map(|dep| &dep.pkg),
        );
    }
    Ok(found)
}
