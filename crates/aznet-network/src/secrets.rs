//! The Secrets that values name, as they are in the namespace: looked at before anything restarts for them.

use std::{collections::BTreeMap, fmt, time::Duration};

use aznet_kit::wait::{self, Deadline, Look, WaitError};
use aznet_model::{
    keystore::{Written, parse},
    plan::SecretPlan,
};
use k8s_openapi::api::core::v1::Secret;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::namespace::{NamespaceError, Network};

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// So many keys of a Secret are named in a command, or in a line.
const SHOWN: usize = 4;
/// Values that name Secrets without which pods may start all the same: a node may have credentials of its own.
const PULL_SECRETS: &str = "imagePullSecrets";

/// Values that name the Secret with a key store for each pod.
const KEYSTORES: &str = "keys.keystoreSecret";

/// What is wrong with a Secret that pods need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unfit {
    /// Its name.
    pub secret: String,
    /// Its namespace.
    pub namespace: String,
    /// The values that name it, e.g. `keys.existingSecret`.
    pub key: String,
    /// `true`: there is no such Secret.
    pub absent: bool,
    /// Keys that it lacks; of one that is absent, all that it needs.
    pub lacks: Vec<String>,
    /// What is wrong with what it holds.
    pub faults: Vec<String>,
}

/// What was found of all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Those that pods can't start with.
    pub unfit: Vec<Unfit>,
    /// What is odd and stops nobody.
    pub warnings: Vec<String>,
}

/// Why the Secrets are not there.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The Kubernetes API failed.
    #[error(transparent)]
    Api(#[from] NamespaceError),
    /// Nobody made them in time.
    #[error(transparent)]
    Wait(#[from] WaitError),
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            secret,
            key,
            namespace,
            ..
        } = self;
        write!(f, "Secret {secret} of {key} ")?;
        if self.absent {
            return write!(f, "is not in namespace {namespace}");
        }
        let lacks = (!self.lacks.is_empty()).then(|| format!("lacks {}", some(&self.lacks)));
        let all: Vec<String> = lacks.into_iter().chain(self.faults.clone()).collect();
        write!(f, "in namespace {namespace}: {}", all.join("; "))
    }
}

impl Unfit {
    /// The command that makes it, where it is absent. What is secret is read from files: a command line is for all to see.
    pub fn command(&self) -> Option<String> {
        let Self {
            secret,
            namespace,
            lacks,
            ..
        } = self;
        if !self.absent {
            return None;
        }
        let files = self.key == KEYSTORES;
        let from: Vec<String> = match lacks.as_slice() {
            [] => vec!["--from-env-file=FILE".to_owned()],
            keys if files && keys.len() > SHOWN => vec!["--from-file=FOLDER".to_owned()],
            keys if files => keys
                .iter()
                .map(|key| format!("--from-file={key}"))
                .collect(),
            keys => keys
                .iter()
                .map(|key| format!("--from-file={key}=FILE"))
                .collect(),
        };
        let from = from.join(" ");
        Some(format!(
            "kubectl create secret generic {secret} --namespace {namespace} {from}"
        ))
    }
}

fn some(keys: &[String]) -> String {
    let shown = keys
        .iter()
        .take(SHOWN)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if keys.len() > SHOWN {
        return format!("{shown}, … ({} in all)", keys.len());
    }
    shown
}

/// Looks at the Secrets that `wanted` names, in the network's namespace.
///
/// # Errors
/// [`NamespaceError::Api`].
pub async fn check(network: &Network, wanted: &[SecretPlan]) -> Result<Found, NamespaceError> {
    let api: kube::Api<Secret> = network.api();
    let mut found = Found::default();
    for plan in wanted {
        let secret = api.get_opt(&plan.name).await;
        let doing = || format!("read Secret {}", plan.name);
        let secret = secret.map_err(|source| network.failed(&doing(), source))?;
        let data = secret.map(texts);
        let unfit = unfit(plan, network.namespace(), data.as_ref());
        if plan.key == PULL_SECRETS {
            found.warnings.extend(unfit.map(|unfit| unfit.to_string()));
        } else {
            found.unfit.extend(unfit);
        }
        if is_of_keystores(plan) {
            let data = data.unwrap_or_default();
            found.warnings.extend(shared_publishers(plan, &data));
        }
    }
    Ok(found)
}

/// Waits until the Secrets are as they must be; `on_lack` is told each time something else is wrong.
///
/// # Errors
/// [`SecretsError`].
pub async fn until_fit(
    network: &Network,
    wanted: &[SecretPlan],
    within: Duration,
    cancel: &CancellationToken,
    on_lack: impl Fn(&[Unfit]),
) -> Result<Vec<String>, SecretsError> {
    let told = std::sync::Mutex::new(Vec::new());
    let (told, on_lack) = (&told, &on_lack);
    let what = format!("the Secrets that network {} needs", network.name());
    let deadline = Deadline::after(within).every(LOOK_EVERY);
    wait::until(what, deadline, cancel, |_| async move {
        let found = check(network, wanted).await?;
        if found.unfit.is_empty() {
            return Ok::<_, SecretsError>(Look::Done(found.warnings));
        }
        let words = words(&found.unfit);
        let mut told = told
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if *told != found.unfit {
            on_lack(&found.unfit);
            *told = found.unfit;
        }
        Ok(Look::Pending(words))
    })
    .await
}

/// All of it in a line.
pub fn words(unfit: &[Unfit]) -> String {
    let words: Vec<String> = unfit.iter().map(ToString::to_string).collect();
    words.join("; ")
}

fn texts(secret: Secret) -> BTreeMap<String, String> {
    let data = secret.data.unwrap_or_default().into_iter();
    data.map(|(key, bytes)| (key, String::from_utf8_lossy(&bytes.0).into_owned()))
        .collect()
}

fn is_of_keystores(plan: &SecretPlan) -> bool {
    plan.key == KEYSTORES
}

fn unfit(
    plan: &SecretPlan,
    namespace: &str,
    data: Option<&BTreeMap<String, String>>,
) -> Option<Unfit> {
    let nothing = BTreeMap::new();
    let there = data.unwrap_or(&nothing);
    let lacks = plan.holds.iter().filter(|key| !there.contains_key(*key));
    let unfit = Unfit {
        secret: plan.name.clone(),
        namespace: namespace.to_owned(),
        key: plan.key.clone(),
        absent: data.is_none(),
        lacks: lacks.cloned().collect(),
        faults: if is_of_keystores(plan) {
            faults(plan, there)
        } else {
            Vec::new()
        },
    };
    let fits = !unfit.absent && unfit.lacks.is_empty() && unfit.faults.is_empty();
    (!fits).then_some(unfit)
}

/// C17: files that are no key stores, and attesters that two pods would sign with.
fn faults(plan: &SecretPlan, data: &BTreeMap<String, String>) -> Vec<String> {
    let bad = plan.holds.iter().filter_map(|file| {
        let why = parse(data.get(file)?).err()?;
        Some(format!("{file} {why}"))
    });
    let twice = pairs(plan, data, Written::share_an_attester).into_iter();
    let twice = twice.map(|(one, other)| {
        format!("{one} and {other} have an attester in common, and two nodes that sign with one key get it slashed")
    });
    bad.chain(twice).collect()
}

fn shared_publishers(plan: &SecretPlan, data: &BTreeMap<String, String>) -> Vec<String> {
    let shared = pairs(plan, data, Written::share_a_publisher).into_iter();
    shared
        .map(|(one, other)| {
            format!(
                "{one} and {other} of Secret {} have a publisher in common: pods that send from one account take each other's nonces; give each its own",
                plan.name
            )
        })
        .collect()
}

/// Files that have something in common with the first of them that has it.
fn pairs(
    plan: &SecretPlan,
    data: &BTreeMap<String, String>,
    share: impl Fn(&Written, &Written) -> bool,
) -> Vec<(String, String)> {
    let written = |file: &String| {
        let store = parse(data.get(file)?).ok()?;
        Some((file.clone(), Written::of(&store)))
    };
    let stores: Vec<(String, Written)> = plan.holds.iter().filter_map(written).collect();
    let with_an_earlier_one = stores.iter().enumerate().filter_map(|(at, (file, store))| {
        let earlier = stores[..at].iter().find(|(_, other)| share(store, other))?;
        Some((earlier.0.clone(), file.clone()))
    });
    with_an_earlier_one.collect()
}

#[cfg(test)]
mod tests;
