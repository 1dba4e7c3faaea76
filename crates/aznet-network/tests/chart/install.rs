//! The chart on a real API server: installed, upgraded, rolled back, removed.

use crate::apiserver::ApiServer;
use crate::common::{chart, load, pod_template, render};
use aznet_model::values::Loaded;
use aznet_network::deploy::helm::{Helm, HelmError, Release};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Secret, Service};
use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, PostParams};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use tokio_util::sync::CancellationToken;

struct Place<'a> {
    server: &'a ApiServer,
    helm: Helm,
    namespace: &'a str,
    cancel: CancellationToken,
}

impl<'a> Place<'a> {
    async fn new(server: &'a ApiServer, namespace: &'a str) -> Self {
        server.namespace(namespace).await;
        Self {
            server,
            helm: server.helm(),
            namespace,
            cancel: CancellationToken::new(),
        }
    }

    async fn install(&self, sets: &[&str]) -> Result<(), HelmError> {
        let (chart, loaded) = (chart(), values(sets));
        let release = Release {
            name: "small",
            namespace: self.namespace,
            chart: &chart,
            overlay: &loaded.overlay,
        };
        self.helm.install(&release, &self.cancel).await
    }

    async fn upgrade(&self, sets: &[&str]) -> Result<(), HelmError> {
        let (chart, loaded) = (chart(), values(sets));
        let release = Release {
            name: "small",
            namespace: self.namespace,
            chart: &chart,
            overlay: &loaded.overlay,
        };
        self.helm.upgrade(&release, &self.cancel).await
    }

    /// `helm rollback`, which is the operator's to call.
    async fn rollback(&self, revision: &str) {
        let mut helm = tokio::process::Command::new(crate::common::program("helm"));
        helm.args(["rollback", "small", revision, "--namespace", self.namespace])
            .arg("--kubeconfig")
            .arg(self.server.kubeconfig());
        let output = helm.output().await.expect("helm starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "helm rollback: {said}");
    }

    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.server.client.clone(), self.namespace)
    }

    /// Generation and replicas of each StatefulSet: a generation changes with the spec.
    async fn generations(&self) -> BTreeMap<String, (i64, i32)> {
        let list = self
            .api::<StatefulSet>()
            .list(&ListParams::default())
            .await
            .expect("StatefulSets can be listed");
        let one = |set: StatefulSet| {
            let replicas = set.spec.and_then(|spec| spec.replicas).unwrap_or_default();
            (
                set.metadata.name.unwrap_or_default(),
                (set.metadata.generation.unwrap_or_default(), replicas),
            )
        };
        list.items.into_iter().map(one).collect()
    }

    /// The values that the chart made up.
    async fn generated_secrets(&self) -> String {
        let mut text = String::new();
        for name in ["blob-store", "admin-api"] {
            let secret = self.api::<Secret>().get(name).await;
            let _ = write!(text, "{:?}", secret.expect("the Secret exists").data);
        }
        text
    }

    /// Objects of the release, whatever their kind.
    async fn leftovers(&self) -> usize {
        let ours = ListParams::default().labels("app.kubernetes.io/name=aztec-network");
        let count = |result: Result<usize, kube::Error>| result.expect("objects can be listed");
        count(
            self.api::<StatefulSet>()
                .list(&ours)
                .await
                .map(|list| list.items.len()),
        ) + count(
            self.api::<ConfigMap>()
                .list(&ours)
                .await
                .map(|list| list.items.len()),
        ) + count(
            self.api::<Secret>()
                .list(&ours)
                .await
                .map(|list| list.items.len()),
        ) + count(
            self.api::<Service>()
                .list(&ours)
                .await
                .map(|list| list.items.len()),
        ) + count(
            self.api::<PersistentVolumeClaim>()
                .list(&ours)
                .await
                .map(|list| list.items.len()),
        )
    }
}

fn values(sets: &[&str]) -> Loaded {
    load(&[], sets).expect("well-typed values")
}

#[tokio::test]
async fn a_release_lives_its_life() {
    let server = ApiServer::start().await;
    let place = Place::new(&server, "life").await;
    place
        .install(&["validator.replicas=5"])
        .await
        .expect("it installs");
    let (installed, secret) = (place.generations().await, place.generated_secrets().await);
    assert_eq!(installed["validator"].1, 5);

    place
        .upgrade(&["validator.replicas=5"])
        .await
        .expect("it upgrades");
    assert_eq!(
        place.generations().await,
        installed,
        "an upgrade that changes nothing touches nothing"
    );
    assert_eq!(
        place.generated_secrets().await,
        secret,
        "credentials stay over upgrades"
    );

    place
        .upgrade(&["validator.replicas=7"])
        .await
        .expect("it upgrades");
    let grown = place.generations().await;
    assert_eq!(grown["validator"].1, 7);
    let changed = grown
        .iter()
        .filter(|(name, state)| installed[*name] != **state);
    assert_eq!(changed.count(), 1, "only the validators change");

    place.rollback("1").await;
    assert_eq!(place.generations().await["validator"].1, 5);
    assert_eq!(
        place.generated_secrets().await,
        secret,
        "credentials stay over a rollback"
    );
    place.rollback("3").await;
    assert_eq!(place.generations().await["validator"].1, 7);

    let error = place
        .upgrade(&["validator.replicas=9", "validator.storage.size=9Gi"])
        .await
        .expect_err("immutable");
    assert!(error.to_string().contains("validator"), "{error}");
    assert_eq!(
        place.generations().await["validator"].1,
        7,
        "a failed upgrade is rolled back"
    );
    let status = place
        .helm
        .status("small", "life", &place.cancel)
        .await
        .expect("Helm answers");
    assert_eq!(status.expect("the release is there").status, "deployed");

    let known = place
        .helm
        .values("small", "life", &place.cancel)
        .await
        .expect("Helm answers");
    assert_eq!(
        known.expect("the release has values")["validator"]["replicas"],
        7
    );
    let error = place.install(&[]).await.expect_err("the name is taken");
    assert!(matches!(error, HelmError::NameTaken(_)), "{error}");
    assert_eq!(
        place.generations().await["validator"].1,
        7,
        "someone else's release stays"
    );

    place
        .helm
        .uninstall("small", "life", &place.cancel)
        .await
        .expect("it is removed");
    assert_eq!(place.leftovers().await, 0);
    place
        .helm
        .uninstall("small", "life", &place.cancel)
        .await
        .expect("removing what is gone is fine");
    assert_eq!(
        place
            .helm
            .values("small", "life", &place.cancel)
            .await
            .expect("Helm answers"),
        None
    );
    assert_eq!(
        place
            .helm
            .list(None, &place.cancel)
            .await
            .expect("Helm answers"),
        []
    );
}

#[tokio::test]
async fn the_chart_itself_refuses_what_is_fixed() {
    let server = ApiServer::start().await;
    let place = Place::new(&server, "fixed").await;
    place.install(&[]).await.expect("it installs");
    let before = place.generations().await;
    for (set, words) in [
        ("l1.blockTime=2", "l1.blockTime 4 → 2: anvil's clock"),
        (
            "network.skipWarmUp=false",
            "network.skipWarmUp true → false",
        ),
        ("network.slotDuration=24", "network.slotDuration 12 → 24"),
        (
            "network.slashing.quorum=9",
            "network.slashing.quorum null → 9",
        ),
    ] {
        let error = place.upgrade(&[set]).await.expect_err("fixed").to_string();
        assert!(error.contains(words), "{set}: {error}");
        assert!(error.contains("start a new network"), "{set}: {error}");
    }
    assert_eq!(place.generations().await, before, "nothing was touched");
    place
        .upgrade(&[
            "network.slotDuration=24",
            "network.refuseFixedChanges=false",
        ])
        .await
        .expect("whoever knows better may");
    let (chart, loaded) = (chart(), values(&["network.slotDuration=12"]));
    let release = Release {
        name: "small",
        namespace: "fixed",
        chart: &chart,
        overlay: &loaded.overlay,
    };
    place
        .helm
        .upgraded_manifest(&release, &place.cancel)
        .await
        .expect("a preview shows what it would be, and refuses nothing itself");
}

#[tokio::test]
async fn a_failed_install_leaves_nothing() {
    let server = ApiServer::start().await;
    let place = Place::new(&server, "half").await;
    let error = place
        .install(&["validator.podLabels.team=not a label"])
        .await
        .expect_err("no such label can be");
    assert!(error.to_string().contains("not a label"), "{error}");
    assert_eq!(place.leftovers().await, 0);
    assert_eq!(
        place
            .helm
            .status("small", "half", &place.cancel)
            .await
            .expect("Helm answers"),
        None
    );
    place.install(&[]).await.expect("the name is free again");
}

#[tokio::test]
async fn every_pod_passes_restricted_pod_security() {
    let server = ApiServer::start().await;
    let place = Place::new(&server, "restricted").await;
    for entry in std::fs::read_dir(chart().join("ci")).expect("ci/ can be read") {
        let path = entry.expect("ci/ can be read").path();
        let loaded = load(std::slice::from_ref(&path), &[]).expect("ci values load");
        for object in render(&loaded).await {
            let Some(template) = pod_template(&object) else {
                continue;
            };
            let mut pod = template.clone();
            pod["metadata"]["name"] = object["metadata"]["name"].clone();
            add_claimed_volumes(&mut pod, &object);
            let pod: Pod = serde_json::from_value(pod).expect("a pod template is a pod");
            let dry_run = PostParams {
                dry_run: true,
                field_manager: None,
            };
            let made = place.api::<Pod>().create(&dry_run, &pod).await;
            if template.to_string().contains("hostPort") {
                let refused = made
                    .expect_err("a port of the machine is refused")
                    .to_string();
                assert!(refused.contains("hostPort"), "{refused}");
                continue;
            }
            made.unwrap_or_else(|error| {
                panic!(
                    "{}: {}: {error}",
                    path.display(),
                    object["metadata"]["name"]
                )
            });
        }
    }
}

#[tokio::test]
async fn every_object_of_every_feature_is_taken_by_the_api() {
    let server = ApiServer::start().await;
    server.namespace("objects").await;
    let dry_run = PostParams {
        dry_run: true,
        field_manager: None,
    };
    for entry in std::fs::read_dir(chart().join("ci")).expect("ci/ can be read") {
        let path = entry.expect("ci/ can be read").path();
        let loaded = load(std::slice::from_ref(&path), &[]).expect("ci values load");
        for value in render(&loaded).await {
            let name = format!(
                "{}: {} {}",
                path.display(),
                value["kind"],
                value["metadata"]["name"]
            );
            let object: DynamicObject = serde_json::from_value(value).expect("an object");
            let types = object.types.as_ref().expect("an object has a kind");
            let kind = GroupVersionKind::try_from(types).expect("a version");
            let resource = ApiResource::from_gvk(&kind);
            let api = Api::namespaced_with(server.client.clone(), "objects", &resource);
            let made = api.create(&dry_run, &object).await;
            made.unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
}

/// What the StatefulSet controller does: a volume for each claim.
fn add_claimed_volumes(pod: &mut Value, workload: &Value) {
    let claims = workload["spec"]["volumeClaimTemplates"].as_array();
    for name in claims
        .into_iter()
        .flatten()
        .map(|claim| &claim["metadata"]["name"])
    {
        let volume = json!({ "name": name, "persistentVolumeClaim": { "claimName": name } });
        if let Some(volumes) = pod["spec"]["volumes"].as_array_mut() {
            volumes.push(volume);
        }
    }
}

#[tokio::test]
async fn a_cluster_that_is_not_there_is_told_apart() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let kubeconfig = folder.path().join("kubeconfig");
    let nowhere = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "x", "users": [],
        "clusters": [{ "name": "x", "cluster": { "server": "https://127.0.0.1:1" } }],
        "contexts": [{ "name": "x", "context": { "cluster": "x", "user": "" } }],
    });
    std::fs::write(&kubeconfig, nowhere.to_string()).expect("the folder can be written to");
    let (chart, loaded, cancel) = (chart(), values(&[]), CancellationToken::new());
    let helm = crate::common::helm().kubeconfig(&kubeconfig);
    let release = Release {
        name: "small",
        namespace: "none",
        chart: &chart,
        overlay: &loaded.overlay,
    };
    let error = helm
        .install(&release, &cancel)
        .await
        .expect_err("no cluster");
    assert!(error.is_unreachable(), "{error}");
    let error = helm.list(None, &cancel).await.expect_err("no cluster");
    assert!(error.is_unreachable(), "{error}");
}
