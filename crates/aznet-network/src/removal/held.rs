//! What keeps a namespace from going: objects whose finalizers nobody has taken away.

use std::{fmt, time::Duration};

use futures::future::join_all;
use k8s_openapi::{api::core::v1::Namespace, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, ListParams},
    core::PartialObjectMeta,
    discovery::{self, ApiGroup, Scope, verbs},
};

/// How long the search may take: it is a courtesy.
const SEARCH_WITHIN: Duration = Duration::from_secs(20);

/// An object that is being removed and is held by finalizers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Its resource as kubectl takes it: `configmap`, `experiments.example.com`.
    pub resource: String,
    /// Its name.
    pub name: String,
    /// The finalizers.
    pub finalizers: Vec<String>,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { resource, name, .. } = self;
        let finalizers = self.finalizers.join(", ");
        write!(f, "{resource}/{name} has the finalizer {finalizers}")
    }
}

impl Held {
    fn of(resource: &str, meta: &ObjectMeta) -> Option<Self> {
        let finalizers = meta.finalizers.clone().filter(|all| !all.is_empty())?;
        meta.deletion_timestamp.as_ref()?;
        Some(Self {
            resource: resource.to_owned(),
            name: meta.name.clone()?,
            finalizers,
        })
    }
}

/// Everything in the namespace that is held, and the namespace itself; what can't be listed is left out.
pub(super) async fn in_namespace(client: &Client, namespace: &str) -> Vec<Held> {
    let search = async {
        let kinds = kinds(client).await;
        let held = kinds.iter().map(|kind| of_kind(client, namespace, kind));
        let (itself, inside) = futures::join!(itself(client, namespace), join_all(held));
        itself
            .into_iter()
            .chain(inside.into_iter().flatten())
            .collect()
    };
    tokio::time::timeout(SEARCH_WITHIN, search)
        .await
        .unwrap_or_default()
}

async fn itself(client: &Client, namespace: &str) -> Option<Held> {
    let api: Api<Namespace> = Api::all(client.clone());
    let found = api.get_metadata_opt(namespace).await.ok()??;
    Held::of("namespace", &found.metadata)
}

async fn of_kind(client: &Client, namespace: &str, kind: &ApiResource) -> Vec<Held> {
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, kind);
    let Ok(found) = api.list_metadata(&ListParams::default()).await else {
        return Vec::new();
    };
    let resource = if kind.group.is_empty() {
        kind.plural.clone()
    } else {
        format!("{}.{}", kind.plural, kind.group)
    };
    let held = |object: &PartialObjectMeta<DynamicObject>| Held::of(&resource, &object.metadata);
    found.iter().filter_map(held).collect()
}

/// Every kind that namespaces have and that can be listed. A group whose server is away hides only its own.
async fn kinds(client: &Client) -> Vec<ApiResource> {
    let Ok(groups) = client.list_api_groups().await else {
        return Vec::new();
    };
    let names = groups.groups.into_iter().map(|group| group.name);
    let names: Vec<String> = std::iter::once(ApiGroup::CORE_GROUP.to_owned())
        .chain(names)
        .collect();
    let groups = names.iter().map(|name| discovery::group(client, name));
    let listable = join_all(groups).await.into_iter().flatten();
    listable
        .flat_map(|group| group.recommended_resources())
        .filter(|(_, can)| can.scope == Scope::Namespaced && can.supports_operation(verbs::LIST))
        .map(|(kind, _)| kind)
        .collect()
}
