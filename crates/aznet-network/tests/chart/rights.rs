//! A user with rights in one namespace only, on a real API server: the Role of the guide suffices.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aznet_kit::wait::{self, Deadline, Look, WaitError};
use aznet_network::adopt::by_helm;
use aznet_network::deploy::Reporter;
use aznet_network::deploy::helm::{Helm, Release};
use aznet_network::namespace::{
    Claim, EXPIRES_AT, NETWORK, Network, NetworkInfo, NewNetwork, Patience, Scope, Turn,
};
use aznet_network::observe::summary::Summary;
use aznet_network::removal;
use jiff::Timestamp;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Namespace, Secret, ServiceAccount};
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, ResourceExt};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::apiserver::ApiServer;
use crate::common::{chart, load, source};

const NAMESPACE: &str = "team";

/// What a ServiceAccount reaches that has the Role of the guide and nothing else.
struct User {
    client: Client,
    helm: Helm,
    _folder: tempfile::TempDir,
}

/// The Role as the guide prints it.
fn role() -> Role {
    let guide = std::fs::read_to_string(source().join("docs/guide/your-cluster.md"));
    let guide = guide.expect("the guide can be read");
    let block = guide.split("```yaml\n").nth(1).expect("a manifest");
    let block = block.split("```").next().expect("its end");
    serde_norway::from_str(block).expect("a Role")
}

async fn user(server: &ApiServer) -> User {
    let admin = server.client.clone();
    let (accounts, as_new) = (
        Api::<ServiceAccount>::namespaced(admin.clone(), NAMESPACE),
        PostParams::default(),
    );
    let account = json!({"metadata": {"name": "dev"}});
    let account = serde_json::from_value(account).expect("a ServiceAccount");
    accounts
        .create(&as_new, &account)
        .await
        .expect("an account");
    let roles: Api<Role> = Api::namespaced(admin.clone(), NAMESPACE);
    let role = roles.create(&as_new, &role()).await.expect("the Role");
    let binding = json!({
        "metadata": {"name": "dev"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role.name_any()},
        "subjects": [{"kind": "ServiceAccount", "name": "dev", "namespace": NAMESPACE}],
    });
    let binding: RoleBinding = serde_json::from_value(binding).expect("a RoleBinding");
    let bindings = Api::namespaced(admin, NAMESPACE);
    bindings.create(&as_new, &binding).await.expect("is bound");
    let request = TokenRequest {
        spec: TokenRequestSpec::default(),
        ..TokenRequest::default()
    };
    let token = accounts.create_token_request("dev", &as_new, &request);
    let token = token.await.expect("a token").status.expect("a token").token;
    with_token(server, &token).await
}

async fn with_token(server: &ApiServer, token: &str) -> User {
    let text = std::fs::read_to_string(server.kubeconfig()).expect("the kubeconfig");
    let mut kubeconfig: Value = serde_json::from_str(&text).expect("it is JSON");
    kubeconfig["users"][0]["user"] = json!({ "token": token });
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path: PathBuf = folder.path().join("kubeconfig");
    std::fs::write(&path, kubeconfig.to_string()).expect("the folder can be written to");
    let kubeconfig = Kubeconfig::read_from(&path).expect("it was just written");
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    User {
        client: Client::try_from(config.expect("it is complete")).expect("a client"),
        helm: crate::common::helm().kubeconfig(path),
        _folder: folder,
    }
}

/// The API server hears of a new Role a moment later.
async fn until_known(user: &User, scope: &Scope) {
    let deadline = Deadline::seconds(20);
    let look = |_| async {
        let listed = Network::list(&user.client, "test", scope).await;
        Ok::<_, WaitError>(Look::from(listed.map(drop)))
    };
    wait::until(
        "the Role to hold",
        deadline,
        &CancellationToken::new(),
        look,
    )
    .await
    .expect("the Role holds");
}

/// N06: forbidden, for networks were listed over the whole cluster.
#[tokio::test]
async fn n06_a_role_in_one_namespace_suffices() {
    let server = ApiServer::start().await;
    server.namespace(NAMESPACE).await;
    let user = user(&server).await;
    let scope = Scope::Namespace(NAMESPACE.to_owned());
    until_known(&user, &scope).await;
    let everywhere = Network::list(&user.client, "test", &Scope::Cluster).await;
    let forbidden = everywhere.expect_err("the account has no such right");
    assert!(aznet_kit::error::chain(&forbidden).contains("forbidden"));

    let network = made(&user, &scope).await;
    let listed = Network::list(&user.client, "test", &scope).await;
    let listed: Vec<String> = listed
        .expect("it lists")
        .into_iter()
        .map(|one| one.name)
        .collect();
    assert_eq!(listed, ["small"]);
    let summary = Summary::of(&network).await.expect("pods can be listed");
    assert!(
        matches!(summary, Summary::Incomplete { ready: 0, .. }),
        "{summary}"
    );
    let end = [(EXPIRES_AT, Some("2026-01-01T00:00:00Z".to_owned()))];
    network.annotate(&end).await.expect("it annotates");
    by_helm_is_seen(&user, &scope, network.info()).await;
    is_removed(&server, &user, &network).await;
}

/// Takes the turn, marks the namespace, installs the chart.
async fn made(user: &User, scope: &Scope) -> Network {
    let cancel = CancellationToken::new();
    let patience = Patience::Lasts(Duration::from_secs(20));
    let claim = Claim {
        network: "small",
        cluster: "test",
        scope,
        who: "dev",
    };
    let turn = Turn::take(user.client.clone(), claim, patience, &cancel, |_| {}).await;
    let new = NewNetwork {
        name: "small".to_owned(),
        cluster: "test".to_owned(),
        scope: scope.clone(),
        ttl: None,
        created_by: "dev".to_owned(),
        values_from: "small".to_owned(),
    };
    let network = Network::create(user.client.clone(), &new, Timestamp::now()).await;
    let network = network.expect("the namespace becomes the network's");
    let (chart, loaded) = (
        chart(),
        load(
            &[source().join("networks/small.yaml")],
            &["soak.enabled=true"],
        )
        .expect("values"),
    );
    let release = Release {
        name: "small",
        namespace: NAMESPACE,
        chart: &chart,
        overlay: &loaded.overlay,
    };
    let installed = user.helm.install(&release, &cancel).await;
    installed.expect("everything of the chart may be made");
    turn.expect("Leases may be made").give_back().await;
    network
}

/// A release of plain Helm is known by its Secret; one in a network's namespace is that network.
async fn by_helm_is_seen(user: &User, scope: &Scope, info: &NetworkInfo) {
    let seen = by_helm(&user.client, "test", scope, &[]).await;
    let seen = seen.expect("Secrets may be listed");
    assert_eq!((seen[0].name.as_str(), seen[0].by_helm), ("small", true));
    let known = [info.clone()];
    let seen = by_helm(&user.client, "test", scope, &known).await;
    assert_eq!(seen.expect("Secrets may be listed"), []);
}

/// What is not the network's stays.
async fn is_removed(server: &ApiServer, user: &User, network: &Network) {
    let secrets: Api<Secret> = Api::namespaced(server.client.clone(), NAMESPACE);
    let mine = json!({"metadata": {"name": "mine"}});
    let mine = serde_json::from_value(mine).expect("a Secret");
    let made = secrets.create(&PostParams::default(), &mine).await;
    made.expect("a Secret of the user's");
    let (quiet, cancel): (Reporter, _) = (Arc::new(|_| {}), CancellationToken::new());
    let within = Duration::from_secs(30);
    let retained = removal::uninstall(network, &user.helm, within, &quiet, &cancel).await;
    assert_eq!(retained.expect("it goes"), Vec::<String>::new());
    let left = secrets.list(&kube::api::ListParams::default()).await;
    let left = left.expect("Secrets can be listed");
    let left: Vec<String> = left.iter().map(ResourceExt::name_any).collect();
    assert_eq!(left, ["mine"]);
    let namespaces: Api<Namespace> = Api::all(server.client.clone());
    let namespace = namespaces.get(NAMESPACE).await.expect("it stays");
    assert!(!namespace.labels().contains_key(NETWORK));
}
