//! Everything a network needs before it can be deployed: the machine, the programs, the images, the cluster. What is
//! there already takes no time.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use aznet_cluster::machine::finding::Finding;
use aznet_cluster::machine::programs::Work;
use aznet_cluster::machine::{doctor, install};
use aznet_cluster::parts::images::{self, Image, ImageSet};
use aznet_cluster::parts::kubernetes::Minor;
use aznet_cluster::parts::store::{self, Store};
use aznet_cluster::parts::toolchain::{self, Group, Program, Settings, Toolchain};
use aznet_cluster::progress::{self, Progress, Reporter};
use aznet_cluster::provider::embedded::{self, Binaries, Images};
use aznet_cluster::provider::{Cluster, Provider, Supplies};
use aznet_kit::process::on_path;
use aznet_network::deploy::helm::Helm;
use futures::TryFutureExt as _;
use kube::Client;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::failure::Failure;
use crate::steps::{Step, Steps};
use crate::table::count;

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

/// Which of the parts are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// What every cluster has.
    Base,
    /// And what observes networks.
    Telemetry,
}

impl Extent {
    fn groups(self) -> Vec<Group> {
        let more: &[Group] = match self {
            Self::Base => &[],
            Self::Telemetry => &Group::TELEMETRY,
        };
        [&Group::ALL, more].concat()
    }

    fn images(self) -> Vec<Image> {
        let more: &[Image] = match self {
            Self::Base => &[],
            Self::Telemetry => &Image::TELEMETRY,
        };
        [&Image::ALL, more].concat()
    }
}

/// The programs and images that a cluster is made of.
pub(crate) struct Parts {
    toolchain: Toolchain,
    images: ImageSet,
    store: Store,
}

/// The Kubernetes that the cluster is made of, or is to be made of; a cluster of the user's has one of its own.
pub(crate) fn kubernetes(
    context: &Context,
    choice: &Provider,
    asked: Option<Minor>,
) -> anyhow::Result<Minor> {
    match choice {
        Provider::Embedded(name) => Ok(embedded::kubernetes_of(&context.paths, name, asked)?),
        Provider::Context(_) if asked.is_some() => Err(Failure::NotOurKubernetes {
            cluster: choice.to_string(),
        }
        .into()),
        Provider::Context(_) => Ok(Minor::default()),
    }
}

/// Sees to it that the cluster is up, with everything that it needs.
pub(crate) async fn cluster(
    context: &Context,
    steps: &Steps,
    choice: &Provider,
    extent: Extent,
    kubernetes: Minor,
) -> anyhow::Result<Ready> {
    match choice {
        // It pulls its images itself.
        Provider::Context(_) => {
            ready(
                choice,
                &choice.find(&context.paths)?,
                helm(context, steps).await?,
                None,
            )
            .await
        }
        Provider::Embedded(name) => {
            machine(context, steps).await?;
            let parts = parts(context, steps, extent, kubernetes).await?;
            let cluster = embedded(context, steps, name, &parts, false).await?;
            let helm = parts.toolchain.path(Program::Helm);
            ready(
                choice,
                &cluster,
                Helm::new(helm),
                Some(implied(&parts.images)),
            )
            .await
        }
    }
}

/// Looks at the machine, and installs what it lacks where that is allowed.
pub(crate) async fn machine(context: &Context, steps: &Steps) -> anyhow::Result<()> {
    let step = steps.begin("machine", "looking at this machine");
    let cancel = context.interrupt.token();
    let look = async {
        let compile = images::need_compiler(&context.paths, &context.source)?;
        let work = if compile { Work::Compile } else { Work::Run };
        let findings = doctor::check(&context.paths, work, cancel).await;
        if findings.iter().all(Finding::ok) || !nix::unistd::geteuid().is_root() {
            return anyhow::Ok((findings, Vec::new()));
        }
        let (what, next) = install::LEFT_WHEN_KILLED;
        context.interrupt.leaves(what, next);
        let installed = install::fix(&reporter(&step), cancel).await?;
        Ok((doctor::check(&context.paths, work, cancel).await, installed))
    };
    let (findings, installed) = look.await.inspect_err(|_| step.abandon())?;
    let missing: Vec<Finding> = findings
        .into_iter()
        .filter(|finding| !finding.ok())
        .collect();
    if !missing.is_empty() {
        step.abandon();
        return Err(Failure::Machine(missing).into());
    }
    steps.end(
        &step,
        match installed.as_slice() {
            [] => "has what it takes".to_owned(),
            packages => format!("installed {}", packages.join(", ")),
        },
    );
    Ok(())
}

/// A cluster that is up already, and Helm for it.
pub(crate) async fn attach(context: &Context, choice: &Provider) -> anyhow::Result<Ready> {
    let cluster = choice.find(&context.paths)?;
    let helm = match users_helm(context).await {
        Some(helm) => helm,
        None => {
            let (report, cancel) = (progress::silent(), context.interrupt.token());
            let programs = ensured(context, &[Group::Helm], Minor::default(), &report, cancel);
            Helm::new(programs.await?.path(Program::Helm))
        }
    };
    ready(choice, &cluster, helm, None).await
}

/// Programs and images, built where they are missing.
pub(crate) async fn parts(
    context: &Context,
    steps: &Steps,
    extent: Extent,
    kubernetes: Minor,
) -> anyhow::Result<Parts> {
    let source = &context.source;
    let paths = &context.paths;
    let step = steps.begin("images", "looking at what is built");
    let report = reporter(&step);
    let cancel = context.interrupt.token().child_token();
    let ahead = async { Ok(images::ahead(paths, source, &report, &cancel).await?) };
    let make = async {
        let groups = extent.groups();
        let programs = Box::pin(programs(context, steps, &groups, kubernetes, &cancel));
        let (toolchain, ()) = both(&cancel, programs, Box::pin(ahead)).await?;
        let wanted = extent.images();
        let images = images::ensure(paths, source, &toolchain, &wanted, &report, &cancel).await?;
        let store = store::ensure(paths, &images, &report, &cancel).await?;
        anyhow::Ok((toolchain, images, store))
    };
    let (toolchain, images, store) = Box::pin(make).await.inspect_err(|_| step.abandon())?;
    steps.end(&step, count(images.iter().count(), "image"));
    Ok(Parts {
        toolchain,
        images,
        store,
    })
}

/// Brings an embedded cluster up; one that was made to enforce network policies does so without being asked.
pub(crate) async fn embedded(
    context: &Context,
    steps: &Steps,
    name: &str,
    parts: &Parts,
    network_policy: bool,
) -> anyhow::Result<Cluster> {
    context.interrupt.leaves(
        format!("cluster {name} is partly up"),
        format!("the same command goes on from there, `aznet cluster down {name}` removes it"),
    );
    let step = steps.begin("cluster", "looking whether it runs");
    let report = reporter(&step);
    let mut binaries = Binaries::of(&parts.toolchain);
    if network_policy || embedded::enforces_policies(&context.paths, name)? {
        let enforcer = enforcer(context, &report).await;
        let folder = enforcer.inspect_err(|_| step.abandon())?;
        binaries.search.insert(0, folder);
    }
    let supplies = Supplies {
        binaries,
        images: Images::of(&parts.images, parts.store.path()),
        network_policy,
    };
    let provider = Provider::Embedded(name.to_owned());
    let cancel = context.interrupt.token();
    let up = provider.ensure(&context.paths, Some(&supplies), &report, cancel);
    let cluster = up
        .await
        .with_context(|| format!("cluster {name} does not come up"))
        .inspect_err(|_| step.abandon())?;
    steps.end(&step, format!("{name} is ready"));
    Ok(cluster)
}

/// Runs both at once. When one fails the other is cancelled, and awaited so that it ends what it started.
async fn both<A, B>(
    cancel: &CancellationToken,
    one: impl Future<Output = anyhow::Result<A>>,
    other: impl Future<Output = anyhow::Result<B>>,
) -> anyhow::Result<(A, B)> {
    let failed = |error| {
        let first = !cancel.is_cancelled();
        cancel.cancel();
        (first, error)
    };
    let (one, other) = tokio::join!(one.map_err(failed), other.map_err(failed));
    match (one, other) {
        (Ok(one), Ok(other)) => Ok((one, other)),
        (Err(_), Err((true, error))) | (Err((_, error)), _) | (_, Err((_, error))) => Err(error),
    }
}

/// The folder with the programs that enforce network policies, built where they are missing.
async fn enforcer(context: &Context, report: &Reporter) -> anyhow::Result<PathBuf> {
    let cancel = context.interrupt.token();
    let built = ensured(context, &Group::POLICY, Minor::default(), report, cancel).await;
    let felix = built
        .context("network policies can't be enforced")?
        .path(Program::Felix);
    Ok(felix.parent().map(Path::to_owned).unwrap_or_default())
}

async fn programs(
    context: &Context,
    steps: &Steps,
    groups: &[Group],
    kubernetes: Minor,
    cancel: &CancellationToken,
) -> anyhow::Result<Toolchain> {
    let step = steps.begin("toolchain", "looking at what is built");
    let toolchain = ensured(context, groups, kubernetes, &reporter(&step), cancel)
        .await
        .inspect_err(|_| step.abandon())?;
    let programs = groups.iter().map(|group| group.programs().len()).sum();
    steps.end(&step, count(programs, "program"));
    Ok(toolchain)
}

async fn ensured(
    context: &Context,
    groups: &[Group],
    kubernetes: Minor,
    report: &Reporter,
    cancel: &CancellationToken,
) -> anyhow::Result<Toolchain> {
    let settings = Settings {
        kubernetes,
        ..Settings::from_env()?
    };
    let (source, paths) = (&context.source, &context.paths);
    let ensured = toolchain::ensure(paths, source, &settings, groups, report, cancel).await;
    ensured.context("can't make the programs")
}

/// The user's Helm, if there is one that can do what is asked of it.
async fn users_helm(context: &Context) -> Option<Helm> {
    let helm = Helm::new(on_path("helm")?);
    let suffices = helm.suffices(context.interrupt.token()).await;
    suffices.then_some(helm)
}

/// The user's Helm, else the toolchain's.
async fn helm(context: &Context, steps: &Steps) -> anyhow::Result<Helm> {
    if let Some(helm) = users_helm(context).await {
        return Ok(helm);
    }
    let cancel = context.interrupt.token();
    let programs = programs(context, steps, &[Group::Helm], Minor::default(), cancel).await?;
    Ok(Helm::new(programs.path(Program::Helm)))
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

impl Parts {
    /// The images.
    pub(crate) fn images(&self) -> &ImageSet {
        &self.images
    }
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

/// Shows a library's progress as what the step does.
pub(crate) fn reporter(step: &Step) -> Reporter {
    let step = step.clone();
    Arc::new(
        move |Progress {
                  task,
                  message,
                  step: at,
                  ..
              }: Progress| {
            let place = at
                .map(|at| format!("[{}/{}] ", at.index, at.total))
                .unwrap_or_default();
            // `cluster x` and `toolchain` say in the steps of that name what everybody knows.
            if task.starts_with(step.name()) && !task.starts_with("image ") {
                step.say(&format!("{place}{message}"));
            } else {
                step.say(&format!("{place}{task}: {message}"));
            }
        },
    )
}
