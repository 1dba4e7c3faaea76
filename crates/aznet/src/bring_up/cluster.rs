//! The third step: a cluster that networks can be deployed to.

use std::path::PathBuf;

use anyhow::Context as _;
use aznet_cluster::parts::images::{self, ImageSet};
use aznet_cluster::provider::embedded::{self, State};
use aznet_cluster::provider::{Cluster, Provider, ProviderError, Started, kind};
use aznet_network::deploy::helm::Helm;
use kube::Client;
use serde_json::{Map, Value, json};

use super::parts::{self, Parts};
use crate::context::Context;
use crate::steps::{Step, Steps, reporter};

/// A cluster that networks can be deployed to.
pub(crate) struct Ready {
    /// Which one.
    pub(crate) choice: Provider,
    /// Talks to it.
    pub(crate) client: Client,
    /// Helm, set to it.
    pub(crate) helm: Helm,
    /// Its kubeconfig; `None`: the user's own.
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Values that it implies: names of images that are on it.
    pub(crate) implied: Option<Value>,
}

/// A check of the cluster that may run while a network starts on it.
pub(super) struct Check(Option<Unchecked>);

struct Unchecked {
    name: String,
    step: Step,
    started: Started,
}

impl Check {
    /// There is nothing to check.
    pub(super) const NONE: Self = Self(None);

    /// Checks the cluster.
    pub(super) async fn run(self, context: &Context, steps: &Steps) -> anyhow::Result<()> {
        match self.0 {
            Some(unchecked) => unchecked.run(context, steps).await.map(drop),
            None => Ok(()),
        }
    }
}

impl Unchecked {
    async fn run(self, context: &Context, steps: &Steps) -> anyhow::Result<Cluster> {
        let (name, step) = (self.name, self.step);
        let checked = self.started.checked(context.interrupt.token()).await;
        let cluster = checked
            .with_context(|| format!("cluster {name} does not come up"))
            .inspect_err(|_| step.abandon())?;
        steps.end(&step, format!("{name} is ready"));
        Ok(cluster)
    }
}

/// An embedded cluster made of these parts, its node ready.
pub(super) async fn embedded(
    context: &Context,
    steps: &Steps,
    name: &str,
    parts: &Parts,
) -> anyhow::Result<(Ready, Check)> {
    let unchecked = start(context, steps, name, parts, false).await?;
    let choice = Provider::Embedded(name.to_owned());
    let implied = Some(implied(parts.images()));
    let cluster = unchecked.started.cluster();
    let ready = ready(&choice, cluster, parts.helm(), implied).await?;
    Ok((ready, Check(Some(unchecked))))
}

/// A cluster of kind, its nodes ready and with the images of pods.
pub(super) async fn of_kind(
    context: &Context,
    steps: &Steps,
    choice: &kind::Choice,
    parts: &Parts,
) -> anyhow::Result<(Ready, Check)> {
    let cluster = up_kind(context, steps, choice, parts).await?;
    let choice = Provider::Kind(choice.clone());
    let implied = Some(implied(parts.images()));
    let ready = ready(&choice, &cluster, parts.helm(), implied).await?;
    Ok((ready, Check::NONE))
}

/// Brings a cluster of kind up and loads the images that there are for its pods.
pub(crate) async fn up_kind(
    context: &Context,
    steps: &Steps,
    choice: &kind::Choice,
    parts: &Parts,
) -> anyhow::Result<Cluster> {
    let (name, paths, cancel) = (&choice.name, &context.paths, context.interrupt.token());
    context.interrupt.leaves(
        format!("cluster {name} is complete or not there"),
        format!(
            "run the same command again, `aznet cluster down --cluster kind:{name}` removes it"
        ),
    );
    let step = steps.begin("cluster", "checking whether it is running");
    let (report, provider) = (reporter(&step), Provider::Kind(choice.clone()));
    let make = async {
        let supplies = parts.supplies(false, None);
        let started = provider.start(paths, Some(&supplies), &report, cancel);
        let cluster = started.await?.checked(cancel).await?;
        let images = parts.images();
        if images.of_pods().next().is_some() {
            provider.load_images(paths, images, &report, cancel).await?;
        }
        anyhow::Ok(cluster)
    };
    let cluster = Box::pin(make).await.inspect_err(|error| {
        step.abandon();
        let kind = match error.downcast_ref() {
            Some(ProviderError::Kind(error)) => Some(error),
            _ => None,
        };
        if let Some(kind::Error::HalfMade { .. }) = kind {
            let removes = format!("`kind delete cluster --name {name}` removes it");
            let what = format!("cluster {name} is half-made");
            context.interrupt.leaves(what, removes);
        }
    })?;
    steps.end(&step, format!("{provider} is ready"));
    Ok(cluster)
}

/// A cluster of the user's own. It pulls its images itself.
pub(super) async fn existing(
    context: &Context,
    steps: &Steps,
    choice: &Provider,
) -> anyhow::Result<(Ready, Check)> {
    let cluster = choice.find(&context.paths)?;
    let helm = parts::helm(context, steps).await?;
    let ready = ready(choice, &cluster, helm, None).await?;
    Ok((ready, Check::NONE))
}

/// A cluster that is up already, and Helm for it.
pub(crate) async fn attach(context: &Context, choice: &Provider) -> anyhow::Result<Ready> {
    let cluster = choice.find(&context.paths)?;
    let helm = parts::helm_silently(context).await?;
    ready(choice, &cluster, helm, None).await
}

/// Notes what an interruption leaves of the cluster.
fn leaves(context: &Context, name: &str) -> anyhow::Result<()> {
    let known = embedded::list(&context.paths)?;
    let known = known.iter().map(|info| (info.name.as_str(), info.state));
    let (what, next) = left(name, known);
    context.interrupt.leaves(what, next);
    Ok(())
}

/// What an interruption leaves of a cluster, and what to do then: one that runs stays as it is.
fn left<'a>(name: &str, mut known: impl Iterator<Item = (&'a str, State)>) -> (String, String) {
    if known.any(|(known, state)| known == name && state != State::Stopped) {
        return (
            format!("cluster {name} runs as before"),
            "run the same command to continue".to_owned(),
        );
    }
    (
        format!("cluster {name} is partly up"),
        format!("run the same command to continue, `aznet cluster down {name}` removes it"),
    )
}

/// Brings an embedded cluster up; one that was made to enforce network policies does so without being asked.
pub(crate) async fn up(
    context: &Context,
    steps: &Steps,
    name: &str,
    parts: &Parts,
    network_policy: bool,
) -> anyhow::Result<Cluster> {
    let unchecked = start(context, steps, name, parts, network_policy).await?;
    unchecked.run(context, steps).await
}

async fn start(
    context: &Context,
    steps: &Steps,
    name: &str,
    parts: &Parts,
    network_policy: bool,
) -> anyhow::Result<Unchecked> {
    leaves(context, name)?;
    let step = steps.begin("cluster", "checking whether it is running");
    let report = reporter(&step);
    let enforcer = if network_policy || embedded::enforces_policies(&context.paths, name)? {
        let enforcer = parts::enforcer(context, &report).await;
        Some(enforcer.inspect_err(|_| step.abandon())?)
    } else {
        None
    };
    let supplies = parts.supplies(network_policy, enforcer);
    let provider = Provider::Embedded(name.to_owned());
    let cancel = context.interrupt.token();
    let started = provider.start(&context.paths, Some(&supplies), &report, cancel);
    let started = started
        .await
        .with_context(|| format!("cluster {name} failed to start"))
        .inspect_err(|_| step.abandon())?;
    Ok(Unchecked {
        name: name.to_owned(),
        step,
        started,
    })
}

async fn ready(
    choice: &Provider,
    cluster: &Cluster,
    helm: Helm,
    implied: Option<Value>,
) -> anyhow::Result<Ready> {
    let helm = helm.context(cluster.context());
    let helm = match &cluster.kubeconfig {
        Some(path) => helm.kubeconfig(path),
        None => helm,
    };
    let client = cluster.client().await?;
    Ok(Ready {
        choice: choice.clone(),
        client,
        helm,
        kubeconfig: cluster.kubeconfig.clone(),
        implied,
    })
}

/// Values that a cluster of our own implies, whatever images it has: Grafana is no Go program that could be built.
pub(crate) fn implied_here() -> Map<String, Value> {
    let off = json!({"grafana": {"enabled": false}});
    Map::from_iter([("telemetry".to_owned(), off)])
}

/// Values for the chart: the images are on the cluster, and nowhere else.
fn implied(images: &ImageSet) -> Value {
    let entry = |built: &images::Built| {
        let key = built.image.key()?.to_owned();
        Some((
            key,
            json!({"image": built.reference, "pullPolicy": "Never"}),
        ))
    };
    let images = images.iter().filter_map(entry).collect::<Map<_, _>>();
    let mut implied = implied_here();
    implied.insert("images".to_owned(), Value::Object(images));
    Value::Object(implied)
}

/// What a release's values have of that: it comes from the cluster, not from who installs.
pub(crate) fn implied_in(values: &Map<String, Value>) -> Value {
    let mut implied = Map::new();
    if let Some(images) = values.get("images") {
        implied.insert("images".to_owned(), images.clone());
    }
    if values
        .get("telemetry")
        .and_then(|telemetry| telemetry["grafana"].get("enabled"))
        == Some(&json!(false))
    {
        implied.insert(
            "telemetry".to_owned(),
            json!({"grafana": {"enabled": false}}),
        );
    }
    Value::Object(implied)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R13: of a cluster with networks it was said that it was partly up, and that `cluster down` removes it.
    #[test]
    fn r13_a_cluster_that_ran_before_is_not_half_made() {
        let known = [
            ("ci", State::Running),
            ("default", State::Degraded),
            ("old", State::Stopped),
        ];
        for name in ["ci", "default"] {
            let (what, next) = left(name, known.into_iter());
            assert_eq!(what, format!("cluster {name} runs as before"));
            assert!(!next.contains("cluster down"), "{next}");
        }
        for name in ["old", "new"] {
            let (what, next) = left(name, known.into_iter());
            assert_eq!(what, format!("cluster {name} is partly up"));
            assert!(
                next.contains(&format!("`aznet cluster down {name}`")),
                "{next}"
            );
        }
    }
}
