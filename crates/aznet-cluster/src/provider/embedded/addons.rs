//! What every cluster has besides Kubernetes itself: CoreDNS and dynamic local volumes.

use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind, TypeMeta};
use serde::Deserialize;
use serde_json::Value;

use super::addresses::DNS_ADDRESS;
use super::error::Error;
use super::spec::Images;

/// The Deployment of the DNS service, in `kube-system`.
pub(crate) const DNS: &str = "coredns";

/// Under which name fields are owned in the API.
pub(crate) const FIELD_MANAGER: &str = "aznet";

/// Brings the add-ons to what this version of aznet wants them to be.
pub(crate) async fn apply(client: &kube::Client, images: &Images) -> Result<(), Error> {
    let dns = DNS_ADDRESS.to_string();
    let coredns = objects(
        DNS,
        include_str!("../../../addons/coredns.yaml"),
        &[("@IMAGE@", &images.coredns), ("@ADDRESS@", &dns)],
    )?;
    let volumes = objects("volumes", include_str!("../../../addons/volumes.yaml"), &[])?;
    for object in coredns.iter().chain(&volumes) {
        apply_one(client, object).await?;
    }
    Ok(())
}

/// Applies one object.
pub(crate) async fn apply_one(client: &kube::Client, object: &DynamicObject) -> Result<(), Error> {
    let types = object.types.clone().unwrap_or_default();
    let name = object.metadata.name.clone().unwrap_or_default();
    let params = PatchParams::apply(FIELD_MANAGER).force();
    let action = format!("apply {} {name}", types.kind);
    api(client, &types, object.metadata.namespace.as_deref())
        .patch(&name, &params, &Patch::Apply(object))
        .await
        .map(drop)
        .map_err(Error::api(action))
}

fn api(client: &kube::Client, types: &TypeMeta, namespace: Option<&str>) -> Api<DynamicObject> {
    let (group, version) = types
        .api_version
        .split_once('/')
        .unwrap_or(("", &types.api_version));
    let kind = GroupVersionKind::gvk(group, version, &types.kind);
    let resource = ApiResource::from_gvk(&kind);
    match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    }
}

/// The objects of a manifest, with `places` filled in.
pub(crate) fn objects(
    addon: &'static str,
    manifest: &str,
    places: &[(&str, &str)],
) -> Result<Vec<DynamicObject>, Error> {
    let broken = |problem: String| Error::Manifest { addon, problem };
    serde_norway::Deserializer::from_str(manifest)
        .map(|document| {
            let mut value = Value::deserialize(document).map_err(|e| broken(e.to_string()))?;
            fill(&mut value, places);
            serde_json::from_value(value).map_err(|e| broken(e.to_string()))
        })
        .collect()
}

/// Replaces the places in every string: after parsing, so that what is filled in needs no quoting.
fn fill(value: &mut Value, places: &[(&str, &str)]) {
    match value {
        Value::String(text) => {
            for (place, content) in places {
                if text.contains(place) {
                    *text = text.replace(place, content);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, places)),
        Value::Object(fields) => fields.values_mut().for_each(|field| fill(field, places)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_parse_and_have_no_place_left_open() {
        let manifests = [
            include_str!("../../../addons/coredns.yaml"),
            include_str!("../../../addons/volumes.yaml"),
            include_str!("../../../addons/verify.yaml"),
        ];
        let places = ["@IMAGE@", "@ADDRESS@", "@NAME@", "@SCRIPT@"];
        let places = places.map(|place| (place, "x: \"y\"\nz"));
        for manifest in manifests {
            let objects = objects("test", manifest, &places).unwrap();
            assert!(objects.iter().all(|object| object.metadata.name.is_some()));
            let text = serde_json::to_string(&objects).unwrap();
            assert!(!text.contains('@'), "{text}");
        }
    }
}
