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
    for object in coredns(&images.coredns)?.iter().chain(&volumes()?) {
        apply_one(client, object).await?;
    }
    Ok(())
}

/// The DNS service.
fn coredns(image: &str) -> Result<Vec<DynamicObject>, Error> {
    let places = [("@IMAGE@", image), ("@ADDRESS@", &DNS_ADDRESS.to_string())];
    objects(DNS, include_str!("../../../addons/coredns.yaml"), &places)
}

/// The storage class of dynamic local volumes.
fn volumes() -> Result<Vec<DynamicObject>, Error> {
    objects("volumes", include_str!("../../../addons/volumes.yaml"), &[])
}

/// What Calico's daemon needs of the API.
pub(crate) fn calico() -> Result<Vec<DynamicObject>, Error> {
    objects("calico", include_str!("../../../addons/calico.yaml"), &[])
}

/// The pod, volume and policy that check a cluster: `name` is each one's name.
pub(crate) fn verification(
    name: &str,
    image: &str,
    network_policy: bool,
) -> Result<Vec<DynamicObject>, Error> {
    let places = [
        ("@NAME@", name),
        ("@IMAGE@", image),
        ("@POLICY@", if network_policy { "yes" } else { "no" }),
        ("@SCRIPT@", include_str!("../../../addons/verify.sh")),
    ];
    objects(
        "verify",
        include_str!("../../../addons/verify.yaml"),
        &places,
    )
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
fn objects(
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
    fn what_is_filled_in_needs_no_quoting_and_no_place_stays_open() {
        let odd = "x: \"y\"\nz";
        let manifests = [
            coredns(odd),
            volumes(),
            calico(),
            verification(odd, odd, false),
            verification(odd, odd, true),
        ];
        for objects in manifests {
            for object in objects.unwrap() {
                assert!(object.metadata.name.is_some());
                assert_filled(&serde_json::to_value(&object).unwrap());
            }
        }
    }

    fn assert_filled(value: &Value) {
        match value {
            Value::String(text) => {
                let open = text.len() > 1 && text.starts_with('@') && text.ends_with('@');
                assert!(!open, "{text} is not filled in");
            }
            Value::Array(items) => items.iter().for_each(assert_filled),
            Value::Object(fields) => fields.values().for_each(assert_filled),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}
