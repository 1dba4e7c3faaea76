//! What the program is made of, for other programs: a software bill of materials in CycloneDX.

use super::linked::linked;
use anyhow::{Context, Result};
use cargo_metadata::{Metadata, Package, PackageId};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The packages that `aznet` is linked from, and which needs which.
pub(super) fn document(metadata: &Metadata) -> Result<String> {
    let linked = linked(metadata)?;
    let packages = metadata.packages.iter();
    let packages: BTreeMap<&PackageId, &Package> = packages
        .filter(|package| linked.contains(&package.id))
        .map(|package| (&package.id, package))
        .collect();
    let is_program = |package: &Package| package.name == "aznet";
    let program = packages.values().find(|package| is_program(package));
    let program = program.context("no package aznet")?;
    let libraries = packages.values().filter(|package| !is_program(package));
    let components: Vec<Value> = libraries
        .map(|package| component("library", package))
        .collect();
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": { "component": component("application", program) },
        "components": components,
        "dependencies": dependencies(metadata, &packages),
    });
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

fn component(kind: &str, package: &Package) -> Value {
    let mut component = json!({
        "type": kind,
        "bom-ref": reference(package),
        "name": package.name.to_string(),
        "version": package.version.to_string(),
    });
    if let Some(licence) = &package.license {
        // Older packages write `MIT/Apache-2.0`, which is no expression of SPDX.
        let expression = licence.replace('/', " OR ");
        component["licenses"] = json!([{ "expression": expression }]);
    }
    if package.source.is_some() {
        component["purl"] = json!(reference(package));
    }
    component
}

/// A package URL; `+` of build metadata is escaped in one.
fn reference(package: &Package) -> String {
    let version = package.version.to_string().replace('+', "%2B");
    format!("pkg:cargo/{}@{version}", package.name)
}

fn dependencies(metadata: &Metadata, packages: &BTreeMap<&PackageId, &Package>) -> Vec<Value> {
    let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
    nodes
        .filter_map(|node| {
            let on = node.dependencies.iter();
            let on: Vec<String> = on
                .filter_map(|id| packages.get(id))
                .map(|package| reference(package))
                .collect();
            Some(json!({ "ref": reference(packages.get(&node.id)?), "dependsOn": on }))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cargo;
    use std::collections::BTreeSet;

    #[test]
    fn every_linked_package_is_listed_once_and_every_reference_leads_somewhere() {
        let metadata = cargo::metadata().expect("metadata");
        let text = document(&metadata).expect("a document");
        let bom: Value = serde_json::from_str(&text).expect("JSON");
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let components = list(&bom["components"]);
        let mut known: BTreeSet<_> = components.iter().map(|one| text(&one["bom-ref"])).collect();
        assert_eq!(known.len(), components.len());
        known.insert(text(&bom["metadata"]["component"]["bom-ref"]));
        assert_eq!(known.len(), linked(&metadata).expect("packages").len());
        let dependencies = list(&bom["dependencies"]);
        assert_eq!(dependencies.len(), known.len());
        for one in dependencies {
            let ends = list(&one["dependsOn"]);
            let mut ends: Vec<_> = ends.iter().map(text).collect();
            ends.push(text(&one["ref"]));
            assert!(ends.iter().all(|end| known.contains(end)), "{ends:?}");
        }
    }
}
