//! What the Kubernetes API has of a network's namespace, and what of it must not be told.

use std::time::Duration;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{Container, Event, Pod, Secret as KubernetesSecret};
use kube::{Api, Resource, ResourceExt, api::ListParams};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::archive::{Archive, BundleError, CLUSTER_EVENTS, PODS};
use super::redact::Secret;
use crate::{
    api::ApiError,
    namespace::Network,
    observe::release::{HELM_RELEASES, Release},
};

/// What one part may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// Helm's Secrets hold the release, packed; its objects are collected by themselves.
const HELM_TYPE: &str = "helm.sh/release.v1";
/// Keys of Secrets whose values are no secrets.
const PUBLIC: [&str; 1] = ["username"];
/// Words in the names of variables whose values are.
const SECRETIVE: [&str; 6] = [
    "PASSWORD",
    "MNEMONIC",
    "PRIVATE_KEY",
    "API_KEY",
    "TOKEN",
    "SECRET",
];

/// What the Kubernetes API has of the namespace; each as it could be read, or why not.
pub(super) struct Known {
    secrets: Result<Vec<KubernetesSecret>, String>,
    /// The pods of the namespace.
    pub(super) pods: Result<Vec<Pod>, String>,
    events: Result<Vec<Event>, String>,
}

impl Known {
    pub(super) async fn of(network: &Network) -> Self {
        let (secrets, pods, events) = futures::join!(
            within(all::<KubernetesSecret>(network)),
            within(all::<Pod>(network)),
            within(all::<Event>(network))
        );
        Self {
            secrets,
            pods,
            events,
        }
    }

    /// The newest and all older revisions of the release.
    pub(super) fn releases(&self) -> Vec<Release> {
        let secrets = self.secrets.as_deref().unwrap_or_default();
        let (label, owner) = HELM_RELEASES.split_once('=').unwrap_or_default();
        let helms = secrets
            .iter()
            .filter(|one| one.labels().get(label).is_some_and(|is| is == owner));
        let mut releases: Vec<Release> = helms.filter_map(Release::read).collect();
        releases.sort_by_key(|release| release.revision);
        releases
    }

    /// All that must not be told: what Secrets hold and held, and variables that should have been Secrets.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        let stored = self.secrets.as_deref().unwrap_or_default();
        let stored = stored
            .iter()
            .filter(|one| one.type_.as_deref() != Some(HELM_TYPE));
        let mut secrets: Vec<Secret> = stored.flat_map(values_of).collect();
        for release in self.releases() {
            secrets.extend(
                objects(release.manifest())
                    .iter()
                    .flat_map(values_in_manifest),
            );
        }
        let pods = self.pods.as_deref().unwrap_or_default();
        secrets.extend(pods.iter().flat_map(variables));
        secrets
    }

    pub(super) fn add(&self, secrets: &[Secret], archive: &mut Archive) -> Result<(), BundleError> {
        if let Err(why) = &self.secrets {
            let what = "the values of Secrets: only what looks like a credential was taken out";
            archive.miss(what, why);
        }
        for secret in secrets.iter().filter(|secret| secret.is_too_short()) {
            archive.miss(
                format!("{} was not taken out", secret.name),
                "it is too short",
            );
        }
        let releases = self.releases();
        if releases.is_empty() {
            archive.miss(
                "the manifests of the release",
                "Helm's record of it can't be read",
            );
        }
        for release in &releases {
            let path = format!("manifests/revision-{}.yaml", release.revision);
            let about = format!("objects of the release, {}", release.status);
            archive.add(&path, &about, release.manifest())?;
        }
        let events = self.events.as_ref().map_err(Clone::clone).and_then(pretty);
        archive.add_or_miss(CLUSTER_EVENTS, "events of Kubernetes", events)?;
        match &self.pods {
            Err(why) => archive.miss("pods and their logs", why),
            Ok(pods) => {
                for pod in pods {
                    let path = format!("{PODS}{}.json", pod.name_any());
                    archive.add_or_miss(&path, "a pod", pretty(&described(pod)))?;
                }
            }
        }
        Ok(())
    }
}

/// All objects of a kind in the namespace.
async fn all<K>(network: &Network) -> Result<Vec<K>, String>
where
    K: Resource<Scope = NamespaceResourceScope> + Clone + DeserializeOwned + std::fmt::Debug,
    K::DynamicType: Default,
{
    let api: Api<K> = network.api();
    let list = api.list(&ListParams::default()).await;
    let mut items = list.map_err(|error| words(ApiError::from(error)))?.items;
    for item in &mut items {
        item.meta_mut().managed_fields = None;
    }
    Ok(items)
}

fn values_of(secret: &KubernetesSecret) -> Vec<Secret> {
    let name = secret.name_any();
    let data = secret.data.iter().flatten();
    let told = data.filter(|(key, _)| !PUBLIC.contains(&key.as_str()));
    told.map(|(key, value)| Secret::named(format!("{name}/{key}"), &value.0))
        .collect()
}

/// The documents of a manifest; what is no YAML has none.
fn objects(manifest: &str) -> Vec<Value> {
    let documents = serde_norway::Deserializer::from_str(manifest);
    documents
        .filter_map(|document| serde::Deserialize::deserialize(document).ok())
        .collect()
}

/// A Secret as the chart made it: it may have been changed since, and the old value be in use still.
fn values_in_manifest(object: &Value) -> Vec<Secret> {
    if object["kind"] != "Secret" {
        return Vec::new();
    }
    let mut stored = object.clone();
    let plain = stored["stringData"].take();
    let typed = serde_json::from_value::<KubernetesSecret>(stored).unwrap_or_default();
    let name = typed.name_any();
    let plain = plain.as_object().into_iter().flatten();
    let plain = plain.filter(|(key, _)| !PUBLIC.contains(&key.as_str()));
    let plain = plain.filter_map(|(key, value)| {
        Some(Secret::named(
            format!("{name}/{key}"),
            value.as_str()?.as_bytes(),
        ))
    });
    plain.chain(values_of(&typed)).collect()
}

/// Variables that are named as secrets are, with values of their own.
fn variables(pod: &Pod) -> Vec<Secret> {
    let variables = all_containers(pod).flat_map(|one| one.env.iter().flatten());
    let secretive = |name: &str| {
        SECRETIVE
            .iter()
            .any(|word| name.to_uppercase().contains(word))
    };
    let secretive = variables.filter(|variable| secretive(&variable.name));
    secretive
        .filter_map(|variable| {
            let value = variable.value.as_deref()?;
            let is_path_or_flag = value.starts_with('/') || value.len() < 8;
            let name = format!("{}/{}", pod.name_any(), variable.name);
            (!is_path_or_flag).then(|| Secret::named(name, value.as_bytes()))
        })
        .collect()
}

fn all_containers(pod: &Pod) -> impl Iterator<Item = &Container> {
    let spec = pod.spec.as_ref();
    let init = spec.and_then(|spec| spec.init_containers.as_deref());
    let main = spec.map(|spec| spec.containers.as_slice());
    init.into_iter().chain(main).flatten()
}

/// A pod as the API shows it, with its kind, which lists leave out.
fn described(pod: &Pod) -> Value {
    let mut value = json!({"apiVersion": "v1", "kind": "Pod"});
    if let (Some(all), Ok(Value::Object(pod))) = (value.as_object_mut(), serde_json::to_value(pod))
    {
        all.extend(pod);
    }
    value
}

pub(super) async fn within<T>(part: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let done = tokio::time::timeout(PATIENCE, part).await;
    done.unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs())))
}

pub(super) fn words(error: impl std::error::Error) -> String {
    aznet_kit::error::chain(&error)
}

pub(super) fn pretty<T: Serialize + ?Sized>(value: &T) -> Result<String, String> {
    serde_json::to_string_pretty(value).map_err(words)
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Read;

    use jiff::Timestamp;

    use super::super::{Manifest, redact::Redactor};
    use super::*;

    pub(in crate::bundle) fn pod() -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "validator-0"},
            "spec": {"containers": [{"name": "aztec", "env": [
                {"name": "COINBASE_TOKEN", "value": "a-token-of-mine"},
                {"name": "KEY_STORE_SECRET_DIRECTORY", "value": "/secrets"},
                {"name": "LOG_LEVEL", "value": "a-log-level-that-is-told"}]}]},
            "status": {"containerStatuses": [
                {"name": "aztec", "image": "i", "imageID": "id", "ready": true, "restartCount": 1,
                    "state": {"running": {}}},
                {"name": "waits", "image": "i", "imageID": "id", "ready": false, "restartCount": 0,
                    "state": {"waiting": {}}}]},
        }))
        .unwrap()
    }

    /// What is in a bundle with this log, and the list of it.
    fn bundled(known: &Known, log: &str) -> (String, Manifest) {
        let list = Manifest {
            aznet: String::new(),
            made: Timestamp::UNIX_EPOCH,
            network: String::new(),
            namespace: String::new(),
            cluster: String::new(),
            test: None,
            members: Vec::new(),
            missing: Vec::new(),
            redacted: 0,
        };
        let secrets = known.secrets();
        let mut archive = Archive::new("b", Redactor::new(&secrets), list);
        known.add(&secrets, &mut archive).unwrap();
        archive.add("logs/a/b.log", "a log", log).unwrap();
        let (bytes, manifest) = archive.finish().unwrap();
        let mut text = String::new();
        flate2::read::GzDecoder::new(bytes.as_slice())
            .read_to_string(&mut text)
            .unwrap();
        (text, manifest)
    }

    /// As from a pod of soak, whose Role shows no Secret.
    #[test]
    fn without_a_right_to_secrets_what_looks_like_one_is_taken_out_and_that_is_said() {
        let known = Known {
            secrets: Err("secrets is forbidden".to_owned()),
            pods: Ok(vec![pod()]),
            events: Ok(Vec::new()),
        };
        let log = "a-token-of-mine API_KEY=a-key-of-mine https://me:a-password@host/ block 7";
        let (text, manifest) = bundled(&known, log);
        for secret in ["a-token-of-mine", "a-key-of-mine", "a-password"] {
            assert!(!text.contains(secret), "{secret}");
        }
        assert!(text.contains("block 7") && manifest.redacted >= 3);
        let missing = &manifest.missing[0];
        assert!(
            missing.what.contains("only what looks like a credential"),
            "{missing:?}"
        );
        assert_eq!(missing.why, "secrets is forbidden");
    }

    /// The values of Secrets, those that the chart first made, and variables that should have been one.
    #[test]
    fn planted_secrets_of_each_kind_are_in_no_member() {
        let manifest = "kind: Secret\nmetadata: {name: keys}\nstringData: {mnemonic: the-first-mnemonic}\n\
             ---\nkind: ConfigMap\nmetadata: {name: told}\n";
        let secrets = [
            json!({"metadata": {"name": "keys"}, "type": "Opaque", "data": {"mnemonic": "dGhlLW5ldy1tbmVtb25pYw=="}}),
            json!({"metadata": {"name": "web"}, "type": "Opaque", "data": {"username": "c29tZWJvZHktcHVibGlj"}}),
        ];
        let mut stored: Vec<KubernetesSecret> = secrets
            .into_iter()
            .map(|one| serde_json::from_value(one).unwrap())
            .collect();
        stored.push(crate::observe::release::tests::with_manifest(manifest));
        let known = Known {
            secrets: Ok(stored),
            pods: Ok(vec![pod()]),
            events: Err("no right to events".to_owned()),
        };
        let log = "the-first-mnemonic the-new-mnemonic dGhlLW5ldy1tbmVtb25pYw== a-token-of-mine somebody-public";
        let (text, manifest) = bundled(&known, log);
        assert_eq!(manifest.missing[0].why, "no right to events");
        for secret in [
            "the-first-mnemonic",
            "the-new-mnemonic",
            "dGhlLW5ldy1tbmVtb25pYw",
            "a-token-of-mine",
        ] {
            assert!(!text.contains(secret), "{secret}");
        }
        for told in [
            "somebody-public",
            "a-log-level-that-is-told",
            "/secrets",
            "name: told",
        ] {
            assert!(text.contains(told), "{told}");
        }
    }
}
